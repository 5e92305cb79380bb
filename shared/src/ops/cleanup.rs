//! `cleanup`: removes agents whose work is provably in another branch, with every byte kept for `undo`, and reports why it keeps the
//! others.

mod builds;
mod examiner;
mod merged_on_forge;
mod targets;
mod teardown;

use std::{collections::HashMap, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::builds::remove_builds;
use self::examiner::{Examiner, NotRemovable, Removable};
pub use crate::removal::trash::empty as empty_trash;
use crate::{
    Code, Error, Kind, Result,
    config::{Config, keys::UNDO_EXPIRE},
    context::{Context, Event, interrupted},
    git::Repo,
    lock::Lock,
    model::{Agent, AgentId, text},
    ops::{agent_object::AgentObject, caller::Caller, repairing, selection, status},
    removal::{
        recover,
        remove::{self, RemovalOutcome, RemovalTarget, StoredAgent},
        torn_down, trash,
    },
    sandbox,
    store::{
        self, Listing, Unreadable,
        layout::PrivateDir,
        operations::{self, Journal, OperationBody, Removal, Stage},
        pack,
    },
    supervise::{repair, spec::Spec, temporary},
    sync::outgoing,
    trust::AcceptedRepo,
};

/// Which agents to remove, and under which conditions.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Only these agents, by id or unique prefix; if empty, all of this clone.
    pub agents: Vec<String>,
    /// Agents to remove even if their work is in no other branch.
    pub discard: Vec<String>,
    /// Only agents that ended at least this long ago.
    #[serde(rename = "older_than_seconds", with = "crate::ops::seconds")]
    #[schemars(with = "Option<u64>")]
    pub older_than: Option<Duration>,
    /// The branch that must contain the work.
    pub into: Option<String>,
    /// Remove worktrees with uncommitted or ignored files as well.
    pub force: bool,
    /// Report what would be removed, and remove nothing.
    pub dry_run: bool,
}

/// The agents that were examined, and the outcome for each.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The agents, oldest first.
    pub agents: Vec<CleanedAgent>,
    /// The id of the operation, if any agent was removed.
    pub operation: Option<String>,
    /// The disk space that the removed worktrees took, in bytes.
    pub bytes: u64,
    /// The number of old operations that were forgotten, and can no longer be undone.
    pub forgotten: usize,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Agents that were not examined because they cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Whether this was a dry run, which changed nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl Report {
    /// Returns the first error that caused an agent to be kept, with the number of others.
    pub fn failure(&self) -> Option<Error> {
        let mut failed = self.agents.iter().filter_map(|entry| Some((entry, entry.code?)));
        let (entry, code) = failed.next()?;
        let more = match failed.count() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let message = format!("'{}' is kept because something failed{more}: {}", entry.agent.id, entry.why);
        let again = format!("git orchestra cleanup {}, after fixing that", entry.agent.id);
        Some(Error::new(code, message).hint(entry.hint.clone().unwrap_or(again)))
    }
}

/// An agent that was examined, as it was at that time.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "CleanupEntry")]
pub struct CleanedAgent {
    /// Whether it was removed.
    pub outcome: CleanupOutcome,
    /// The reason, in words.
    pub why: String,
    /// The first of the hints.
    pub hint: Option<String>,
    /// What to type next, if it was kept: one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// The id of the process that works in its worktree.
    pub held_by: Option<i32>,
    /// Whether it was kept because something failed, and not because it must not be removed.
    pub failed: bool,
    /// The error code, if something failed; it decides the exit code.
    pub code: Option<Code>,
    /// The disk space that its worktree took, in bytes.
    pub bytes: Option<u64>,
    /// The agent, before it was removed.
    #[serde(flatten)]
    pub agent: AgentObject,
}

/// Whether an agent was removed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CleanupOutcome")]
pub enum CleanupOutcome {
    /// It was removed; `undo` restores it.
    Removed,
    /// It would be removed.
    Planned,
    /// It was not removed.
    Kept,
}

/// An agent that was examined, and the finding.
struct ExaminedAgent {
    id: AgentId,
    agent: Agent,
    object: AgentObject,
    finding: Result<Removable, NotRemovable>,
    discard: bool,
}

