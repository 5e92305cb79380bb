//! One sync: fetches from the remote, merges, sends, and fetches again, until both sides have the same.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::PathBuf,
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Kind, Result,
    config::keys::REMOTE,
    context::{Context, Event},
    git::{
        Oid, RefError, Repo,
        remotes::{RefPush, RejectedRef, RejectionCause, RemoteOptions},
    },
    model::{AgentId, LogId, text},
    store::{
        layout::{self, PrivateDir},
        writer,
    },
    sync::{
        changes::RefChanges,
        missing::{self, Missing},
        outgoing::{self, Tracking},
        own_work::OwnWork,
        plan::{self, AgentChange, Sides, SyncPlan},
        ref_snapshot::RefSnapshot,
        relocated,
        remote::Remote,
        remote_tips,
        resilient_fetch::{self, Unfetched},
        same_project,
        screen::{self, SendConsent},
        secrets::Withheld,
    },
    world,
};

/// How often to try to send while other clones change the remote at the same time.
const MAX_ATTEMPTS: u32 = 8;
/// The maximum number of refs that a message names.
const MAX_NAMED: usize = 3;

/// The direction of a sync.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Receive and send.
    #[default]
    Both,
    /// Only receive.
    Fetch,
    /// Only send, and only refs that the remote accepts without a merge.
    Push,
}

/// The options of a sync.
#[derive(Clone, Copy, Debug, Default)]
pub struct SyncOptions {
    /// Whether to receive, send, or both.
    pub way: Direction,
    /// Change nothing except the tracking refs of the remote.
    pub dry_run: bool,
    /// Send what the remote lost again.
    pub restore: bool,
    /// Send agents' work as well.
    pub work: bool,
    /// Allow git to ask for a password.
    pub ask: bool,
}

/// The outcome of a sync.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct SyncOutcome {
    /// How agents changed in this clone, by id.
    pub changes: BTreeMap<String, AgentChange>,
    /// How subjects other than agents changed in this clone, by the name of their ref below `refs/orchestra/`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_changes: BTreeMap<String, AgentChange>,
    /// The names of the refs that were sent.
    pub sent: Vec<String>,
    /// What was not sent, and why.
    pub held: Vec<Withheld>,
    /// The user's own commits that were sent because agents' work builds on them.
    pub own_work: Vec<OwnWork>,
    /// What was not merged, by its name at the remote, and why.
    pub refused: BTreeMap<String, String>,
    /// Those of them that could not even be fetched.
    pub unfetched: BTreeSet<String>,
    /// What could not be sent, and why.
    pub unsent: BTreeMap<String, String>,
    /// Damaged local refs that were moved to files, because git does not fetch while they exist.
    pub moved_aside: BTreeMap<String, PathBuf>,
    /// Local refs that could not be changed, and why. What the remote has for them is not merged.
    pub locked: BTreeMap<String, String>,
    /// What the remote had and lost; this clone still has it.
    pub missing: Vec<String>,
    /// The number of refs at the remote whose names are not recognized.
    pub strange: usize,
    /// The new writer id of this clone, if another clone uses the old one.
    pub renamed: Option<String>,
    /// The old and the new URL of the remote, if it is a different repository now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relocated: Option<(String, String)>,
    /// How often sending was tried.
    pub attempts: u32,
    /// Whether this is the first sync with this remote.
    pub first: bool,
}

