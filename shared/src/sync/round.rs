//! One sync: look at the remote, take in, send, look again, until both sides are the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;

use crate::{
    Error, Kind, Result,
    git::{
        Oid, Repo,
        remotes::{Manner, Push, Rejected},
    },
    model::{AgentId, text},
    store::{
        layout::{self, Private},
        writer,
    },
    sync::{
        missing::{self, Missing},
        own_work::OwnWork,
        plan::{self, Change, Plan, Sides},
        remote::Remote,
        screen::{self, Leave, Parcel},
        secrets::Held,
        side::Side,
    },
    world,
};

/// How often to try again when others are quicker.
const ATTEMPTS: u32 = 8;
/// Refs named in a message; more are counted.
const NAMED: usize = 3;

/// In which direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Way {
    /// Both.
    #[default]
    Both,
    /// Take in only.
    Fetch,
    /// Send only what the remote takes as it is.
    Push,
}

/// How to sync.
#[derive(Clone, Copy, Debug, Default)]
pub struct Order {
    /// In which direction.
    pub way: Way,
    /// Change nothing but what is known of the remote.
    pub dry_run: bool,
    /// Send again what the remote lost.
    pub restore: bool,
    /// The work travels as well.
    pub work: bool,
    /// Git may ask for a password.
    pub ask: bool,
}

/// Who is asked and told on the way.
pub trait Talk {
    /// What happens now.
    fn doing(&mut self, what: &str);
    /// Whether this may leave.
    ///
    /// # Errors
    /// It may not (3).
    fn may_leave(&mut self, parcel: &Parcel<'_>) -> Result<Leave>;
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// What changed here.
    pub changes: BTreeMap<String, Change>,
    /// Names of refs that the remote has now as we have them.
    pub sent: Vec<String>,
    /// What was not sent, and why.
    pub held: Vec<Held>,
    /// Commits of the user's that were sent along, because agents' work builds on them.
    pub own_work: Vec<OwnWork>,
    /// What was not taken in, and why.
    pub refused: BTreeMap<String, String>,
    /// What the remote had and lost; it is still here.
    pub missing: Vec<String>,
    /// Refs of theirs with names that are not ours.
    pub strange: usize,
    /// Another clone writes under the name of this one, which is this from now on.
    pub renamed: Option<String>,
    /// How often it was tried to send.
    pub attempts: u32,
    /// It is the first time that anything is known of this remote.
    #[serde(skip)]
    pub first: bool,
}

/// Syncs.
///
/// # Errors
/// Git cannot speak with the remote (5), it takes nothing (5), or others are quicker all the time (4). What was taken in stays.
pub fn run(repo: &Repo, remote: &Remote, order: &Order, talk: &mut dyn Talk) -> Result<Outcome> {
    let mut sync = Sync { repo, remote, order, talk, outcome: Outcome::default(), screened: BTreeSet::new() };
    let (mut before, mut theirs) = sync.look()?;
    sync.outcome.first = before == Side::default();
    sync.is_ours(&theirs)?;
    loop {
        let missing = missing::look(repo, &remote.name, &before, &theirs, order.restore)?;
        let plan = sync.take_in(&before, &theirs, &missing)?;
        if order.way == Way::Fetch {
            break;
        }
        let sends = sync.screen(&plan.sends)?;
        if sends.is_empty() {
            break;
        }
        if order.dry_run {
            sync.outcome.sent = sends.into_iter().map(|push| push.name).collect();
            break;
        }
        if sync.outcome.attempts >= ATTEMPTS {
            return Err(sync.outrun(&sends));
        }
        let rejected = sync.send(&sends)?;
        (before, theirs) = sync.look()?;
        let seen = sync.confirm(&sends, &theirs);
        if rejected.is_empty() && !seen {
            return Err(sync.swallowed(&sends));
        }
        if order.way == Way::Push {
            break;
        }
        if !rejected.is_empty() {
            sync.wait()?;
        }
    }
    Ok(sync.outcome)
}

struct Sync<'a> {
    repo: &'a Repo,
    remote: &'a Remote,
    order: &'a Order,
    talk: &'a mut dyn Talk,
    outcome: Outcome,
    /// What stays at home, so that it is not looked at again.
    screened: BTreeSet<(String, Option<Oid>)>,
}

