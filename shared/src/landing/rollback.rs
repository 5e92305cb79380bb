//! Rolls back repairs: restores the state of an agent whose branch did not land.

use super::{
    before::BeforeRepair,
    repairer::{RepairError, Repairer},
    state::{State, Step},
};
use crate::{Result, model::event::Landing};

/// Ends the repair of a branch whose step has ended. If the branch did not land, its agent is restored; if that is not possible,
/// the reason is added to the step.
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

/// Rolls back a repair that an interrupted landing left and whose branch is not tried again.
///
/// # Errors
/// Something cannot be read or written.
pub(super) fn end_interrupted_repair(repairer: &dyn Repairer, state: &mut State) -> Result<()> {
    let Some(before) = state.before_repair.take() else { return Ok(()) };
    match repairer.roll_back(&before, "conflict not resolved") {
        // If it is not possible, the conflict markers that are left prevent the branch from landing.
        Ok(()) | Err(RepairError::NotPossible(_)) => Ok(()),
        Err(RepairError::Failed(error)) => Err(error),
    }
}