/// Examines agents, and removes those that may be removed.
///
/// # Errors
/// An agent named is not there, another command of ours changes branches (4), or the operation cannot be written down; nothing is
/// changed then. The user interrupts it (130): the removals up to then are one operation, which `undo` reverts.
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    if request.dry_run {
        let (candidates, unreadable) = examine(context, repo, request)?;
        let entries =
            candidates.into_iter().map(|one| cleaned_agent(one, CleanupOutcome::Planned, None)).collect();
        return Ok(Report { unreadable, dry_run: true, ..report(entries) });
    }
    repo.identity()?;
    Caller::of(repo).check_unlimited("clean up")?;
    let lock = operations::lock(repo)?;
    let mut warnings = repairing::repair(context, repo, repair::OperationsLock::Held(&lock))?;
    warnings.extend(recover::recover_interrupted(repo)?);
    warnings.extend(undeletable_files(repo)?);
    let (mut candidates, unreadable) = examine(context, repo, request)?;
    let mut journal = Journal::new(repo, OperationBody::Cleanup(Vec::new()))?;
    let mut torn_down = teardown::run_all(context, repo, &mut journal, &candidates)?;
    warnings.append(&mut torn_down.warnings);
    let operation = journal.operation.id.clone();
    let looked = teardown::look_again(repo, request, &mut candidates, &torn_down.stored);
    let removed = looked.and_then(|()| remove_agents(context, repo, journal, candidates, &torn_down.stored));
    warnings.extend(teardown::put_back(repo, &operation, &torn_down.stored));
    let mut report = removed?;
    report.unreadable = unreadable;
    report.warnings.extend(warnings);
    let clock = operations::advance_trash_clock(repo)?;
    match trash::delete_expired(repo, Config::of(repo).get(&UNDO_EXPIRE)?, clock) {
        Ok(forgotten) => report.forgotten = forgotten,
        Err(error) => report.warnings.push(error.one_line()),
    }
    if let Err(error) = outgoing::remove_abandoned(repo) {
        report.warnings.push(error.one_line());
    }
    if let Err(error) = pack::pack_if_many(repo, pack::LOOSE_LIMIT) {
        report.warnings.push(error.one_line());
    }
    if let Err(error) = trash::delete_in_background(repo) {
        report.warnings.push(error.one_line());
    }
    Ok(report)
}

/// Returns warnings about files that were removed from the repository and could not be deleted from the disk.
fn undeletable_files(repo: &Repo) -> Result<Vec<String>> {
    let shown = |folder: &PathBuf| text::safe(&folder.to_string_lossy()).into_owned();
    let sentence = |folder| {
        let shown = shown(&folder);
        format!(
            "files of an earlier cleanup cannot be deleted and take space: '{shown}' (ls -lR '{shown}' shows their owner)"
        )
    };
    Ok(trash::undeletable_folders(repo)?.into_iter().map(sentence).collect())
}

/// Removes the agents of an earlier operation again. The flag of each says whether its work was discarded.
pub(super) fn remove_again(
    context: &Context,
    repo: &Repo,
    journal: Journal,
    removed: &[(String, bool)],
) -> Result<Report> {
    let named =
        |discarded: bool| removed.iter().filter(move |(_, one)| *one == discarded).map(|(id, _)| id.clone());
    let request = Request {
        agents: named(false).collect(),
        discard: named(true).collect(),
        force: true,
        ..Request::default()
    };
    remove_agents(context, repo, journal, examine(context, repo, &request)?.0, &HashMap::new())
}

/// Returns the requested agents with the finding for each, and those that cannot be read.
fn examine(
    context: &Context,
    repo: &Repo,
    request: &Request,
) -> Result<(Vec<ExaminedAgent>, Vec<Unreadable>)> {
    let listing = Listing::read(repo)?;
    let typed = [request.agents.clone(), request.discard.clone()].concat();
    let named = selection::named(repo, &listing, &typed)?;
    if named.is_empty() && !typed.is_empty() {
        // All agents with the tag are of other clones. An empty list would mean all agents.
        return Ok((Vec::new(), Vec::new()));
    }
    let discard = selection::named(repo, &listing, &request.discard)?;
    let agents = named.iter().map(ToString::to_string).collect::<Vec<_>>();
    let seen = status::run(
        context,
        repo,
        &status::Request { all: agents.is_empty(), agents, ..status::Request::default() },
    )?;
    let examiner = Examiner::new(repo, request, &listing)?;
    let mut asked = Vec::new();
    for object in seen.agents {
        context.check()?;
        if !named.is_empty() || Some(object.writer.as_str()) == listing.writer.as_deref() {
            let agent = store::agent(repo, &object.id)?;
            asked.push((object, agent));
        }
    }
    let to_search = asked.iter().filter(|(object, _)| !discard.contains(&object.id));
    examiner.look_for_work(to_search.map(|(object, agent)| (object, agent)))?;
    let mut found = Vec::new();
    for (object, agent) in asked {
        context.check()?;
        let (id, discard) = (object.id.clone(), discard.contains(&object.id));
        // An agent is kept if something about it cannot be determined.
        let finding = examiner
            .look(&id, &agent, &object, discard)
            .unwrap_or_else(|error| Err(NotRemovable::because(error)));
        found.push(ExaminedAgent { id, agent, object, finding, discard });
    }
    Ok((found, seen.unreadable))
}

