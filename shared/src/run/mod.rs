//! What a run of a plan does next: which tasks start, land, or end. Pure.
//!
//! The state of a task is derived from the log of the run and from the log of the task's agent, never from what this process did
//! before. A run that was killed therefore continues exactly where its refs are.

pub mod budget;
pub mod gates;
pub mod review;
#[cfg(test)]
mod tests;

use self::{gates::GateStep, review::ReviewStep};
use crate::{
    model::{
        RunKey,
        run::{GateOption, RunPhase, TaskEnd, TaskOutcome},
    },
    plan::TaskId,
};

/// The state of a task.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TaskState {
    /// It has ended.
    Ended(TaskOutcome),
    /// It has no agent.
    Unstarted,
    /// Its agent works, or will without help.
    Working,
    /// Its agent has no process any more, and can be resumed without a person.
    Lost,
    /// Its agent needs a person: the reason.
    NeedsPerson(String),
    /// Its agent is done, and its work has not landed.
    Ready,
    /// Its agent is done, and its work must be reviewed before it lands: what that needs.
    Review(ReviewStep),
    /// Its agent is done, and its work was reviewed and not approved: the reason.
    NotApproved(String),
    /// The work of its agent is in the target already; only the log of the run does not say so.
    LandedUnrecorded,
    /// Its agent ended and is not done: the reason.
    NotDone(String),
    /// Its agent reached a usage limit of its service that lasts longer than it waits: the reason.
    Limited(String),
    /// Its agent is done, and started from work whose landing was undone: the sentence that says so.
    FromUndone(String),
    /// A person is asked about it, or was.
    AtGate(GateStep),
}

/// A task with its state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunTask {
    /// Its id in the plan.
    pub id: TaskId,
    /// The tasks of the run that it needs.
    pub after: Vec<TaskId>,
    /// Its state.
    pub state: TaskState,
}

/// What to do next. Numbers are places in the list of tasks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Record that a task ended.
    Record {
        /// The task.
        task: usize,
        /// How it ended.
        outcome: TaskOutcome,
        /// The reason, for people.
        reason: Option<String>,
    },
    /// Do what is due at the gate of this task; without one, at the gate of the whole run.
    Gate(Option<usize>, GateStep),
    /// Resume the agents of these tasks.
    Resume(Vec<usize>),
    /// Do what the review of the work of this task needs.
    Review(usize, ReviewStep),
    /// Land the work of these tasks.
    Land(Vec<usize>),
    /// Land the work of this task, with this way to resolve its conflicts.
    LandWith(usize, GateOption),
    /// Start agents for these tasks.
    Start(Vec<usize>),
    /// Wait for agents that work.
    Wait,
    /// Nothing can be done until a person helps an agent or answers at a gate.
    NeedPerson,
    /// Every task has ended, and so does the run.
    End(RunPhase),
}

/// Returns what to do next. In a `sequential` run, a task starts only after all work of those before it has landed or failed.
pub fn next(tasks: &[RunTask], sequential: bool) -> Step {
    if let Some(step) = tasks.iter().enumerate().find_map(|(place, task)| ended(tasks, place, task)) {
        return step;
    }
    let places = |wanted: &dyn Fn(&RunTask) -> bool| -> Vec<usize> {
        (0..).zip(tasks).filter(|(_, task)| wanted(task)).map(|(place, _)| place).collect()
    };
    let lost = places(&|task| task.state == TaskState::Lost);
    if !lost.is_empty() {
        return Step::Resume(lost);
    }
    if let Some(step) = (0..).zip(tasks).find_map(review_of) {
        return step;
    }
    let working = !places(&|task| task.state == TaskState::Working).is_empty();
    let ready = places(&|task| task.state == TaskState::Ready);
    if !working && !ready.is_empty() {
        return Step::Land(ready);
    }
    if !working && let Some(step) = (0..).zip(tasks).find_map(land_with) {
        return step;
    }
    let mut startable = places(&|task| {
        task.state == TaskState::Unstarted && needs(tasks, task).all(|need| is_satisfied(&need.state))
    });
    let needy =
        tasks.iter().any(|task| matches!(task.state, TaskState::NeedsPerson(_) | TaskState::AtGate(_)));
    if sequential {
        startable.truncate(usize::from(!working && !needy));
    }
    if !startable.is_empty() {
        return Step::Start(startable);
    }
    if working {
        return Step::Wait;
    }
    if tasks.iter().all(|task| matches!(task.state, TaskState::Ended(_))) {
        return Step::End(phase(tasks));
    }
    Step::NeedPerson
}

