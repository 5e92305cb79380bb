//! Clones that write, sync, crash and lose data at random end up with the same objects: tests the decisions
//! of `sync` through the library, with the objects of all clones in memory and their refs in this file.
//!
//! `ORCHESTRA_SCHEDULES` sets the number of schedules of each kind, `ORCHESTRA_SEED` the first seed.

use std::collections::BTreeSet;

use orchestra::{
    git::{
        Oid, Repo,
        objects::{Commit, TreeEntry, TreeEntryKind},
        remotes::{PushRule, RefPush},
        repo::Identity,
    },
    model::{
        AgentId, Fact, LogId, Phase, RunKey, Subject, SubjectId, WorkStat,
        event::{Created, Event, Finished, PhaseChange},
        fold, run,
        subject::{FactOf, Folded},
        trailers,
    },
    store::{Chain, chain, commit},
    sync::{
        RefSnapshot,
        plan::{self, Sides, SyncPlan},
    },
};
use testkit::SeededRandom;

use crate::{library, world};

const CLONES: usize = 3;
const STEPS: u64 = 200;
const AGENTS: u64 = 5;
/// The number of rounds without new events after which all clones are equal.
const ROUNDS: usize = 3;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// All sync with one bare repository.
    Hub,
    /// Each syncs with the others.
    Ring,
    /// One of them has another version, with a different fold.
    Versions,
}

#[test]
fn clones_with_a_hub_converge() {
    many(Kind::Hub);
}

#[test]
fn clones_without_a_hub_converge() {
    many(Kind::Ring);
}

#[test]
fn clones_of_two_versions_converge() {
    many(Kind::Versions);
}

fn many(kind: Kind) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (count, begin) = (number("ORCHESTRA_SCHEDULES").unwrap_or(20), number("ORCHESTRA_SEED").unwrap_or(1));
    let world = world();
    let fixture = world.repo();
    for seed in begin..begin + count {
        let repo = library(&fixture).in_memory();
        Simulation::new(&repo, kind, seed).run();
    }
}

struct Simulation<'a> {
    repo: &'a Repo,
    kind: Kind,
    seed: u64,
    numbers: SeededRandom,
    clones: Vec<Clone>,
    hub: RefSnapshot,
    /// Event lines that a clone has written and that must not be lost.
    written: BTreeSet<String>,
    names: usize,
}

struct Clone {
    ours: RefSnapshot,
    /// Its last known state of the hub.
    tracking: RefSnapshot,
    writer: String,
    /// The error of its clock, in seconds.
    clock: i64,
}

impl<'a> Simulation<'a> {
    fn new(repo: &'a Repo, kind: Kind, seed: u64) -> Self {
        let mut numbers = SeededRandom::from(seed);
        let mut clone = |at: usize| {
            let wrong = [0, 86_400, -86_400, 315_360_000, -315_360_000];
            Clone {
                ours: RefSnapshot::default(),
                tracking: RefSnapshot::default(),
                writer: ["a", "b", "c"][at].to_owned(),
                clock: wrong[usize::try_from(numbers.below(5)).expect("small")],
            }
        };
        let clones = (0..CLONES).map(&mut clone).collect();
        Self {
            repo,
            kind,
            seed,
            numbers,
            clones,
            hub: RefSnapshot::default(),
            written: BTreeSet::new(),
            names: 0,
        }
    }

    fn pick(&mut self, of: u64) -> usize {
        usize::try_from(self.numbers.below(of)).expect("small")
    }

    fn run(mut self) {
        for _ in 0..STEPS {
            let at = self.pick(CLONES as u64);
            match self.numbers.below(20) {
                0..=9 => self.write(at),
                10..=11 => self.end(at),
                12 => self.archive(at),
                13 => self.note(at),
                14 => self.lose(),
                16 => self.write_run(at),
                15 if self.numbers.below(8) == 0 => self.copy_name(at),
                _ => {
                    let crash = (self.numbers.below(4) == 0).then(|| self.pick(6));
                    self.sync_with(at, crash);
                }
            }
        }
        self.settle();
    }

    fn settle(mut self) {
        for _ in 0..ROUNDS {
            for at in 0..CLONES {
                self.sync_with(at, None);
            }
        }
        let (kind, seed) = (self.kind, self.seed);
        for at in 0..CLONES {
            assert_eq!(
                self.clones[at].ours, self.clones[0].ours,
                "{kind:?} {seed}: clones 0 and {at} differ"
            );
            if self.kind != Kind::Ring {
                assert_eq!(self.clones[at].ours, self.hub, "{kind:?} {seed}: the hub and clone {at} differ");
            }
            for theirs in self.others(at) {
                let plan = self.plan(at, &theirs, &theirs);
                assert!(
                    plan.edits.is_empty() && plan.deletes.is_empty() && plan.sends.is_empty(),
                    "{seed}: {plan:?}"
                );
            }
        }
        self.nothing_is_lost();
    }

