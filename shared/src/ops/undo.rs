//! `undo`: takes back what a command changed. An undo is an operation too, and can be taken back itself.

mod foresee;

use std::path::Path;

use serde::Serialize;

use crate::{
    Error, Result,
    git::{Oid, Repo},
    landing::{
        State,
        finish::{self, Move, Moved},
        record,
        state::COMMAND,
    },
    model::{
        AgentId,
        event::{Landed, Landing},
        text,
    },
    ops::{cleanup, merge_ranked},
    removal::{trash, unfinished},
    store::operations::{self, Change, Journal, Operation},
    supervise::relink,
    trust::AcceptedRepo,
    worktree::{incomplete, place},
};

pub use crate::store::operations::Stage;

/// Which operation.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Its id, or a unique beginning; the newest that can be taken back if not given.
    pub operation: Option<String>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What there is, or what was done.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The operations, the newest first; with an undo, that one alone.
    pub operations: Vec<Listed>,
    /// The operation that took it back.
    pub undo: Option<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// One operation.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// What was written of it.
    #[serde(flatten)]
    pub operation: Operation,
    /// What it did holds: it was not taken back.
    pub holds: bool,
}

/// Lists the operations, the newest first.
///
/// # Errors
/// They cannot be read.
pub fn list(repo: &Repo) -> Result<Report> {
    let all = operations::all(repo)?;
    let listed = |one: &Operation| Listed { operation: one.clone(), holds: operations::holds(one, &all) };
    Ok(Report { operations: all.iter().map(listed).collect(), undo: None, warnings: Vec::new() })
}

/// Takes an operation back.
///
/// # Errors
/// There is none, or it cannot be taken back as things stand (3).
pub fn run(repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    if request.dry_run {
        let all = operations::all(repo)?;
        let operation = newest_of(choose(&all, request.operation.as_deref())?, &all);
        let operation = after_rename(repo, operation)?;
        foresee::check(repo, &operation, &all)?;
        let listed = Listed { holds: true, operation };
        return Ok(Report { operations: vec![listed], undo: None, warnings: Vec::new() });
    }
    repo.identity()?;
    let _lock = operations::lock(repo)?;
    // What was killed is finished or taken back first: it decides what is newest.
    let mut warnings = finish::recover(repo)?;
    warnings.extend(merge_ranked::finish_if_moved(repo)?);
    // Under the lock: of two at once, the second finds what the first left.
    let all = operations::all(repo)?;
    let operation = newest_of(choose(&all, request.operation.as_deref())?, &all);
    let operation = after_rename(repo, operation)?;
    let (undo, more) = take_back(repo, &operation, &all)?;
    warnings.extend(more);
    // What was kept of a worktree names the repository by the path that it had then.
    relink::repair(repo)?;
    let listed = Listed { holds: false, operation };
    Ok(Report { operations: vec![listed], undo: Some(undo), warnings })
}

fn choose<'a>(all: &'a [Operation], typed: Option<&str>) -> Result<&'a Operation> {
    let hint = "git orchestra undo --list";
    let Some(typed) = typed else {
        // What a command repaired on its way is not what its user wants to undo.
        let can = |one: &&Operation| {
            one.undoes.is_none()
                && one.command != incomplete::COMMAND
                && one.changed_something()
                && operations::holds(one, all)
        };
        return all.iter().find(can).ok_or_else(|| Error::refused("nothing to undo").hint(hint));
    };
    let shown = text::safe(typed);
    let found: Vec<&Operation> = all.iter().filter(|one| one.id.starts_with(typed)).collect();
    let operation = match found.as_slice() {
        [one] => *one,
        [] => return Err(Error::refused(format!("no operation '{shown}'")).hint(hint)),
        _ => return Err(Error::refused(format!("several operations begin with '{shown}'")).hint(hint)),
    };
    if !operation.changed_something() && deed(operation, all) == Deed::Moved {
        return Err(Error::refused(format!("operation '{shown}' changed nothing")).hint(hint));
    }
    if !operations::holds(operation, all) {
        return Err(Error::refused(format!("operation '{shown}' was taken back before")).hint(hint));
    }
    Ok(operation)
}

