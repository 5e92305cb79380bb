//! What changed outside the worktrees of agents while they ran: configuration, hooks, refs that are not ours, the user's checkouts.
//!
//! A snapshot is taken before an agent's program starts and compared with another at its end. What differs is named, with the
//! agents that ran meanwhile, in a private record: it holds paths and values of the user's and never travels. Whoever did it is
//! not known, an agent or the user; what the user's own git says in the reflogs of their checkouts is a note, all else a warning.

mod change;
mod compare;
mod evidence;
mod files;
mod record;
mod snapshot;

use std::{path::Path, time::Duration};

pub use self::{
    change::{ChangeSubject, Level, SurroundingsChange, summary, warnings},
    record::{all, load, of_agent},
    snapshot::SurroundingsSnapshot,
};
use crate::{
    Kind, Result,
    error::Context,
    git::{Repo, careful},
    model::AgentId,
    private_files,
    store::layout::AgentDir,
    world::Environment,
};

/// How long the files of the main checkout may be looked at before an agent starts.
pub const BUDGET_BEFORE: Duration = Duration::from_secs(1);
/// And at its end.
const BUDGET_AFTER: Duration = Duration::from_secs(5);

/// Takes the snapshot with which the agent's end is compared, unless there is one.
///
/// # Errors
/// The repository cannot be read, or the snapshot cannot be written.
pub fn before(environment: &Environment, common_dir: &Path, dir: &AgentDir, frozen: &Path) -> Result<()> {
    if dir.surroundings().exists() {
        return Ok(());
    }
    write(&SurroundingsSnapshot::take(environment, common_dir, frozen, None, BUDGET_BEFORE)?, [dir])
}

/// Writes one snapshot down for agents that start together.
///
/// # Errors
/// The disk is full or not writable.
pub fn write<'a>(
    snapshot: &SurroundingsSnapshot,
    dirs: impl IntoIterator<Item = &'a AgentDir>,
) -> Result<()> {
    let text = serde_json::to_vec(snapshot)
        .context(Kind::Internal, || "what surrounds the agents cannot be written".into())?;
    for path in dirs.into_iter().map(AgentDir::surroundings) {
        private_files::replace(&path, &text)
            .context(Kind::External, || format!("cannot write '{}'", path.display()))?;
    }
    Ok(())
}

/// Compares what is there at the agent's end with what was before, and writes down what differs.
///
/// # Errors
/// The record cannot be written. What cannot be looked at is a warning in it.
pub fn after(repo: &Repo, id: &AgentId, dir: &AgentDir, frozen: &Path) -> Result<()> {
    let Some(before) = read(dir) else { return Ok(()) };
    let common = repo.common_dir()?;
    let changes =
        match SurroundingsSnapshot::take(repo.environment(), &common, frozen, Some(&before), BUDGET_AFTER) {
            Ok(after) => {
                let evidence = evidence::Gathered::of(repo, &before, &after)?;
                let mut changes = compare::compare(&before, &after, &evidence);
                let others = before.agents.union(&after.agents).filter(|other| other.as_str() != id.as_str());
                let others: Vec<String> = others.cloned().collect();
                changes.iter_mut().for_each(|change| change.meanwhile.clone_from(&others));
                changes
            }
            Err(error) => {
                let what = format!("the repository cannot be looked at: {}", error.one_line());
                vec![SurroundingsChange::warning(ChangeSubject::Unseen, &what)]
            }
        };
    record::add(repo, id, changes)
}

fn read(dir: &AgentDir) -> Option<SurroundingsSnapshot> {
    serde_json::from_slice(&careful::read(dir.surroundings()).ok()?).ok()
}