    /// Checks that every event is in the history of an agent or in an archive, and that both reading orders
    /// fold to the same bytes.
    fn nothing_is_lost(&self) {
        let side = &self.clones[0].ours;
        let mut found = BTreeSet::new();
        let tips = side.agents.values().chain(side.archives.values()).copied();
        for tip in tips {
            let chain = Chain::read(self.repo, &[tip]).expect("a chain");
            let forward = fold::fold(&chain.events).agent;
            let backward = fold::fold(chain.events.iter().rev()).agent;
            assert_eq!(trailers::write(&forward, "w"), trailers::write(&backward, "w"));
            found.extend(chain.events.into_iter().map(|event| event.line));
        }
        for tip in side.logs.values() {
            let chain = chain::Chain::<run::Run>::read(self.repo, &[*tip]).expect("a chain");
            assert_eq!(chain.fold(), run::fold::fold(chain.events.iter().rev()));
            found.extend(chain.events.into_iter().map(|event| event.line));
        }
        let lost: Vec<&String> = self.written.difference(&found).collect();
        assert!(lost.is_empty(), "{:?} {}: lost {lost:?}", self.kind, self.seed);
    }

    fn id(number: usize) -> AgentId {
        AgentId::parse(&format!("agent-{number:05}")).expect("an id")
    }

    fn write(&mut self, at: usize) {
        let id = Self::id(self.pick(AGENTS));
        let fact = match self.clones[at].ours.agents.get(&id) {
            None => {
                // Each agent name is used once.
                if self.clones.iter().any(|other| other.ours.agents.contains_key(&id))
                    || self.hub.agents.contains_key(&id)
                    || self.is_archived(&id)
                {
                    return;
                }
                let base = self.repo.head().expect("a head").into();
                Fact::Created(Created { title: format!("task {id}"), base, ..Created::default() })
            }
            Some(_) => match self.numbers.below(3) {
                0 => Fact::Stop { reason: Some(self.seed.to_string()) },
                1 => Fact::Phase(PhaseChange::new(1, Phase::Starting)),
                _ => Fact::Phase(PhaseChange::new(2, Phase::Running).because("x")),
            },
        };
        self.append(at, &id, &fact);
    }

    fn is_archived(&self, id: &AgentId) -> bool {
        let sides = self.clones.iter().map(|clone| &clone.ours).chain([&self.hub]);
        sides.flat_map(|side| side.archives.values()).any(|tip| {
            orchestra::store::archive::chain(self.repo, *tip)
                .expect("an archive")
                .iter()
                .any(|one| one.id == *id)
        })
    }

    /// Writes an event of the only run, to whose log all clones append.
    fn write_run(&mut self, at: usize) {
        let key = RunKey::parse("5t2k").expect("an id");
        let log = LogId::Run(key.clone());
        let tip = self.clones[at].ours.logs.get(&log).copied();
        let is_known = |side: &RefSnapshot| side.logs.contains_key(&log);
        let fact = match tip {
            // Only one clone creates it.
            None if self.clones.iter().any(|other| is_known(&other.ours)) || is_known(&self.hub) => return,
            None => run::Fact::Created(run::fact::Created { title: "a run".into(), ..Default::default() }),
            Some(_) if self.numbers.below(4) == 0 => {
                let phase = run::RunPhase::ALL[1 + self.pick(4)];
                run::Fact::Finished { phase, reason: None }
            }
            Some(_) => run::Fact::Note { text: Some(self.numbers.next().to_string()) },
        };
        let new = self.event(at, &key, tip, &fact);
        self.clones[at].ours.logs.insert(log, new);
    }

    fn append(&mut self, at: usize, id: &AgentId, fact: &Fact) {
        let tip = self.clones[at].ours.agents.get(id).copied();
        let new = self.event(at, id, tip, fact);
        let ours = &mut self.clones[at].ours;
        ours.agents.insert(id.clone(), new);
        let base = self.repo.head().expect("a head");
        ours.heads.entry(id.clone()).or_insert(base);
    }

