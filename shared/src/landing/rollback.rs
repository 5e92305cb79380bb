//! Keeping what an agent has before a repair, and giving it back after one that failed.

use super::{
    before::BeforeRepair,
    repairer::{RepairError, Repairer},
    state::{State, Step},
};
use crate::{Result, model::event::Landing};

/// Ends the repair of a branch whose step has ended: the agent of one that did not land gets back what it had. Where that is not
/// possible, the step says so.
///
/// # Errors
/// Something cannot be read or written.
pub(super) fn end_repair(repairer: &dyn Repairer, state: &mut State, step: &mut Step) -> Result<()> {
    let is_of_the_step = |before: &mut BeforeRepair| step.agent.as_deref() == Some(before.agent.as_str());
    let Some(before) = state.before_repair.take_if(is_of_the_step) else { return Ok(()) };
    if step.outcome == Some(Landing::Merged) {
        return Ok(());
    }
    let failed = step.outcome == Some(Landing::Failed);
    let what = if failed { "repair failed" } else { "conflict not resolved" };
    let why = step.why.as_deref().map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"));
    match repairer.roll_back(&before, &why) {
        Ok(()) => {}
        Err(RepairError::NotPossible(not)) => {
            step.why = Some([step.why.take().unwrap_or_default(), not].join("; "));
        }
        Err(RepairError::Failed(error)) => return Err(error),
    }
    step.head = before.head.unwrap_or(step.head);
    Ok(())
}

/// Rolls back a repair of a landing that was interrupted, whose branch is not tried again.
///
/// # Errors
/// Something cannot be read or written.
pub(super) fn end_interrupted_repair(repairer: &dyn Repairer, state: &mut State) -> Result<()> {
    let Some(before) = state.before_repair.take() else { return Ok(()) };
    match repairer.roll_back(&before, "conflict not resolved") {
        // Where it is not possible, the marks that are left keep the branch from landing.
        Ok(()) | Err(RepairError::NotPossible(_)) => Ok(()),
        Err(RepairError::Failed(error)) => Err(error),
    }
}