/// Syncs this clone with a remote.
///
/// # Errors
/// Git cannot reach the remote (5), the remote refuses everything (5), other clones changed it during every attempt (4), or the user
/// interrupts it (130). What was received by then stays.
pub fn run(
    context: &Context,
    repo: &Repo,
    remote: &Remote,
    options: &SyncOptions,
    consent: &mut dyn SendConsent,
) -> Result<SyncOutcome> {
    let mut sync = SyncRun {
        context,
        repo,
        remote,
        options,
        consent,
        outcome: SyncOutcome::default(),
        unfetched: Unfetched::new(),
        screened: BTreeSet::new(),
        logs: HashSet::new(),
    };
    if !options.dry_run {
        outgoing::remove_leftovers(repo)?;
    }
    let relocated = relocated::detect(repo, remote)?;
    let (mut before, mut theirs) = sync.fetch_snapshots()?;
    if let Some(relocated) = relocated.filter(|relocated| relocated.is_another(&before, &theirs)) {
        before = RefSnapshot::default();
        relocated.set_aside_missing(repo, remote)?;
        sync.outcome.relocated = Some(relocated.shown());
    }
    if !options.dry_run {
        relocated::record_url(repo, remote)?;
    }
    sync.outcome.first = before == RefSnapshot::default();
    if sync.outcome.first {
        same_project::check(repo, remote, &theirs)?;
    }
    loop {
        context.check()?;
        let missing = missing::update(repo, &remote.name, &before, &theirs, options.restore)?;
        let mut plan = sync.merge_remote(&before, &theirs, &missing)?;
        plan.sends.retain(|push| !sync.outcome.unsent.contains_key(below_shared(&push.name)));
        if options.way == Direction::Fetch {
            break;
        }
        let sends = sync.screen(&plan.sends)?;
        if sends.is_empty() {
            break;
        }
        if options.dry_run {
            sync.outcome.sent = sends.into_iter().map(|push| push.name).collect();
            break;
        }
        if sync.outcome.attempts >= MAX_ATTEMPTS {
            return Err(sync.race_error(&sends));
        }
        let (rejected, now) = sync.send(&sends)?;
        (before, theirs) = (theirs, now);
        let seen = sync.record_arrived(&sends, &theirs);
        if rejected.is_empty() && !seen {
            return Err(sync.vanished_error(&sends));
        }
        if options.way == Direction::Push {
            break;
        }
        if rejected.iter().any(|one| one.cause != RejectionCause::Refused) {
            sync.wait()?;
        }
    }
    Ok(sync.outcome)
}

/// Returns the name of a ref below the prefix of shared refs.
fn below_shared(name: &str) -> &str {
    name.strip_prefix(layout::SHARED).unwrap_or(name)
}

struct SyncRun<'a> {
    context: &'a Context,
    repo: &'a Repo,
    remote: &'a Remote,
    options: &'a SyncOptions,
    consent: &'a mut dyn SendConsent,
    outcome: SyncOutcome,
    /// What could not be fetched in the last fetch.
    unfetched: Unfetched,
    /// What is not sent, so that it is not searched again.
    screened: BTreeSet<(String, Option<Oid>)>,
    /// Commits that are in the log of an agent.
    logs: HashSet<Oid>,
}