    /// Writes an event after `tip`, as a clone that has only this tip would.
    fn event<I: SubjectId>(&mut self, at: usize, id: &I, tip: Option<Oid>, fact: &FactOf<I>) -> Oid {
        let clone = &self.clones[at];
        let read = |tip| chain::Chain::<I::Subject>::read(self.repo, &[tip]).expect("a chain");
        let chain = tip.map(read).unwrap_or_default();
        let seconds = 1_800_000_000 + clone.clock;
        let when = orchestra::world::Timestamp::from_second(seconds).expect("a time");
        let event = Event::new(fact, chain.lamport() + 1, when, &clone.writer).expect("an event");
        let before = tip.map(|_| chain.fold().into_state());
        let after = I::Subject::fold(chain.events.iter().chain([&event])).into_state();
        let line = event.line.clone();
        let mut message = commit::message(id, before.as_ref(), &[event], &after, &clone.writer);
        if self.kind == Kind::Versions && at == 2 {
            let fold = format!("Orchestra-Fold: {}", I::Subject::FOLD);
            message =
                message.replace(&fold, "Orchestra-Fold: 99").replace("State: running", "State: strange");
            message = message.replacen("\n\nOrchestra", "\n{\"malformed\":1.5}\n\nOrchestra", 1);
        }
        let new = self.commit(tip.into_iter().collect(), seconds, message, Oid::EMPTY_TREE);
        self.written.insert(line);
        new
    }

    fn commit(&self, parents: Vec<Oid>, seconds: i64, message: String, tree: Oid) -> Oid {
        let identity = Identity { name: "W".into(), email: "w@example.com".into() };
        self.repo.write_commit(&Commit::by(&identity, seconds, tree, parents, message)).expect("written")
    }

    /// Ends an agent, with work.
    fn end(&mut self, at: usize) {
        let id = Self::id(self.pick(AGENTS));
        let Some(head) = self.clones[at].ours.heads.get(&id).copied() else { return };
        let tree = self.repo.tree_of(head).expect("a tree");
        let message = format!("work {}", self.numbers.next());
        let work = self.commit(vec![head], 7, message, tree);
        self.clones[at].ours.heads.insert(id.clone(), work);
        let one_commit = WorkStat { commits: 1, ..WorkStat::default() };
        let finished =
            Finished { head: Some(work.into()), work: one_commit, ..Finished::empty(1, Phase::Done) };
        self.append(at, &id, &Fact::Finished(finished));
    }

    /// Archives an agent in memory, as `store::archive::add` does.
    fn archive(&mut self, at: usize) {
        let id = Self::id(self.pick(AGENTS));
        let ours = &self.clones[at].ours;
        let (Some(tip), Some(work)) = (ours.agents.get(&id).copied(), ours.heads.get(&id).copied()) else {
            return;
        };
        let writer = self.clones[at].writer.clone();
        let before = ours.archives.get(&writer).copied();
        let message = format!(
            "agent {id}: archived\n\nOrchestra-Agent: {id}\nOrchestra-Tip: {tip}\nOrchestra-Work: {work}\nOrchestra-Archive: 1\n"
        );
        let new = self.commit(before.into_iter().chain([tip, work]).collect(), 8, message, Oid::EMPTY_TREE);
        let ours = &mut self.clones[at].ours;
        ours.archives.insert(writer, new);
        ours.agents.remove(&id);
        ours.heads.remove(&id);
    }

    fn note(&mut self, at: usize) {
        let head = self.repo.head().expect("a head");
        let line = format!("{{\"n\":{},\"t\":\"landed\"}}\n", self.numbers.below(1000));
        let before = self.clones[at].ours.notes.get("results").copied();
        let old = before.and_then(|tip| self.repo.read_blob_of(tip, &head.to_string()).expect("a tree"));
        let text = String::from_utf8(old.unwrap_or_default()).expect("text") + &line;
        let blob = self.repo.write_blob(text.as_bytes()).expect("written");
        let tree = self
            .repo
            .write_entries(vec![TreeEntry::new(head.to_string(), TreeEntryKind::File, blob)])
            .expect("written");
        let new = self.commit(before.into_iter().collect(), 9, "notes\n".into(), tree);
        self.clones[at].ours.notes.insert("results".into(), new);
    }

    /// Makes the hub lose something that a clone has.
    fn lose(&mut self) {
        let id = Self::id(self.pick(AGENTS));
        let Some(there) = self.hub.agents.get(&id).copied() else { return };
        let holds = |clone: &Clone| {
            let tip = clone.ours.agents.get(&id);
            tip.is_some_and(|tip| Chain::holds(self.repo, *tip, there).expect("a chain"))
        };
        if self.clones.iter().any(holds) {
            self.hub.agents.remove(&id);
            self.hub.heads.remove(&id);
        }
    }

    /// Copies a machine: two clones then write under one writer id.
    fn copy_name(&mut self, at: usize) {
        self.clones[at].writer = self.clones[(at + 1) % CLONES].writer.clone();
    }

