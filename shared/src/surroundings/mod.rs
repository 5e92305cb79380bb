//! What changed outside the agents' worktrees while they ran: configuration, hooks, refs that are not ours, the user's checkouts.
//!
//! A snapshot is taken before an agent's program starts and compared with another one at its end. The differences, and the agents
//! that ran at the same time, go into a private record: it holds the user's paths and values and is never synced. Whether an
//! agent or the user made a change is unknown; what the reflogs of the user's checkouts explain is a note, everything else a
//! warning.

mod change;
mod compare;
mod evidence;
mod files;
mod record;
mod snapshot;

use std::{path::Path, time::Duration};

pub use self::{
    change::{ChangeSubject, Level, SurroundingsChange, summary, warnings},
    record::{all_records, changes_of_agent, load_changes},
    snapshot::SurroundingsSnapshot,
};
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Repo, careful},
    model::AgentId,
    private_files,
    store::layout::AgentDir,
    world::Environment,
};

/// Maximum time to compare the files of the main checkout before an agent starts.
pub const BUDGET_BEFORE: Duration = Duration::from_secs(1);
/// Maximum time to compare the files of the main checkout at the end of an agent.
const BUDGET_AFTER: Duration = Duration::from_secs(5);

/// Takes the snapshot that the agent's end is compared with, unless there is one.
///
/// # Errors
/// The repository cannot be read, or the snapshot cannot be written.
pub fn record_snapshot(
    environment: &Environment,
    common_dir: &Path,
    dir: &AgentDir,
    frozen: &Path,
) -> Result<()> {
    if dir.surroundings().exists() {
        return Ok(());
    }
    write_snapshot(&SurroundingsSnapshot::take(environment, common_dir, frozen, None, BUDGET_BEFORE)?, [dir])
}

/// Writes one snapshot for agents that start together.
///
/// # Errors
/// A file cannot be written.
pub fn write_snapshot<'a>(
    snapshot: &SurroundingsSnapshot,
    dirs: impl IntoIterator<Item = &'a AgentDir>,
) -> Result<()> {
    let text = serde_json::to_vec(snapshot)
        .context(Kind::Internal, || "cannot serialize the snapshot of the agents' surroundings".into())?;
    for path in dirs.into_iter().map(AgentDir::surroundings) {
        private_files::replace(&path, &text)
            .context(Kind::External, || format!("cannot write '{}'", path.display()))?;
    }
    Ok(())
}

/// Compares the repository at the agent's end with the snapshot taken before, and records the changes. The agent's own `branch` is none of
/// its surroundings.
///
/// # Errors
/// The record cannot be written. A repository that cannot be read is a warning in the record.
pub fn record_changes(repo: &Repo, id: &AgentId, branch: &str, dir: &AgentDir, frozen: &Path) -> Result<()> {
    let Some(mut before) = read_snapshot(dir) else { return Ok(()) };
    before.forget_branch(branch);
    let common = repo.common_dir()?;
    let changes =
        match SurroundingsSnapshot::take(repo.environment(), &common, frozen, Some(&before), BUDGET_AFTER) {
            Ok(mut after) => {
                after.forget_branch(branch);
                let evidence = evidence::RepositoryEvidence::of(repo, id, &before, &after)?;
                let mut changes = compare::compare(&before, &after, &evidence);
                let others = before.agents.union(&after.agents).filter(|other| other.as_str() != id.as_str());
                let others: Vec<String> = others.cloned().collect();
                changes.iter_mut().for_each(|change| change.meanwhile.clone_from(&others));
                changes
            }
            Err(error) => {
                let what = format!("cannot read the repository: {}", error.one_line());
                vec![SurroundingsChange::warning(ChangeSubject::Unseen, &what)]
            }
        };
    record::add_changes(repo, id, changes)
}

fn read_snapshot(dir: &AgentDir) -> Option<SurroundingsSnapshot> {
    serde_json::from_slice(&careful::read(dir.surroundings()).ok()?).ok()
}
