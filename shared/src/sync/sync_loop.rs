//! One sync: look at the remote, take in, send, look again, until both sides are the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Kind, Result,
    config::keys::REMOTE,
    git::{
        Oid, RefError, Repo,
        remotes::{Push, Rejected, RejectionCause, RemoteOptions},
    },
    model::{AgentId, LogId, text},
    store::{
        layout::{self, PrivateDir},
        writer,
    },
    sync::{
        changes::RefChanges,
        missing::{self, Missing},
        own_work::OwnWork,
        plan::{self, AgentChange, Sides, SyncPlan},
        ref_snapshot::RefSnapshot,
        relocated,
        remote::Remote,
        resilient_fetch::{self, Unfetched},
        screen::{self, LeaveConsent, Outgoing},
        secrets::Withheld,
    },
    world,
};

/// How often to try again when others are quicker.
const ATTEMPTS: u32 = 8;
/// Refs named in a message; more are counted.
const NAMED: usize = 3;

/// In which direction.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both.
    #[default]
    Both,
    /// Only receive.
    Fetch,
    /// Only send what the remote takes as it is.
    Push,
}

/// How to sync.
#[derive(Clone, Copy, Debug, Default)]
pub struct SyncOptions {
    /// In which direction.
    pub way: Direction,
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
    fn may_leave(&mut self, parcel: &Outgoing<'_>) -> Result<LeaveConsent>;
}

/// What came of it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct SyncOutcome {
    /// What changed here.
    pub changes: BTreeMap<String, AgentChange>,
    /// What changed here of subjects that are not agents: the name of each ref, below `refs/orchestra/`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_changes: BTreeMap<String, AgentChange>,
    /// Names of refs that the remote has now as we have them.
    pub sent: Vec<String>,
    /// What was not sent, and why.
    pub held: Vec<Withheld>,
    /// Commits of the user's that were sent along, because agents' work builds on them.
    pub own_work: Vec<OwnWork>,
    /// What was not taken in, and why.
    pub refused: BTreeMap<String, String>,
    /// What of it could not be fetched at all.
    pub unfetched: BTreeSet<String>,
    /// What the remote does not have from us, and why.
    pub unsent: BTreeMap<String, String>,
    /// Damaged refs of ours that were moved out of the way, because git cannot fetch past them, and where to.
    pub moved_aside: BTreeMap<String, PathBuf>,
    /// Refs here that could not be changed, and why: what the remote has of them is not taken in.
    pub locked: BTreeMap<String, String>,
    /// What the remote had and lost; it is still here.
    pub missing: Vec<String>,
    /// Refs of theirs with names that are not ours.
    pub strange: usize,
    /// Another clone writes under the name of this one, which is this from now on.
    pub renamed: Option<String>,
    /// The remote's URL before and now, where another repository is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relocated: Option<(String, String)>,
    /// How often it was tried to send.
    pub attempts: u32,
    /// It is the first time that anything is known of this remote.
    pub first: bool,
}

/// Syncs.
///
/// # Errors
/// Git cannot speak with the remote (5), it takes nothing (5), or others are quicker all the time (4). What was taken in stays.
pub fn run(repo: &Repo, remote: &Remote, order: &SyncOptions, talk: &mut dyn Talk) -> Result<SyncOutcome> {
    let mut sync = Sync {
        repo,
        remote,
        order,
        talk,
        outcome: SyncOutcome::default(),
        unfetched: Unfetched::new(),
        screened: BTreeSet::new(),
    };
    let relocated = relocated::look(repo, remote)?;
    let (mut before, mut theirs) = sync.look()?;
    if let Some(relocated) = relocated.filter(|relocated| relocated.is_another(&before, &theirs)) {
        before = RefSnapshot::default();
        relocated.set_aside_missing(repo, remote)?;
        sync.outcome.relocated = Some(relocated.shown());
    }
    if !order.dry_run {
        relocated::remember(repo, remote)?;
    }
    sync.outcome.first = before == RefSnapshot::default();
    sync.is_ours(&theirs)?;
    loop {
        let missing = missing::look(repo, &remote.name, &before, &theirs, order.restore)?;
        let mut plan = sync.take_in(&before, &theirs, &missing)?;
        plan.sends.retain(|push| !sync.outcome.unsent.contains_key(below_shared(&push.name)));
        if order.way == Direction::Fetch {
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
        if order.way == Direction::Push {
            break;
        }
        if rejected.iter().any(|one| one.cause != RejectionCause::Refused) {
            sync.wait()?;
        }
    }
    Ok(sync.outcome)
}

/// The name of a ref below the prefix that all shared ones have.
fn below_shared(name: &str) -> &str {
    name.strip_prefix(layout::SHARED).unwrap_or(name)
}

struct Sync<'a> {
    repo: &'a Repo,
    remote: &'a Remote,
    order: &'a SyncOptions,
    talk: &'a mut dyn Talk,
    outcome: SyncOutcome,
    /// What could not be fetched at the last look.
    unfetched: Unfetched,
    /// What stays at home, so that it is not looked at again.
    screened: BTreeSet<(String, Option<Oid>)>,
}

