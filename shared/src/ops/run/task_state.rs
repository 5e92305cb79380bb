//! What the agent of a task says of the task's state.

use crate::{
    model::{
        Agent, IdOrText, Liveness, Phase,
        run::{DrivingClone, Fold},
    },
    ops::{
        agent_object::{AgentObject, LandedNow},
        resume::TakeOverPolicy,
    },
    run::{TaskState, gates::GatedWork},
};

/// Returns the work of an agent for which an answer at a gate counts.
pub(super) fn work_of(agent: &Agent) -> GatedWork {
    GatedWork { attempt: Some(agent.attempt), head: agent.head_commit().map(|head| head.to_string()) }
}

/// Returns whether a run was taken from the clone that began it.
pub(super) fn has_taken(log: &Fold) -> bool {
    log.driver.as_ref().is_some_and(DrivingClone::has_taken)
}

/// Returns which agents of other clones a run resumes: all, once it was taken from the clone that began it.
pub(super) fn take_over(log: &Fold) -> TakeOverPolicy {
    if has_taken(log) { TakeOverPolicy::Always } else { TakeOverPolicy::Never }
}

/// Returns the state of the task of an agent. `may_resume` says whether the run may still resume it if it was lost, and `has_taken`
/// whether the run was taken from the clone that began it: then its agents there are lost.
///
/// The two come from two reads. If something happened to the agent in between, it counts as working until the next look: an end without
/// the head of its work would open a gate about no work.
pub(super) fn state(
    object: &AgentObject,
    agent: &Agent,
    into: &str,
    may_resume: bool,
    has_taken: bool,
) -> TaskState {
    if (object.phase, object.attempt) != (agent.phase, agent.attempt) {
        return TaskState::Working;
    }
    let reason = object.reason.clone().unwrap_or_default();
    let told = |word: &str| if reason.is_empty() { word.to_owned() } else { format!("{word}: {reason}") };
    let landed_head = agent.landed_head.as_ref().and_then(IdOrText::commit);
    // Another clone may have landed it in a branch of this name, or somebody reset the branch.
    let is_in_target = object.landed_now.is_none_or(LandedNow::is_in_history);
    let is_landed = landed_head.is_some() && landed_head == agent.head_commit() && is_in_target;
    let is_lost = object.liveness == Liveness::Lost || (has_taken && object.liveness == Liveness::Remote);
    match (object.liveness, object.phase) {
        (Liveness::Live, Phase::Waiting) => TaskState::NeedsPerson(
            object.waiting.clone().map_or_else(|| told("waiting"), |asks| format!("asks: {asks}")),
        ),
        (Liveness::Live, Phase::Paused) if object.cap.is_some() => TaskState::NeedsPerson(told("paused")),
        (Liveness::Live, _) => TaskState::Working,
        (Liveness::Lost | Liveness::Remote, _) if is_lost && may_resume => TaskState::Lost,
        (Liveness::Remote, _) if is_lost => TaskState::NeedsPerson(told("lost in another clone")),
        (Liveness::Lost, _) if is_lost => TaskState::NeedsPerson(told("lost")),
        (Liveness::Lost | Liveness::Remote, _) => TaskState::NeedsPerson("works in another clone".to_owned()),
        (Liveness::Ended, Phase::Done) if is_landed && object.landed_in.as_deref() == Some(into) => {
            TaskState::LandedUnrecorded
        }
        (Liveness::Ended, Phase::Done) => TaskState::Ready,
        // It does not resume by itself: what it would wait for is too far away.
        (Liveness::Ended, Phase::Paused)
            if object.limit.as_ref().is_some_and(|limit| !limit.warning && !limit.resumes) =>
        {
            TaskState::Limited(told("paused"))
        }
        (Liveness::Ended, Phase::Paused) => TaskState::NeedsPerson(told("paused")),
        (Liveness::Ended, phase) => TaskState::NotDone(told(phase.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::agent_object::tests::COMPLETE;

    #[test]
    fn an_end_that_is_not_in_both_reads_is_looked_at_again() {
        let object: AgentObject = serde_json::from_str(COMPLETE).unwrap();
        assert_eq!((object.phase, object.attempt, object.liveness), (Phase::Failed, 1, Liveness::Ended));
        for (phase, attempt, ends) in [
            (Phase::Failed, 1, true),
            (Phase::Running, 1, false),
            // Somebody resumed it meanwhile.
            (Phase::Starting, 2, false),
            (Phase::Failed, 2, false),
        ] {
            let agent = Agent { phase, attempt, ..Agent::default() };
            let found = state(&object, &agent, "main", true, false);
            let expected =
                if ends { TaskState::NotDone("failed: exit code 1".into()) } else { TaskState::Working };
            assert_eq!(found, expected, "{phase} {attempt}");
        }
    }
}
