//! Snapshots of a running agent's worktree: at intervals, when a turn begins after another one, and when the agent may be stuck.

use std::time::{Duration, Instant};

use super::{RunningAttempt, Supervisor};
use crate::{
    Result,
    agents::StreamEvent,
    git::Oid,
    model::{Fact, Permission, Phase, event::PhaseChange},
    store::layout,
    supervise::{helper::HelperTask, stuck::StuckDetector},
};

/// The interval between snapshots.
const INTERVAL: Duration = Duration::from_secs(60);

/// Counts what the program did. `is_over` says whether its last turn had ended before the event.
pub(super) fn count(event: &StreamEvent, is_over: bool, stuck: &mut StuckDetector, turn_began: &mut bool) {
    match event {
        StreamEvent::Subagent(inner) => {
            if matches!(inner.as_ref(), StreamEvent::ToolUse { .. }) {
                stuck.step();
            }
        }
        StreamEvent::TurnEnded(_) => stuck.step(),
        StreamEvent::SessionStarted { .. } => *turn_began |= is_over,
        StreamEvent::ToolUse { .. } => stuck.step(),
        _ => {}
    }
}

impl Supervisor {
    /// Returns the detection for an attempt.
    pub(super) fn new_stuck_detector(&self) -> StuckDetector {
        // A reviewer and an agent that only plans change no files.
        let limit = if self.spec.judges || self.spec.launch.permission == Some(Permission::Plan) {
            0
        } else {
            self.spec.limits.stuck_turns
        };
        StuckDetector::new(limit)
    }

    /// Takes a snapshot if it is time. One that fails does not end the agent; the next one follows in a minute.
    pub(super) async fn take_snapshot(&mut self, attempt: &mut RunningAttempt) {
        let job = if attempt.turn_began { HelperTask::Turn } else { HelperTask::Snapshot };
        if !attempt.turn_began && !attempt.stuck.is_due() && attempt.last_snapshot.elapsed() < INTERVAL {
            return;
        }
        let taken = self.run_helper(job).await;
        (attempt.last_snapshot, attempt.turn_began) = (Instant::now(), false);
        if taken.is_err() || self.record_if_stuck(attempt).is_err() {
            attempt.stuck.postpone();
        }
    }

    /// Records that the agent is stuck, or no longer is. One that waits for an answer has a reason to change nothing.
    fn record_if_stuck(&mut self, attempt: &mut RunningAttempt) -> Result<()> {
        let tree =
            self.in_repository(|supervisor| supervisor.tree_at(&layout::snapshot_ref(&supervisor.id)))?;
        // While an attempt runs, the saved work is that with which it began.
        attempt.stuck.begin(|| self.tree_at(&layout::head_ref(&self.id)).ok().flatten());
        let Some(turns) =
            tree.filter(|_| attempt.waits_for.is_none()).and_then(|tree| attempt.stuck.observe(tree))
        else {
            return Ok(());
        };
        let step = PhaseChange::new(self.record.attempt, Phase::Running);
        let step = match turns {
            0 => step,
            turns => step.because(format!("stuck: it changed no file in {turns} turns and tool calls")),
        };
        self.append_facts(&[Fact::Phase(PhaseChange { stuck_turns: Some(turns), ..step })])
    }

    /// Returns the tree of the commit that a ref names.
    fn tree_at(&self, name: &str) -> Result<Option<Oid>> {
        let repo = self.repo()?;
        repo.find_ref(name)?.map(|commit| repo.tree_of(commit)).transpose()
    }
}
