//! `undo`: takes back what a command changed. An undo is an operation too, and can be taken back itself.

use serde::Serialize;

use crate::{
    Error, Kind, Result,
    git::Repo,
    landing::{
        State,
        finish::{self, Move, Moved},
        state::COMMAND,
    },
    lock::Lock,
    model::{
        AgentId, Fact,
        event::{Landed, Landing},
        text,
    },
    store::{
        append,
        layout::Private,
        operations::{self, Change, Journal, Operation, Stage},
    },
};

/// Which operation.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Its id, or a unique beginning; the newest that can be taken back if not given.
    pub operation: Option<String>,
    /// Only list them.
    pub list: bool,
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

/// Takes an operation back, or lists what there is.
///
/// # Errors
/// There is none, or it cannot be taken back as things stand (3).
pub fn run(repo: &Repo, request: &Request) -> Result<Report> {
    let all = operations::all(repo)?;
    if request.list {
        let listed = |one: &Operation| Listed { operation: one.clone(), holds: operations::holds(one, &all) };
        return Ok(Report { operations: all.iter().map(listed).collect(), undo: None, warnings: Vec::new() });
    }
    let operation = choose(&all, request.operation.as_deref())?.clone();
    if request.dry_run {
        let listed = Listed { holds: true, operation };
        return Ok(Report { operations: vec![listed], undo: None, warnings: Vec::new() });
    }
    repo.identity()?;
    let lock = Private::new(repo.private_dir()?).landing_lock();
    let _lock = Lock::take(&lock, std::time::Duration::from_millis(200))?
        .ok_or_else(|| Error::new(Kind::Conflict, "a merge-ranked or undo runs in this repository"))?;
    let (undo, warnings) = take_back(repo, &operation, &all)?;
    let listed = Listed { holds: false, operation };
    Ok(Report { operations: vec![listed], undo: Some(undo), warnings })
}

fn choose<'a>(all: &'a [Operation], typed: Option<&str>) -> Result<&'a Operation> {
    let hint = "git orchestra undo --list";
    let Some(typed) = typed else {
        let can =
            |one: &&Operation| one.undoes.is_none() && !one.changes.is_empty() && operations::holds(one, all);
        return all
            .iter()
            .find(can)
            .ok_or_else(|| Error::refused("there is nothing to take back").hint(hint));
    };
    let shown = text::safe(typed);
    let found: Vec<&Operation> = all.iter().filter(|one| one.id.starts_with(typed)).collect();
    let operation = match found.as_slice() {
        [one] => *one,
        [] => return Err(Error::refused(format!("no operation '{shown}'")).hint(hint)),
        _ => return Err(Error::refused(format!("several operations begin with '{shown}'")).hint(hint)),
    };
    if operation.changes.is_empty() {
        return Err(Error::refused(format!("operation '{shown}' changed nothing")).hint(hint));
    }
    if !operations::holds(operation, all) {
        return Err(Error::refused(format!("operation '{shown}' was taken back before")).hint(hint));
    }
    Ok(operation)
}

fn take_back(repo: &Repo, operation: &Operation, all: &[Operation]) -> Result<(String, Vec<String>)> {
    let mut journal = Journal::new("undo")?;
    journal.operation.undoes = Some(operation.id.clone());
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
    Ok((journal.operation.id.clone(), tell_agents(repo, operation, all)))
}

fn move_back(repo: &Repo, change: &Change) -> Result<()> {
    let branch = text::safe(&change.branch).into_owned();
    let wanted = Move { branch: &change.branch, old: change.old, new: change.new, why: "orchestra undo" };
    match finish::move_branch(repo, wanted)? {
        Moved::Yes | Moved::NotNeeded => Ok(()),
        Moved::Elsewhere(None) => Err(Error::refused(format!("branch {branch} is gone"))
            .hint(format!("git branch {branch} {}", change.new))),
        Moved::Elsewhere(Some(now)) => {
            let (from, to) = (change.old.short(), now.short());
            Err(Error::refused(format!("{branch} has moved on since: from {from} to {to}"))
                .hint(format!("git log --oneline {from}..{to}"))
                .hint(format!("git revert -m 1 COMMIT takes a merge back; the old state is {}", change.new)))
        }
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
        };
        if let Err(error) = append(repo, &id, &[Fact::Landed(landed)]) {
            warnings.push(format!("{id}: {}", error.one_line()));
        }
    }
    warnings
}