/// What an operation did, and with it what takes it back.
#[derive(Debug, Eq, PartialEq)]
enum Deed<'a> {
    /// It moved branches.
    Moved,
    /// It took agents away.
    Removed,
    /// It brought back what this one had taken away.
    BroughtBack(&'a Operation),
}

fn deed<'a>(operation: &Operation, all: &'a [Operation]) -> Deed<'a> {
    if !operation.removals.is_empty() {
        return Deed::Removed;
    }
    let before = operation.undoes.as_ref().and_then(|id| all.iter().find(|one| one.id == *id));
    match before.filter(|before| !before.removals.is_empty()) {
        Some(before) => Deed::BroughtBack(before),
        None => Deed::Moved,
    }
}

/// Agents that came back and were taken away again are kept as they were the last time.
fn newest_of<'a>(operation: &'a Operation, all: &'a [Operation]) -> &'a Operation {
    let again = |one: &&Operation| {
        let undone = one.undoes.as_ref().and_then(|id| all.iter().find(|other| other.id == *id));
        let root = undone.and_then(|undone| undone.undoes.as_deref());
        root == Some(operation.id.as_str()) && !one.removals.is_empty() && operations::holds(one, all)
    };
    match all.iter().filter(|one| one.id > operation.id).find(again) {
        Some(newer) => newest_of(newer, all),
        None => operation,
    }
}

/// The operation, with worktrees that come back beside the repository where the folder in which they were is gone: the repository
/// was renamed together with it.
fn after_rename(repo: &Repo, operation: &Operation) -> Result<Operation> {
    let mut operation = operation.clone();
    for worktree in operation.removals.iter_mut().filter_map(|removal| removal.worktree.as_mut()) {
        let is_gone = worktree.ancestors().nth(2).is_some_and(|above| !above.exists());
        if let Some(name) = worktree.file_name().filter(|_| is_gone) {
            *worktree = place::planned(repo)?.join(Path::new(name));
        }
    }
    Ok(operation)
}

fn take_back(repo: &Repo, operation: &Operation, all: &[Operation]) -> Result<(String, Vec<String>)> {
    let mut journal = Journal::new(repo, "undo")?;
    journal.operation.undoes = Some(operation.id.clone());
    let id = journal.operation.id.clone();
    let warnings = match deed(operation, all) {
        Deed::Moved => move_all_back(repo, journal, operation, all)?,
        Deed::Removed => return bring_back(repo, journal, operation, all),
        Deed::BroughtBack(before) => remove_again(repo, journal, before)?,
    };
    Ok((id, warnings))
}

fn move_all_back(
    repo: &Repo,
    mut journal: Journal,
    operation: &Operation,
    all: &[Operation],
) -> Result<Vec<String>> {
    let names: Vec<&str> = operation.changes.iter().map(|change| change.branch.as_str()).collect();
    journal.operation.summary = format!("of {} {} ({})", operation.command, operation.id, names.join(", "));
    for change in &operation.changes {
        journal.operation.changes.push(Change {
            branch: change.branch.clone(),
            old: change.new,
            new: change.old,
        });
    }
    journal.write(repo, &[])?;
    for change in &journal.operation.changes.clone() {
        if let Err(error) = move_back(repo, change) {
            journal.operation.stage = Stage::Aborted;
            journal.write(repo, &[])?;
            return Err(error);
        }
    }
    journal.operation.stage = Stage::Done;
    journal.write(repo, &[])?;
    Ok(tell_agents(repo, operation, all))
}

/// The agents come back as they were. An undo that was cut off is finished under its own name.
fn bring_back(
    repo: &Repo,
    journal: Journal,
    operation: &Operation,
    all: &[Operation],
) -> Result<(String, Vec<String>)> {
    let is_cut_off = |one: &&Operation| {
        one.stage == Stage::Open
            && one.removals.is_empty()
            && one.undoes.as_deref() == Some(operation.id.as_str())
    };
    let mut journal = match all.iter().find(is_cut_off) {
        Some(cut_off) => Journal::open(repo, &cut_off.id)?,
        None => journal,
    };
    unfinished::bring_back(repo, &mut journal, operation)?;
    // What a command that was killed left in the trash goes as well.
    let warning = trash::empty_when_idle(repo).err().map(|error| error.one_line());
    Ok((journal.operation.id, warning.into_iter().collect()))
}