/// Stores everything first, records the operation, and only then removes anything. `before` was stored before the teardown.
fn remove_agents(
    context: &Context,
    repo: &Repo,
    mut journal: Journal,
    mut candidates: Vec<ExaminedAgent>,
    before: &HashMap<AgentId, StoredAgent>,
) -> Result<Report> {
    let (mut kept, mut pins): (Vec<Option<StoredAgent>>, Vec<_>) = (Vec::new(), Vec::new());
    let mut removals = Vec::new();
    let of = candidates.iter().filter(|one| one.finding.is_ok()).count();
    let storing = repo.syncing_together();
    for one in &mut candidates {
        context.check()?;
        let done = removal_target(one).map(|target| match before.get(&one.id) {
            Some(before) => torn_down::store(&storing, &target, before),
            None => remove::store_agent(&storing, &target),
        });
        let done = done.transpose();
        kept.push(done.unwrap_or_else(|error| {
            one.finding = Err(NotRemovable::because(error));
            None
        }));
        if let Some(Some(stored)) = kept.last() {
            journal.put_tree(&stored.removal.agent, stored.tree);
            removals.push(stored.removal.clone());
            pins.extend(stored.pins.iter().copied());
            context.emit(&Event::AgentStored { agent: one.id.clone(), done: removals.len(), of });
        }
    }
    if removals.is_empty() {
        if !before.is_empty() {
            journal.operation.stage = Stage::Aborted;
            journal.write(repo, &[])?;
        }
        return Ok(report(
            candidates.into_iter().map(|one| cleaned_agent(one, CleanupOutcome::Kept, None)).collect(),
        ));
    }
    // Everything is on the disk before the operation names it, and before anything is removed.
    storing.sync_objects()?;
    journal.operation.summary = summary(&removals);
    journal.operation.set_removals(removals.clone())?;
    journal.write(repo, &pins)?;
    let temporary = temporary_folders(repo, &candidates)?;
    let all: Vec<(ExaminedAgent, Option<StoredAgent>)> = candidates.into_iter().zip(kept).collect();
    let (mut entries, mut stuck) = (Vec::new(), Vec::new());
    let (mut done, mut is_interrupted) = (0, false);
    let mut all = all.into_iter();
    loop {
        let mut some: Vec<_> = all.by_ref().take(context.limits().removals_at_once).collect();
        if some.is_empty() {
            break;
        }
        let incomplete = if context.cancel.is_cancelled() {
            is_interrupted = true;
            keep_all(&mut some);
            Vec::new()
        } else {
            remove_batch(context, repo, &journal.operation.id, &mut some)?
        };
        for (one, kept) in some {
            let bytes = kept.filter(|_| one.finding.is_ok()).map(|kept| kept.removal.bytes);
            if bytes.is_some() {
                done += 1;
                context.emit(&Event::AgentRemoved { agent: one.id.clone(), done, of });
            }
            if one.finding.is_err() && !incomplete.contains(&one.id) {
                removals.retain(|removal| removal.agent != one.id.as_str());
            }
            entries.push(cleaned_agent(one, CleanupOutcome::Removed, bytes));
        }
        stuck.extend(incomplete);
    }
    for (id, folder) in temporary.iter().filter(|(id, _)| removals.iter().any(|one| one.agent == id.as_str()))
    {
        temporary::remove(folder, id);
    }
    let nothing = removals.is_empty();
    journal.operation.stage = match (nothing, stuck.is_empty()) {
        (true, _) => Stage::Aborted,
        (false, true) => Stage::Done,
        // The next command restores what could not be restored now.
        (false, false) => Stage::Open,
    };
    journal.operation.summary = summary(&removals);
    journal.operation.set_removals(removals)?;
    journal.write(repo, &pins)?;
    if is_interrupted {
        let why = format!("interrupted; {done} of {of} agents were removed");
        return Err(interrupted(why).hint("git orchestra cleanup removes the others"));
    }
    Ok(Report { operation: (!nothing).then(|| journal.operation.id.clone()), ..report(entries) })
}