    /// Returns the repositories with which a clone syncs.
    fn others(&self, at: usize) -> Vec<RefSnapshot> {
        match self.kind {
            Kind::Ring => (1..CLONES).map(|next| self.clones[(at + next) % CLONES].ours.clone()).collect(),
            _ => vec![self.hub.clone()],
        }
    }

    fn plan(&self, at: usize, theirs: &RefSnapshot, before: &RefSnapshot) -> SyncPlan {
        let clone = &self.clones[at];
        let sides = Sides {
            ours: &clone.ours,
            theirs,
            before,
            held: &BTreeSet::new(),
            writer: Some(&clone.writer),
            work: true,
            busy: false,
        };
        let plan = plan::plan(self.repo, &sides).expect("a plan");
        assert!(plan.refused.is_empty(), "{:?} {}: {:?}", self.kind, self.seed, plan.refused);
        plan
    }

    /// Runs one sync; `crash` is the number of changes after which it is interrupted.
    fn sync_with(&mut self, at: usize, crash: Option<usize>) {
        let mut left = crash.unwrap_or(usize::MAX);
        for other in 0..self.others(at).len() {
            for _ in 0..8 {
                let theirs = self.others(at).swap_remove(other);
                let before = std::mem::replace(&mut self.clones[at].tracking, theirs.clone());
                let before = if self.kind == Kind::Ring { RefSnapshot::default() } else { before };
                let plan = self.plan(at, &theirs, &before);
                if plan.impostors > 0 {
                    self.names += 1;
                    self.clones[at].writer = format!("n{}", self.names);
                }
                if !self.apply_fetched(at, &plan, &mut left)
                    || self.kind == Kind::Ring
                    || plan.sends.is_empty()
                {
                    break;
                }
                // Another clone may have been first.
                if crash.is_some() && self.numbers.below(2) == 0 {
                    self.sync_with((at + 1) % CLONES, None);
                }
                for push in &plan.sends {
                    if left == 0 {
                        return;
                    }
                    left -= 1;
                    push_to(self.repo, &mut self.hub, push);
                }
            }
        }
    }

    fn apply_fetched(&mut self, at: usize, plan: &SyncPlan, left: &mut usize) -> bool {
        for edit in &plan.edits {
            if *left == 0 {
                return false;
            }
            *left -= 1;
            set(&mut self.clones[at].ours, &edit.name, Some(edit.new));
        }
        for (name, _) in &plan.deletes {
            set(&mut self.clones[at].ours, name, None);
        }
        true
    }
}

/// Applies a push as git and a server would.
fn push_to(repo: &Repo, hub: &mut RefSnapshot, push: &RefPush) {
    let now = get(hub, &push.name);
    let may = match (push.rule, now, push.new) {
        (PushRule::Lease(old), now, _) => old == now,
        (PushRule::FastForwardOnly, Some(now), Some(new)) => repo.contains(new, now).expect("a history"),
        (PushRule::FastForwardOnly, _, _) => true,
    };
    if may {
        set(hub, &push.name, push.new);
    }
}

fn get(side: &RefSnapshot, name: &str) -> Option<Oid> {
    let (kind, rest) = split(name);
    match kind {
        "agents" => side.agents.get(&AgentId::parse(rest).expect("an id")).copied(),
        "heads" => side.heads.get(&AgentId::parse(rest).expect("an id")).copied(),
        "notes" => side.notes.get(rest).copied(),
        "runs" => side.logs.get(&log(kind, rest)).copied(),
        _ => side.archives.get(rest).copied(),
    }
}

fn set(side: &mut RefSnapshot, name: &str, new: Option<Oid>) {
    if name.starts_with("refs/orchestra-local/") {
        return;
    }
    let (kind, rest) = split(name);
    let id = || AgentId::parse(rest).expect("an id");
    match (kind, new) {
        ("agents", Some(new)) => drop(side.agents.insert(id(), new)),
        ("agents", None) => drop(side.agents.remove(&id())),
        ("heads", Some(new)) => drop(side.heads.insert(id(), new)),
        ("heads", None) => drop(side.heads.remove(&id())),
        ("runs", Some(new)) => drop(side.logs.insert(log(kind, rest), new)),
        ("notes", Some(new)) => drop(side.notes.insert(rest.to_owned(), new)),
        (_, Some(new)) => drop(side.archives.insert(rest.to_owned(), new)),
        (_, None) => unreachable!("{name}"),
    }
}

fn log(kind: &str, id: &str) -> LogId {
    LogId::parse(&format!("{kind}/{id}")).expect("a log")
}

fn split(name: &str) -> (&str, &str) {
    name.strip_prefix("refs/orchestra/").and_then(|name| name.split_once('/')).expect("a ref name of ours")
}