impl Sync<'_> {
    /// What the remote had at the last look, and what it has.
    fn look(&mut self) -> Result<(RefSnapshot, RefSnapshot)> {
        let tracking = layout::tracking(&self.remote.name);
        if !self.is_tracked(&tracking) {
            // Whoever syncs holds a lock of ours: what locks these refs is dead.
            self.repo.break_stale_locks_below(&tracking);
        }
        let mut before = RefSnapshot::read(self.repo, &tracking)?;
        let refspecs: Vec<String> =
            layout::kinds().map(|kind| format!("+{}{kind}/*:{tracking}{kind}/*", layout::SHARED)).collect();
        self.talk.doing(&format!("looking at {}", text::safe(&self.remote.address)));
        self.unfetched.clear();
        let mut fetched = self.fetch(&refspecs);
        if fetched.as_ref().is_err_and(|error| matches!(error.code, Code::NotAFile | Code::GitTimeout)) {
            // It waits for something that is in the way here, or for a remote that says nothing: it would again.
            return fetched.map(|()| (before, RefSnapshot::default()));
        }
        // Git fetches nothing while one ref, of whatever kind, names what is not here.
        if fetched.is_err() && self.move_damaged_refs()? {
            before = RefSnapshot::read(self.repo, &tracking)?;
            fetched = self.fetch(&refspecs);
        }
        if let Err(error) = fetched {
            // A git that was killed half-way left its locks.
            self.repo.break_stale_locks_below(&tracking);
            let (manner, talk) = (self.manner(), &mut self.talk);
            let mut watch = |said: &str| talk.doing(said);
            self.unfetched =
                resilient_fetch::fetch(self.repo, self.remote, &before, manner, error, &mut watch)?;
        }
        let theirs = RefSnapshot::read(self.repo, &tracking)?;
        self.outcome.strange = theirs.strange;
        Ok((before, theirs))
    }

    fn fetch(&mut self, refspecs: &[String]) -> Result<()> {
        let manner = self.manner();
        let talk = &mut self.talk;
        self.repo.fetch(&self.remote.address, refspecs, manner, &mut |said| talk.doing(said))
    }

    /// Moves every damaged ref of ours out of the way. `true`: there was one. What a remote has of it comes back with the fetch.
    fn move_damaged_refs(&mut self) -> Result<bool> {
        let mut damaged: Vec<(String, String)> = Vec::new();
        for prefix in [layout::SHARED, layout::PRIVATE] {
            let list = self.repo.ref_list(prefix)?;
            damaged.extend(list.broken.into_iter().map(|broken| (broken.name, broken.why)));
            for (name, _) in list.refs {
                damaged.extend(self.repo.ref_damage(&name)?.map(|why| (name, why)));
            }
        }
        if let (Some((name, why)), true) = (damaged.first(), self.order.dry_run) {
            return Err(Error::refused(format!("git cannot fetch past the damaged ref '{name}': it {why}"))
                .hint("git orchestra sync, without --dry-run, moves it out of the way"));
        }
        let folder = PrivateDir::new(self.repo.private_dir()?).damaged();
        let mut moved = false;
        for (name, _) in damaged {
            if let Some(file) = self.repo.set_ref_aside(&name, &folder)? {
                self.outcome.moved_aside.insert(name, file);
                moved = true;
            }
        }
        Ok(moved)
    }

    /// Whether a fetch of the user's writes there as well.
    fn is_tracked(&self, tracking: &str) -> bool {
        let refspecs = self.repo.fetch_refspecs(&self.remote.address);
        refspecs.iter().any(|refspec| refspec.contains(tracking))
    }

    fn manner(&self) -> RemoteOptions {
        RemoteOptions { ask: self.order.ask }
    }

    /// At first contact: agents of another project are not taken in.
    fn is_ours(&self, theirs: &RefSnapshot) -> Result<()> {
        let Ok(head) = self.repo.head() else { return Ok(()) };
        if !self.outcome.first || theirs.heads.is_empty() {
            return Ok(());
        }
        let here = self.repo.refs_below(layout::BRANCHES)?.into_iter().map(|(_, tip)| tip);
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
        Err(Error::new(Code::RemoteUnrelated, format!("'{address}' holds agents of another project"))
            .because(format!(
                "the work of the first {strangers} has no commit in common with this repository"
            ))
            .hint(format!("git orchestra sync OTHER-REMOTE, or {}", REMOTE.hint("OTHER-REMOTE"))))
    }

    /// Changes our refs. One that somebody else changes at the same moment waits for the next look.
    fn take_in(&mut self, before: &RefSnapshot, theirs: &RefSnapshot, missing: &Missing) -> Result<SyncPlan> {
        self.outcome.missing = missing.keys().cloned().collect();
        let ours = RefSnapshot::ours(self.repo)?;
        let is_whole = ours.broken.is_empty() && self.unfetched.is_empty();
        if is_whole && ours == (RefSnapshot { strange: ours.strange, ..theirs.clone() }) {
            self.outcome.refused.clear();
            self.outcome.locked.clear();
            return Ok(SyncPlan::default());
        }
        let writer = writer::known_writer(self.repo);
        // What could not be fetched is not known, and so not written over.
        let held: BTreeSet<String> = missing.keys().chain(self.unfetched.keys()).cloned().collect();
        let busy = !PrivateDir::new(self.repo.private_dir()?).agents().is_empty();
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
        self.outcome.refused.extend(self.unfetched.clone());
        self.outcome.unfetched = self.unfetched.keys().cloned().collect();
        self.outcome.unsent.extend(plan.unsent.clone());
        if self.order.way == Direction::Push {
            let as_it_is: BTreeSet<Oid> = [ours.agents.values(), ours.heads.values()]
                .into_iter()
                .flatten()
                .chain(ours.notes.values())
                .chain(ours.archives.values())
                .chain(ours.logs.values())
                .copied()
                .collect();
            plan.sends.retain(|push| push.new.is_some_and(|new| as_it_is.contains(&new)));
            return Ok(plan);
        }
        self.outcome.locked = if self.order.dry_run { BTreeMap::new() } else { self.change_ours(&plan)? };
        let unchanged: BTreeSet<LogId> =
            self.outcome.locked.keys().filter_map(|name| layout::owner_of(name)).collect();
        for (log, change) in plan.changes.iter().filter(|(log, _)| !unchanged.contains(log)) {
            let entry = match log {
                LogId::Agent(id) => self.outcome.changes.entry(id.to_string()),
                other => self.outcome.other_changes.entry(other.to_string()),
            };
            entry.or_insert(*change);
        }
        Ok(plan)
    }

    /// Gives the refs that somebody else has locked or changed, and what was said of each. All refs of one agent change together
    /// or not at all.
    fn change_ours(&mut self, plan: &SyncPlan) -> Result<BTreeMap<String, String>> {
        if plan.impostors > 0 {
            self.outcome.renamed = Some(writer::rename(self.repo)?.into());
        }
        let all = RefChanges { edits: plan.edits.clone(), deletes: plan.deletes.clone() };
        match all.make(self.repo) {
            Err(error) if is_of_one_ref(&error) => {}
            other => {
                other?;
                return Ok(BTreeMap::new());
            }
        }
        let mut unchanged = BTreeMap::new();
        for changes in all.remaining(self.repo)?.by_agent() {
            match changes.make(self.repo) {
                Err(error) if is_of_one_ref(&error) => {
                    let why = Error::from(error).one_line();
                    unchanged.extend(changes.names().map(|name| (name.to_owned(), why.clone())));
                }
                other => other?,
            }
        }
        Ok(unchanged)
    }

    /// What of the plan may leave.
    fn screen(&mut self, sends: &[Push]) -> Result<Vec<Push>> {
        let key = |push: &Push| (push.name.clone(), push.new);
        let new: Vec<Push> =
            sends.iter().filter(|push| !self.screened.contains(&key(push))).cloned().collect();
        let talk = &mut self.talk;
        talk.doing(&format!("reading what {} does not have", text::safe(&self.remote.address)));
        let manner = RemoteOptions { ask: self.order.ask };
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
        self.keep_at_home(sends.len(), &rejected)?;
        Ok(rejected)
    }

    /// What the remote does not take stays here by name; where it takes nothing at all, that is an error.
    fn keep_at_home(&mut self, sent: usize, rejected: &[Rejected]) -> Result<()> {
        let is_last = self.outcome.attempts >= ATTEMPTS;
        let stays = |one: &&Rejected| {
            one.cause == RejectionCause::Refused || one.cause == RejectionCause::Locked && is_last
        };
        if let Some(refused) = rejected.iter().find(|one| one.cause == RejectionCause::Refused)
            && rejected.len() == sent
        {
            return Err(self.refused(refused));
        }
        for one in rejected.iter().filter(stays) {
            let why = match one.cause {
                RejectionCause::Locked => one.why.clone(),
                RejectionCause::Race | RejectionCause::Refused => format!("it is not taken: {}", one.why),
            };
            self.outcome.unsent.insert(below_shared(&one.name).to_owned(), why);
        }
        Ok(())
    }

    fn refused(&self, rejected: &Rejected) -> Error {
        let (address, name) = (text::safe(&self.remote.address), text::one_line(&rejected.name, 200));
        Error::new(Code::RemoteRejected, format!("'{address}' does not take '{name}'"))
            .because(rejected.why.clone())
            .hint("git orchestra init --probe says what it takes")
            .hint("git orchestra sync --fetch takes in what it has")
    }

    fn outrun(&self, sends: &[Push]) -> Error {
        let names: Vec<&str> = sends.iter().take(NAMED).map(|one| one.name.as_str()).collect();
        let (n, address) = (sends.len(), text::safe(&self.remote.address));
        let message = format!("others write to '{address}' faster than we: {n} refs are not sent yet");
        Error::new(Code::RemoteChanged, message).because(names.join(", ")).hint("git orchestra sync")
    }

    /// What is said to be sent was seen there. Gives whether anything was.
    fn confirm(&mut self, sends: &[Push], theirs: &RefSnapshot) -> bool {
        let there = theirs.names();
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
        Error::new(Code::RemoteRejected, message)
            .because("it is a mirror, perhaps, that is written over")
            .hint(format!("git orchestra sync OTHER-REMOTE, or {}", REMOTE.hint("OTHER-REMOTE")))
    }

    /// A moment by chance, longer each time, so that those who met do not meet again.
    fn wait(&self) -> Result<()> {
        let most = 20_u64 << self.outcome.attempts.min(6);
        let chance = u64::from(world::random::<1>()?[0]);
        std::thread::sleep(Duration::from_millis(10 + most * chance / 255));
        Ok(())
    }
}

/// Whether an error is about some refs: somebody else changed or locked one, or it is broken.
fn is_of_one_ref(error: &RefError) -> bool {
    match error {
        RefError::Changed { .. } | RefError::Locked { .. } => true,
        RefError::Failed(error) => error.kind() == Kind::Internal,
    }
}

/// The agents that a push tells of.
pub fn agents_of(sends: &[Push]) -> BTreeSet<AgentId> {
    sends.iter().filter(|push| push.new.is_some()).filter_map(|push| layout::agent_of(&push.name)).collect()
}
