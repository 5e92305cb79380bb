//! The undo of a rewind, and the undo of that: the events of the agent record it after its branch moved.

use super::{AgentLock, STATES, States, lock_agent, record, require_rest};
use crate::{
    Result,
    context::Context,
    git::Repo,
    store::operations::{Journal, Operation, OperationBody},
};

/// Returns the rewind that an operation is, or that it undoes, and whether undoing the operation takes the rewind back.
fn root<'a>(operation: &'a Operation, all: &'a [Operation]) -> Option<(&'a Operation, bool)> {
    let (mut root, mut undone) = (operation, true);
    while let Some(before) =
        root.undoes().and_then(|id| all.iter().find(|one| one.id == id && one.id < root.id))
    {
        (root, undone) = (before, !undone);
    }
    matches!(root.body, OperationBody::Rewind(_)).then_some((root, undone))
}

fn states_of(repo: &Repo, rewind: &Operation) -> Result<States> {
    Journal::open(repo, &rewind.id)?.get(repo, STATES)
}

/// Takes the lock of the agent if undoing an operation changes a rewound agent; `None` for any other operation.
///
/// # Errors
/// The agent runs (3), or the operation cannot be read.
pub(in crate::ops) fn lock_agent_of(
    context: &Context,
    repo: &Repo,
    operation: &Operation,
    all: &[Operation],
) -> Result<Option<AgentLock>> {
    let Some((rewind, _)) = root(operation, all) else { return Ok(None) };
    let id = states_of(repo, rewind)?.agent;
    require_rest(repo, &id)?;
    lock_agent(context, repo, &id).map(Some)
}

/// Records the undo in the events of the agent, if the operation concerns a rewind.
///
/// # Errors
/// The work or the events cannot be read or written.
pub(in crate::ops) fn record_undo(repo: &Repo, operation: &Operation, all: &[Operation]) -> Result<()> {
    let Some((rewind, undone)) = root(operation, all) else { return Ok(()) };
    let States { agent, before, after } = states_of(repo, rewind)?;
    record(repo, &agent, if undone { &before } else { &after })
}