fn remove_again(repo: &Repo, journal: Journal, before: &Operation) -> Result<Vec<String>> {
    refuse_incomplete(before)?;
    let agents: Vec<(String, bool)> =
        before.removals.iter().map(|removal| (removal.agent.clone(), removal.discarded)).collect();
    let report = cleanup::again(repo, journal, &agents)?;
    if let Some(failure) = report.failure().filter(|_| report.operation.is_none()) {
        return Err(failure);
    }
    let kept = report.agents.iter().filter(|entry| entry.outcome == cleanup::Outcome::Kept);
    let why: Vec<String> = kept.map(|entry| format!("'{}' is kept: {}", entry.agent.id, entry.why)).collect();
    if report.operation.is_none() {
        return Err(Error::refused(why.join("; ")));
    }
    trash::empty_when_idle(repo)?;
    Ok(why)
}

fn refuse_incomplete(before: &Operation) -> Result<()> {
    if before.command == incomplete::COMMAND {
        return Err(Error::refused("it brought back a worktree, and no agent had been removed")
            .hint(format!("git orchestra cleanup {} removes the agent", text::safe(&before.summary))));
    }
    Ok(())
}

/// Why a branch is not moved back: it is at another commit now, or gone.
fn moved_on(change: &Change, now: Option<Oid>) -> Error {
    let branch = text::safe(&change.branch).into_owned();
    let Some(now) = now else {
        return Error::refused(format!("branch {branch} is gone")).hint_command(&[
            &"git",
            &"branch",
            &"--",
            &change.branch,
            &change.new.to_string(),
        ]);
    };
    let (from, to) = (change.old.short(), now.short());
    Error::refused(format!("{branch} has moved on since: from {from} to {to}"))
        .hint(format!("git log --oneline {from}..{to}"))
        .hint(format!("git revert -m 1 COMMIT takes a merge back; the old state is {}", change.new))
}

fn move_back(repo: &Repo, change: &Change) -> Result<()> {
    let wanted = Move { branch: &change.branch, old: change.old, new: change.new, why: "orchestra undo" };
    match finish::move_branch(repo, wanted)? {
        Moved::Yes | Moved::NotNeeded => Ok(()),
        Moved::Elsewhere(now) => Err(moved_on(change, now)),
        Moved::Blocked(blocked) => {
            let error = Error::refused(blocked.why);
            Err(blocked.hints.into_iter().fold(error, Error::hint))
        }
    }
}

/// The agents whose work came or went with it.
fn tell_agents(repo: &Repo, operation: &Operation, all: &[Operation]) -> Vec<String> {
    let (mut root, mut undone) = (operation, true);
    // An undo of an undo brings back what the landing brought.
    while let Some(before) =
        root.undoes.as_ref().and_then(|id| all.iter().find(|one| one.id == *id && one.id < root.id))
    {
        (root, undone) = (before, !undone);
    }
    if root.command != COMMAND {
        return Vec::new();
    }
    let state = Journal::open(repo, &root.id).and_then(|journal| State::load(repo, &journal));
    let state = match state {
        Ok(state) => state,
        Err(error) => return vec![error.one_line()],
    };
    let mut warnings = Vec::new();
    for step in state.steps.iter().filter(|step| step.outcome == Some(Landing::Merged)) {
        let Some(id) = step.agent.as_ref().and_then(|id| AgentId::parse(id).ok()) else { continue };
        let landed = Landed {
            outcome: if undone { Landing::TakenBack } else { Landing::Merged },
            into: state.into.clone(),
            head: step.head.to_string(),
            commit: step.commit.map(|commit| commit.to_string()),
            reason: Some("by undo".to_owned()),
            check: None,
            passed: if undone { Vec::new() } else { record::passed(&state.orders) },
        };
        if let Err(error) = record::tell(repo, &id, &landed) {
            warnings.push(format!("{id}: {}", error.one_line()));
        }
    }
    warnings
}