impl SyncRun<'_> {
    /// Fetches from the remote. Returns what it had before, and what it has now.
    fn fetch_snapshots(&mut self) -> Result<(RefSnapshot, RefSnapshot)> {
        let tracking = layout::tracking(&self.remote.name);
        if !self.is_tracked(&tracking) {
            // Only one sync runs at a time, so these ref locks belong to processes that died.
            self.repo.break_stale_locks_below(&tracking);
        }
        let mut before = RefSnapshot::read(self.repo, &tracking)?;
        let refspecs: Vec<String> =
            layout::kinds().map(|kind| format!("+{}{kind}/*:{tracking}{kind}/*", layout::SHARED)).collect();
        self.context.emit(&Event::FetchStarted { remote: self.remote.address.clone() });
        self.unfetched.clear();
        let mut fetched = self.fetch(&refspecs);
        if fetched
            .as_ref()
            .is_err_and(|error| matches!(error.code, Code::NotAFile | Code::GitTimeout | Code::Interrupted))
        {
            // A file here blocked git, the remote did not answer, or the user interrupted it: trying again would not help.
            return fetched.map(|()| (before, RefSnapshot::default()));
        }
        // Git fetches nothing while any ref points to a missing object.
        if fetched.is_err() && self.move_damaged_refs()? {
            before = RefSnapshot::read(self.repo, &tracking)?;
            fetched = self.fetch(&refspecs);
        }
        if let Err(error) = fetched {
            // A git process that was killed may have left its locks.
            self.repo.break_stale_locks_below(&tracking);
            let options = self.options();
            self.unfetched =
                resilient_fetch::fetch(self.context, self.repo, self.remote, &before, options, error)?;
        }
        let theirs = RefSnapshot::read(self.repo, &tracking)?;
        self.outcome.strange = theirs.strange;
        Ok((before, theirs))
    }

    fn fetch(&mut self, refspecs: &[String]) -> Result<()> {
        self.repo.fetch(self.context, &self.remote.address, refspecs, self.options())
    }

    /// Moves every damaged local ref to a file, and returns whether there was one. The fetch restores what the remote has of it.
    fn move_damaged_refs(&mut self) -> Result<bool> {
        let mut damaged: Vec<(String, String)> = Vec::new();
        for prefix in [layout::SHARED, layout::PRIVATE] {
            let list = self.repo.ref_list(prefix)?;
            damaged.extend(list.broken.into_iter().map(|broken| (broken.name, broken.why)));
            for (name, _) in list.refs {
                damaged.extend(self.repo.ref_damage(&name)?.map(|why| (name, why)));
            }
        }
        if let (Some((name, why)), true) = (damaged.first(), self.options.dry_run) {
            return Err(Error::refused(format!(
                "git cannot fetch because of the damaged ref '{name}': it {why}"
            ))
            .hint("to move it out of the way, without --dry-run: git orchestra sync"));
        }
        let folder = PrivateDir::new(self.repo.private_dir()?).damaged();
        let mut moved = false;
        for (name, _) in damaged {
            if let Some(file) = self.repo.quarantine_ref(&name, &folder)? {
                self.outcome.moved_aside.insert(name, file);
                moved = true;
            }
        }
        Ok(moved)
    }

    /// Returns whether a fetch by the user writes these tracking refs as well.
    fn is_tracked(&self, tracking: &str) -> bool {
        let refspecs = self.repo.fetch_refspecs(&self.remote.address);
        refspecs.iter().any(|refspec| refspec.contains(tracking))
    }

    fn options(&self) -> RemoteOptions {
        RemoteOptions { ask: self.options.ask }
    }

    /// Plans the sync and changes the local refs. A ref that another process changes at the same time is left to the next fetch.
    fn merge_remote(
        &mut self,
        before: &RefSnapshot,
        theirs: &RefSnapshot,
        missing: &Missing,
    ) -> Result<SyncPlan> {
        self.outcome.missing = missing.keys().cloned().collect();
        let ours = RefSnapshot::ours_again(self.repo, &mut self.logs)?;
        let is_whole = ours.broken.is_empty() && self.unfetched.is_empty();
        if is_whole && ours == (RefSnapshot { strange: ours.strange, ..theirs.clone() }) {
            self.outcome.refused.clear();
            self.outcome.locked.clear();
            return Ok(SyncPlan::default());
        }
        let writer = writer::known_writer(self.repo);
        // What could not be fetched is unknown, and so it is not overwritten at the remote.
        let held: BTreeSet<String> = missing.keys().chain(self.unfetched.keys()).cloned().collect();
        let busy = !PrivateDir::new(self.repo.private_dir()?).agents().is_empty();
        let sides = Sides {
            ours: &ours,
            theirs,
            before,
            held: &held,
            writer: writer.as_deref(),
            work: self.options.work,
            busy,
        };
        let mut plan = plan::plan(self.repo, &sides)?;
        self.outcome.refused = plan.refused.clone();
        self.outcome.refused.extend(self.unfetched.clone());
        self.outcome.unfetched = self.unfetched.keys().cloned().collect();
        self.outcome.unsent.extend(plan.unsent.clone());
        if self.options.way == Direction::Push {
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
        self.outcome.locked = if self.options.dry_run { BTreeMap::new() } else { self.change_ours(&plan)? };
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

    /// Changes the local refs, those of one agent together or not at all. Returns the refs that another process has locked or
    /// changed, each with the error.
    fn change_ours(&mut self, plan: &SyncPlan) -> Result<BTreeMap<String, String>> {
        if plan.impostors > 0 {
            self.outcome.renamed = Some(writer::replace_id(self.repo)?.into());
        }
        let all = RefChanges { edits: plan.edits.clone(), deletes: plan.deletes.clone() };
        match all.make(self.repo) {
            Err(error) if concerns_single_refs(&error) => {}
            other => {
                other?;
                return Ok(BTreeMap::new());
            }
        }
        let mut unchanged = BTreeMap::new();
        for changes in all.remaining(self.repo)?.by_agent() {
            match changes.make(self.repo) {
                Err(error) if concerns_single_refs(&error) => {
                    let why = Error::from(error).one_line();
                    unchanged.extend(changes.names().map(|name| (name.to_owned(), why.clone())));
                }
                other => other?,
            }
        }
        Ok(unchanged)
    }

    /// Returns the pushes of a plan that may be sent.
    fn screen(&mut self, sends: &[RefPush]) -> Result<Vec<RefPush>> {
        let key = |push: &RefPush| (push.name.clone(), push.new);
        let new: Vec<RefPush> =
            sends.iter().filter(|push| !self.screened.contains(&key(push))).cloned().collect();
        self.context.emit(&Event::ScanStarted { remote: self.remote.address.clone() });
        let options = self.options();
        let screened = screen::screen(self.context, self.repo, self.remote, &new, options, self.consent)?;
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

    /// Sends refs. Returns those that the remote rejected, and what it has now.
    fn send(&mut self, sends: &[RefPush]) -> Result<(Vec<RejectedRef>, RefSnapshot)> {
        self.outcome.attempts += 1;
        self.context.emit(&Event::PushStarted { remote: self.remote.address.clone(), refs: sends.len() });
        let tracking = Tracking(layout::tracking(&self.remote.name));
        let sent = outgoing::send(self.context, self.repo, self.remote, &tracking, sends, self.options())?;
        self.record_rejected(sends.len(), &sent.rejected)?;
        let as_tracked = match sent.is_tracked {
            true => remote_tips::as_tracked(self.context, self.repo, self.remote, self.options())?,
            false => None,
        };
        let now = match as_tracked {
            Some(now) => now,
            None => self.fetch_snapshots()?.1,
        };
        Ok((sent.rejected, now))
    }

    /// Records the refs that the remote does not accept. It is an error if the remote accepts none.
    fn record_rejected(&mut self, sent: usize, rejected: &[RejectedRef]) -> Result<()> {
        let is_last = self.outcome.attempts >= MAX_ATTEMPTS;
        let stays = |one: &&RejectedRef| {
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
                RejectionCause::Race | RejectionCause::Refused => {
                    format!("the remote rejects it: {}", one.why)
                }
            };
            self.outcome.unsent.insert(below_shared(&one.name).to_owned(), why);
        }
        Ok(())
    }

    fn refused(&self, rejected: &RejectedRef) -> Error {
        let (address, name) = (text::safe(&self.remote.address), text::one_line(&rejected.name, 200));
        Error::new(Code::RemoteRejected, format!("'{address}' rejects '{name}'"))
            .because(rejected.why.clone())
            .hint("to find out what it accepts: git orchestra init --probe")
            .hint("to only receive what it has: git orchestra sync --fetch")
    }

    fn race_error(&self, sends: &[RefPush]) -> Error {
        let names: Vec<&str> = sends.iter().take(MAX_NAMED).map(|one| one.name.as_str()).collect();
        let (n, address) = (sends.len(), text::safe(&self.remote.address));
        let message = format!("other clones keep changing '{address}': {n} refs are not sent yet");
        Error::new(Code::RemoteChanged, message).because(names.join(", ")).hint("git orchestra sync")
    }

    /// Adds the pushes that the remote now has to the outcome. Returns whether there are any.
    fn record_arrived(&mut self, sends: &[RefPush], theirs: &RefSnapshot) -> bool {
        let there = theirs.names();
        let arrived = |push: &&RefPush| match (there.get(&push.name), push.new) {
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

    fn vanished_error(&self, sends: &[RefPush]) -> Error {
        let (n, address) = (sends.len(), text::safe(&self.remote.address));
        let message = format!("'{address}' accepted {n} refs but does not have them");
        Error::new(Code::RemoteRejected, message)
            .because("it may be a mirror that is overwritten")
            .hint("git orchestra sync OTHER-REMOTE")
            .hint(REMOTE.hint("OTHER-REMOTE"))
    }

    /// Waits for a random time, longer after each attempt, so that clones that collided do not collide again.
    fn wait(&self) -> Result<()> {
        let most = 20_u64 << self.outcome.attempts.min(6);
        let chance = u64::from(world::random::<1>()?[0]);
        self.context.cancel.wait(Duration::from_millis(10 + most * chance / 255));
        self.context.check()
    }
}

/// Returns whether an error concerns single refs: another process changed or locked one, or it is broken.
fn concerns_single_refs(error: &RefError) -> bool {
    match error {
        RefError::Changed { .. } | RefError::Locked { .. } | RefError::Collected { .. } => true,
        RefError::Failed(error) => error.kind() == Kind::Internal,
    }
}

/// Returns the agents whose refs are pushed.
pub fn agents_of(sends: &[RefPush]) -> BTreeSet<AgentId> {
    sends.iter().filter(|push| push.new.is_some()).filter_map(|push| layout::agent_of(&push.name)).collect()
}
