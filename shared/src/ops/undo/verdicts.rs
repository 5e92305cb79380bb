//! The undo of verdicts that one command gave together, and the undo of that.

use std::time::Duration;

use crate::{
    Code, Error, Result,
    git::Repo,
    lock::Lock,
    model::AgentId,
    ops::review::{self, withdraw},
    store::{
        layout::PrivateDir,
        operations::{Journal, Operation, OperationBody, Stage, UndoEffect},
    },
};

/// Checks that the verdicts on the work of these agents can be changed.
///
/// # Errors
/// An agent calls, or an agent was removed since (3).
pub(super) fn require(repo: &Repo, agents: &[String]) -> Result<()> {
    review::refuse_agents(repo)?;
    ids(agents)?.iter().try_for_each(|id| withdraw::require_agent(repo, id))
}

/// Withdraws the verdicts that an operation gave, or gives them again. Returns the id of the undo, and warnings for the user. An
/// interrupted undo of the same operation is finished under its id.
pub(super) fn change(
    repo: &Repo,
    journal: Journal,
    operation: &Operation,
    all: &[Operation],
    (pick, withdraws): (&str, bool),
) -> Result<(String, Vec<String>)> {
    let agents = operation.reviewed();
    require(repo, agents)?;
    let _lock = lock(repo)?;
    let is_interrupted = |one: &&Operation| match &one.body {
        OperationBody::Undo { of, effect: UndoEffect::Reviewed(_) } => {
            *of == operation.id && one.stage == Stage::Open
        }
        _ => false,
    };
    let mut journal = match all.iter().find(is_interrupted) {
        Some(interrupted) => Journal::open(repo, &interrupted.id)?,
        None => journal,
    };
    journal.operation.summary =
        format!("of {} {} ({})", operation.command(), operation.id, agents.join(", "));
    journal.write(repo, &[])?;
    let mut warnings = Vec::new();
    for id in ids(agents)? {
        let change = if withdraws { withdraw::withdraw } else { withdraw::give_again };
        warnings.extend(change(repo, &id, pick)?);
    }
    journal.operation.stage = Stage::Done;
    journal.write(repo, &[])?;
    Ok((journal.operation.id, warnings))
}

fn ids(agents: &[String]) -> Result<Vec<AgentId>> {
    agents.iter().map(|id| AgentId::parse(id)).collect()
}

/// Takes the lock that keeps others from picking agents meanwhile.
fn lock(repo: &Repo) -> Result<Lock> {
    let private = PrivateDir::new(repo.private_dir()?);
    Lock::take(&private.pick_lock(), Duration::ZERO)?.ok_or_else(|| {
        Error::new(Code::LockHeld, "another command is picking an agent")
            .hint("wait until it ends, and try again")
    })
}
