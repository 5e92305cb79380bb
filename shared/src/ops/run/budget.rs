//! The budget of a run, and the gates of the whole run that keep a step back.

use super::driver::{Driver, Found};
use crate::{
    Result,
    config::{
        Config,
        keys::{MAX_RUN_COST, MAX_RUN_TOKENS},
    },
    model::{
        cap::{Amounts, Cap},
        run::{Fold, GateKind, TaskOutcome},
    },
    ops::agent_object::AgentObject,
    run::{
        self, Step, TaskState,
        budget::{self, BudgetStep},
        gates::{self, GateStep, Judge},
    },
};

impl Driver<'_> {
    /// Returns what to do next about the tasks, unless a gate of the whole run keeps it back.
    pub(super) fn next_of_tasks(&self, found: &Found, judge: Judge<'_>) -> Step {
        let gates = &found.log.gates;
        let kept_back = || {
            let works = budget::is_at_work(found.tasks.iter().map(|task| &task.state));
            if works { Step::Wait } else { Step::NeedPerson }
        };
        let blocked = gates::of_run(gates, GateKind::BlockedTarget, judge);
        match (run::next(&found.tasks, self.started.sequential), blocked) {
            (_, Some(step)) if step != GateStep::Wait => Step::Gate(None, step),
            (Step::Land(_) | Step::LandWith(..), Some(_)) => kept_back(),
            (Step::Start(places), _) => {
                match budget::step(found.cap.as_ref(), gates, !self.started.yolo, judge) {
                    BudgetStep::Start => Step::Start(places),
                    BudgetStep::Gate(GateStep::Wait) => kept_back(),
                    BudgetStep::Gate(step) => Step::Gate(None, step),
                    BudgetStep::Skip => Step::Record {
                        task: places.first().copied().unwrap_or_default(),
                        outcome: TaskOutcome::Skipped,
                        reason: Some("not started: the budget of the run is used up".to_owned()),
                    },
                }
            }
            // Nothing is moved here by a pull request, so that it need not wait until no agent works.
            (Step::Wait, _) if self.started.publish => {
                let is_ready = |place: &usize| found.tasks[*place].state == TaskState::Ready;
                let ready: Vec<usize> = (0..found.tasks.len()).filter(is_ready).collect();
                if ready.is_empty() { Step::Wait } else { Step::Land(ready) }
            }
            (step, _) => step,
        }
    }

    /// Returns the cap of the run that is reached, or else near, by what all its agents have used.
    pub(super) fn cap(&self, log: &Fold, objects: &[AgentObject]) -> Result<Option<Cap>> {
        let config = Config::of(self.repo);
        let caps = Amounts { cost: config.get(&MAX_RUN_COST)?, tokens: config.get(&MAX_RUN_TOKENS)? };
        let of = |one: &AgentObject| Amounts::used(one.cost_usd, one.input_tokens, one.output_tokens);
        let used = objects.iter().map(of).fold(Amounts::default(), Amounts::plus);
        Ok(budget::cap(caps, used, &log.gates))
    }
}