impl Sync<'_> {
    /// What the remote had at the last look, and what it has.
    fn look(&mut self) -> Result<(Side, Side)> {
        let tracking = layout::tracking(&self.remote.name);
        if !self.is_tracked(&tracking) {
            // Whoever syncs holds a lock of ours: what locks these refs is dead.
            self.repo.take_locks_away_below(&tracking);
        }
        let before = Side::read(self.repo, &tracking)?;
        let refspecs: Vec<String> = layout::KINDS
            .iter()
            .map(|kind| format!("+{}{kind}/*:{tracking}{kind}/*", layout::SHARED))
            .collect();
        self.talk.doing(&format!("looking at {}", text::safe(&self.remote.address)));
        let manner = self.manner();
        let talk = &mut self.talk;
        self.repo.fetch(&self.remote.address, &refspecs, manner, &mut |said| talk.doing(said))?;
        let theirs = Side::read(self.repo, &tracking)?;
        self.outcome.strange = theirs.strange;
        Ok((before, theirs))
    }

    /// Whether a fetch of the user's writes there as well.
    fn is_tracked(&self, tracking: &str) -> bool {
        let refspecs = self.repo.config_all(&format!("remote.{}.fetch", self.remote.address));
        refspecs.iter().any(|refspec| refspec.contains(tracking))
    }

    fn manner(&self) -> Manner {
        Manner { ask: self.order.ask }
    }

    /// At first contact: agents of another project are not taken in.
    fn is_ours(&self, theirs: &Side) -> Result<()> {
        let Ok(head) = self.repo.head() else { return Ok(()) };
        if !self.outcome.first || theirs.heads.is_empty() {
            return Ok(());
        }
        let here = self.repo.refs_below("refs/heads/")?.into_iter().map(|(_, tip)| tip);
        let here: Vec<Oid> = here.chain([head]).take(64).collect();
        let mut strangers = 0;
        for tip in theirs.heads.values().take(NAMED) {
            let related = |one: &Oid| self.repo.are_related(*one, *tip).unwrap_or(true);
            if here.iter().any(related) {
                return Ok(());
            }
            strangers += 1;
        }
        let address = text::safe(&self.remote.address);
        Err(Error::refused(format!("'{address}' holds agents of another project"))
            .because(format!(
                "the work of the first {strangers} has no commit in common with this repository"
            ))
            .hint("git orchestra sync OTHER-REMOTE, or git config orchestra.remote OTHER-REMOTE"))
    }

    /// Changes our refs. One that somebody else changes at the same moment waits for the next look.
    fn take_in(&mut self, before: &Side, theirs: &Side, missing: &Missing) -> Result<Plan> {
        self.outcome.missing = missing.keys().cloned().collect();
        let ours = Side::ours(self.repo)?;
        if ours == (Side { strange: ours.strange, ..theirs.clone() }) {
            self.outcome.refused.clear();
            return Ok(Plan::default());
        }
        let writer = writer::known_writer(self.repo);
        let held: BTreeSet<String> = missing.keys().cloned().collect();
        let busy = !Private::new(self.repo.private_dir()?).agents().is_empty();
        let sides = Sides {
            ours: &ours,
            theirs,
            before,
            held: &held,
            writer: writer.as_deref(),
            work: self.order.work,
            busy,
        };
        let mut plan = plan::plan(self.repo, &sides)?;
        self.outcome.refused = plan.refused.clone();
        if self.order.way == Way::Push {
            let as_it_is: BTreeSet<Oid> = [ours.agents.values(), ours.heads.values()]
                .into_iter()
                .flatten()
                .chain(ours.notes.values())
                .chain(ours.archives.values())
                .copied()
                .collect();
            plan.sends.retain(|push| push.new.is_some_and(|new| as_it_is.contains(&new)));
            return Ok(plan);
        }
        for (id, change) in &plan.changes {
            self.outcome.changes.entry(id.to_string()).or_insert(*change);
        }
        if !self.order.dry_run {
            self.change_ours(&plan)?;
        }
        Ok(plan)
    }

    fn change_ours(&mut self, plan: &Plan) -> Result<()> {
        const WHY: &str = "orchestra: sync";
        if plan.impostors > 0 {
            self.outcome.renamed = Some(writer::rename(self.repo)?);
        }
        match self.repo.edit_refs(&plan.edits, WHY) {
            Err(error) if error.kind == Kind::Conflict => {
                for edit in &plan.edits {
                    match self.repo.edit_refs(std::slice::from_ref(edit), WHY) {
                        Err(error) if error.kind != Kind::Conflict => return Err(error),
                        _ => {}
                    }
                }
            }
            other => other?,
        }
        match self.repo.delete_refs(&plan.deletes) {
            Err(error) if error.kind != Kind::Conflict => Err(error),
            _ => Ok(()),
        }
    }

    /// What of the plan may leave.
    fn screen(&mut self, sends: &[Push]) -> Result<Vec<Push>> {
        let key = |push: &Push| (push.name.clone(), push.new);
        let new: Vec<Push> =
            sends.iter().filter(|push| !self.screened.contains(&key(push))).cloned().collect();
        let talk = &mut self.talk;
        talk.doing(&format!("reading what {} does not have", text::safe(&self.remote.address)));
        let manner = Manner { ask: self.order.ask };
        let screened =
            screen::screen(self.repo, self.remote, &new, manner, &mut |parcel| talk.may_leave(parcel))?;
        let go: BTreeSet<_> = screened.go.iter().map(key).collect();
        self.screened.extend(new.iter().map(key).filter(|one| !go.contains(one)));
        for held in screened.held {
            if !self.outcome.held.iter().any(|known| known.name == held.name) {
                self.outcome.held.push(held);
            }
        }
        if !screened.own.is_empty() {
            self.outcome.own_work = screened.own;
        }
        Ok(screened.go)
    }

    /// Gives what was rejected because others were quicker.
    fn send(&mut self, sends: &[Push]) -> Result<Vec<Rejected>> {
        self.outcome.attempts += 1;
        let n = sends.len();
        self.talk.doing(&format!("sending {n} refs to {}", text::safe(&self.remote.address)));
        let manner = self.manner();
        let talk = &mut self.talk;
        let rejected = self.repo.push(&self.remote.address, sends, manner, &mut |said| talk.doing(said))?;
        match rejected.iter().find(|one| !one.outrun) {
            Some(refused) => Err(self.refused(refused)),
            None => Ok(rejected),
        }
    }

    fn refused(&self, rejected: &Rejected) -> Error {
        let (address, name) = (text::safe(&self.remote.address), text::one_line(&rejected.name, 200));
        Error::new(Kind::External, format!("'{address}' does not take '{name}'"))
            .because(rejected.why.clone())
            .hint("git orchestra init --probe says what it takes")
            .hint("git orchestra sync --fetch takes in what it has")
    }

    fn outrun(&self, sends: &[Push]) -> Error {
        let names: Vec<&str> = sends.iter().take(NAMED).map(|one| one.name.as_str()).collect();
        let (n, address) = (sends.len(), text::safe(&self.remote.address));
        let message = format!("others write to '{address}' faster than we: {n} refs are not sent yet");
        Error::new(Kind::Conflict, message).because(names.join(", ")).hint("git orchestra sync")
    }

    /// What is said to be sent was seen there. Gives whether anything was.
    fn confirm(&mut self, sends: &[Push], theirs: &Side) -> bool {
        let there = names(theirs);
        let arrived = |push: &&Push| match (there.get(&push.name), push.new) {
            (Some(now), Some(new)) => *now == new || self.repo.contains(*now, new).unwrap_or(false),
            (now, new) => now.is_none() && new.is_none(),
        };
        let seen: Vec<String> = sends.iter().filter(arrived).map(|push| push.name.clone()).collect();
        let any = !seen.is_empty();
        self.outcome.sent.extend(seen);
        self.outcome.sent.sort_unstable();
        self.outcome.sent.dedup();
        any
    }

    fn swallowed(&self, sends: &[Push]) -> Error {
        let (n, address) = (sends.len(), text::safe(&self.remote.address));
        let message = format!("'{address}' took {n} refs, and does not have them");
        Error::new(Kind::External, message)
            .because("it is a mirror, perhaps, that is written over")
            .hint("git orchestra sync OTHER-REMOTE, or git config orchestra.remote OTHER-REMOTE")
    }

    /// A moment by chance, longer each time, so that those who met do not meet again.
    fn wait(&self) -> Result<()> {
        let most = 20_u64 << self.outcome.attempts.min(6);
        let chance = u64::from(world::random::<1>()?[0]);
        std::thread::sleep(Duration::from_millis(10 + most * chance / 255));
        Ok(())
    }
}

fn names(side: &Side) -> BTreeMap<String, Oid> {
    let agents = side.agents.iter().map(|(id, tip)| (layout::agent_ref(id), *tip));
    let heads = side.heads.iter().map(|(id, tip)| (layout::head_ref(id), *tip));
    let notes = side.notes.iter().map(|(topic, tip)| (layout::notes_ref(topic), *tip));
    let archives = side.archives.iter().map(|(writer, tip)| (layout::archive_ref(writer), *tip));
    agents.chain(heads).chain(notes).chain(archives).collect()
}

/// The agents that a push tells of.
pub fn agents_of(sends: &[Push]) -> BTreeSet<AgentId> {
    sends.iter().filter(|push| push.new.is_some()).filter_map(|push| layout::agent_of(&push.name)).collect()
}