/// Returns the folders for temporary files of the agents to remove.
fn temporary_folders(repo: &Repo, candidates: &[ExaminedAgent]) -> Result<Vec<(AgentId, PathBuf)>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let folder = |one: &ExaminedAgent| {
        let spec = Spec::last(repo, &one.id, &private.agent(&one.id))?;
        Some((one.id.clone(), spec.preparation.temporary?))
    };
    Ok(candidates.iter().filter(|one| one.finding.is_ok()).filter_map(folder).collect())
}

/// Marks the agents that were still to be removed as kept, because the user interrupted the cleanup.
fn keep_all(some: &mut [(ExaminedAgent, Option<StoredAgent>)]) {
    for (one, kept) in some.iter_mut().filter(|(_, kept)| kept.is_some()) {
        (one.finding, *kept) = (Err(NotRemovable::because(interrupted("interrupted"))), None);
    }
}

/// Removes a batch of agents under their locks, so that nobody resumes them meanwhile. Returns those whose removal failed half way.
fn remove_batch(
    context: &Context,
    repo: &Repo,
    operation: &str,
    some: &mut [(ExaminedAgent, Option<StoredAgent>)],
) -> Result<Vec<AgentId>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let common_dir = repo.common_dir()?;
    let mut locks = Vec::new();
    for (one, kept) in some.iter_mut().filter(|(_, kept)| kept.is_some()) {
        match lock_unchanged(context, repo, &private, one) {
            Ok(lock) => locks.push((private.agent(&one.id), lock)),
            Err(error) => (one.finding, *kept) = (Err(NotRemovable::because(error)), None),
        }
    }
    let batch: Vec<(RemovalTarget<'_>, &StoredAgent)> =
        some.iter().filter_map(|(one, kept)| Some((removal_target(one)?, kept.as_ref()?))).collect();
    let done = remove::remove_agents(context, repo, operation, &batch)?;
    let mut stuck = Vec::new();
    let gone = some.iter_mut().filter(|(one, kept)| one.finding.is_ok() && kept.is_some());
    for ((one, _), fate) in gone.zip(done) {
        match fate {
            RemovalOutcome::Removed => sandbox::remove(&common_dir, &one.id),
            RemovalOutcome::Kept(error) => one.finding = Err(NotRemovable::because(error)),
            RemovalOutcome::Stuck(error) => {
                one.finding = Err(NotRemovable::because(error));
                stuck.push(one.id.clone());
            }
        }
    }
    for (dir, _lock) in locks {
        dir.remove_unless_it_holds_output();
    }
    Ok(stuck)
}

/// Takes the agent's lock, and checks that the agent has not changed since it was examined.
fn lock_unchanged(context: &Context, repo: &Repo, private: &PrivateDir, one: &ExaminedAgent) -> Result<Lock> {
    let lock = Lock::take(&private.agent(&one.id).lock(), context.at_most(context.limits().removal_lock))?
        .ok_or_else(|| Error::new(Code::LockHeld, "another command is using it"))?;
    if private.agent(&one.id).holds_output() {
        return Err(Error::new(Kind::External, "its output is not stored yet"));
    }
    if store::agent(repo, &one.id)?.lamport != one.agent.lamport {
        return Err(Error::new(Code::AgentChanged, "it changed just now"));
    }
    Ok(lock)
}

fn removal_target(one: &ExaminedAgent) -> Option<RemovalTarget<'_>> {
    let removable = one.finding.as_ref().ok()?;
    Some(RemovalTarget {
        id: &one.id,
        agent: &one.agent,
        worktree: removable.worktree.as_ref(),
        derived: removable.derived.as_slice(),
        discard: one.discard,
    })
}

fn summary(removals: &[Removal]) -> String {
    let names: Vec<&str> = removals.iter().map(|removal| removal.agent.as_str()).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    }
}

fn cleaned_agent(one: ExaminedAgent, outcome: CleanupOutcome, bytes: Option<u64>) -> CleanedAgent {
    let (outcome, no) = match one.finding {
        Ok(removable) => (outcome, NotRemovable { why: removable.why, ..NotRemovable::default() }),
        Err(no) => (CleanupOutcome::Kept, no),
    };
    let NotRemovable { why, hints, held_by, code } = no;
    let hint = hints.first().cloned();
    CleanedAgent {
        outcome,
        why,
        hint,
        hints,
        held_by,
        failed: code.is_some(),
        code,
        bytes,
        agent: one.object,
    }
}

fn report(agents: Vec<CleanedAgent>) -> Report {
    let bytes = agents.iter().filter_map(|entry| entry.bytes).sum();
    Report {
        agents,
        operation: None,
        bytes,
        forgotten: 0,
        warnings: Vec::new(),
        unreadable: Vec::new(),
        dry_run: false,
    }
}