/// Returns the step that records what happened to a task, if its log does not say so, or that is due at its gate.
fn ended(tasks: &[RunTask], place: usize, task: &RunTask) -> Option<Step> {
    let record = |outcome, reason| Some(Step::Record { task: place, outcome, reason });
    match &task.state {
        TaskState::LandedUnrecorded => record(TaskOutcome::Landed, None),
        TaskState::NotDone(why) | TaskState::NotApproved(why) => {
            record(TaskOutcome::Failed, Some(why.clone()))
        }
        TaskState::FromUndone(why) => record(TaskOutcome::Skipped, Some(why.clone())),
        TaskState::AtGate(GateStep::Wait | GateStep::Land(_)) => None,
        TaskState::AtGate(step) => Some(Step::Gate(Some(place), step.clone())),
        TaskState::Unstarted => needs(tasks, task).find_map(|need| match need.state {
            TaskState::Ended(outcome @ (TaskOutcome::Failed | TaskOutcome::Skipped)) => {
                let how = if outcome == TaskOutcome::Failed { "failed" } else { "was skipped" };
                record(TaskOutcome::Skipped, Some(format!("needs '{}', which {how}", need.id)))
            }
            _ => None,
        }),
        _ => None,
    }
}

const fn review_of((place, task): (usize, &RunTask)) -> Option<Step> {
    match task.state {
        TaskState::Review(step) => Some(Step::Review(place, step)),
        _ => None,
    }
}

fn land_with((place, task): (usize, &RunTask)) -> Option<Step> {
    match task.state {
        TaskState::AtGate(GateStep::Land(option)) => Some(Step::LandWith(place, option)),
        _ => None,
    }
}

fn needs<'a>(tasks: &'a [RunTask], task: &'a RunTask) -> impl Iterator<Item = &'a RunTask> {
    tasks.iter().filter(|one| task.after.contains(&one.id))
}

const fn is_satisfied(state: &TaskState) -> bool {
    matches!(state, TaskState::Ended(outcome) if outcome.satisfies())
}

/// Returns the phase of a run whose tasks have all ended. A run without tasks is done. A task that changed nothing counts as one that
/// landed: the target passes the check, which is all that the run asks of work.
fn phase(tasks: &[RunTask]) -> RunPhase {
    let satisfied = tasks.iter().filter(|task| is_satisfied(&task.state)).count();
    if satisfied == tasks.len() {
        RunPhase::Done
    } else if satisfied == 0 {
        RunPhase::Failed
    } else {
        RunPhase::Partial
    }
}

/// Returns the tag of the agents of a run.
pub fn tag(key: &RunKey) -> String {
    format!("run/{key}")
}

/// Returns the tag of the agent of a task, by the task's place in the run. An id of a task can be too long for a tag.
pub fn task_tag(key: &RunKey, place: usize) -> String {
    format!("run/{key}/{}", place + 1)
}

/// Returns the run and the place of the task in it that a tag of an agent names.
pub fn task_of_tag(tag: &str) -> Option<(RunKey, usize)> {
    let (key, place) = tag.strip_prefix("run/")?.split_once('/')?;
    Some((RunKey::parse(key).ok()?, place.parse::<usize>().ok()?.checked_sub(1)?))
}

/// The reason of a task whose work somebody else had landed, in whichever way.
pub const ALREADY: &str = "is in the target already";

/// Returns whether the run itself landed the work of a task.
pub fn has_landed_it(end: &TaskEnd) -> bool {
    end.outcome() == TaskOutcome::Landed && end.reason.as_deref() != Some(ALREADY)
}
