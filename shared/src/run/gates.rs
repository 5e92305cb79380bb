//! What the gate of a task makes of the task's state. Pure.
//!
//! An answer counts for one attempt of the agent and one head of its work, and for one action. Whether the action was carried out is
//! read from the agent and from the run, so that a process that was killed between an answer and its action carries it out once.

use jiff::Timestamp;

use super::TaskState;
use crate::model::{
    WriterId,
    run::{
        Fold, Gate, GateKind, GateOption,
        gate::{GateAnswer, GateClosed, GateOpened},
    },
};

/// What is to be done about a gate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GateStep {
    /// Open one: the reason.
    Open(GateKind, String),
    /// Wait for a person's answer.
    Wait,
    /// Close it: the answer that counts, or none because what the gate was about has changed.
    Close(u64, Option<GateAnswer>),
    /// Close it with the option that is taken because nobody answered in time.
    Default(u64, GateOption),
    /// Resume the agent of the task: the gate that says so.
    Retry(u64),
    /// Make a worktree in which a person resolves the conflict of the task.
    Edit(u64),
    /// Take in what a person resolved there.
    TakeEdit(u64),
    /// Land the work of the task, with this way to resolve conflicts.
    Land(GateOption),
}

/// What decides which answer counts.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    /// Whose answers count.
    pub is_trusted: &'a dyn Fn(&WriterId) -> bool,
    /// The time.
    pub now: Timestamp,
}

/// The work of an agent for which an answer counts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GatedWork {
    /// The newest attempt of the agent.
    pub attempt: Option<u32>,
    /// The head of its work, as a commit id.
    pub head: Option<String>,
}

/// Returns the state of a task, given the newest gate of the task. `asks` says whether the run opens gates at all.
pub fn gated(
    state: TaskState,
    newest: Option<&Gate>,
    work: &GatedWork,
    asks: bool,
    judge: Judge<'_>,
) -> TaskState {
    let ask = |state| match state {
        TaskState::NotDone(why) if asks => TaskState::AtGate(GateStep::Open(GateKind::Failed, why)),
        TaskState::FromUndone(why) if asks => TaskState::AtGate(GateStep::Open(GateKind::Undone, why)),
        TaskState::Limited(why) if asks => TaskState::AtGate(GateStep::Open(GateKind::Limit, why)),
        TaskState::Limited(why) => TaskState::NeedsPerson(why),
        TaskState::NotApproved(why) if asks => TaskState::AtGate(GateStep::Open(GateKind::Review, why)),
        other => other,
    };
    if matches!(state, TaskState::Ended(_)) {
        return state;
    }
    let Some(gate) = newest else { return ask(state) };
    let of = &gate.opened;
    // What was undone can come back, and what was there can be undone: then the question is another one.
    let is_from_undone = matches!(state, TaskState::FromUndone(_));
    let is_limited = matches!(state, TaskState::Limited(_));
    let is_same = is_about(gate, work)
        && (gate.kind() == GateKind::Limit) == is_limited
        && (gate.kind() == GateKind::Undone) == is_from_undone
        && (is_from_undone
            || is_limited
            || matches!(
                state,
                TaskState::NotDone(_) | TaskState::Ready | TaskState::Review(_) | TaskState::NotApproved(_)
            ));
    // A person may have approved the work by hand.
    let is_approved = gate.kind() == GateKind::Review && state == TaskState::Ready;
    match &gate.closed {
        None if !is_same || is_approved => TaskState::AtGate(GateStep::Close(of.gate, None)),
        None => TaskState::AtGate(waiting(gate, judge)),
        Some(_) if !is_same => ask(state),
        Some(closed) => match closed.option.as_deref().and_then(GateOption::parse) {
            // It is for the review, which starts once more.
            Some(GateOption::Retry) if gate.kind() == GateKind::Review => ask(state),
            Some(GateOption::Agent) if gate.kind() == GateKind::Review => {
                TaskState::AtGate(GateStep::Retry(of.gate))
            }
            Some(GateOption::Retry) => TaskState::AtGate(GateStep::Retry(of.gate)),
            Some(GateOption::Wait) if of.until.is_none_or(|until| until <= judge.now) => {
                TaskState::AtGate(GateStep::Retry(of.gate))
            }
            Some(GateOption::Wait) => TaskState::Working,
            Some(GateOption::Edit) => TaskState::AtGate(GateStep::Edit(of.gate)),
            Some(GateOption::Done) => TaskState::AtGate(GateStep::TakeEdit(of.gate)),
            Some(option) if state == TaskState::Ready && option.resolves() => {
                TaskState::AtGate(GateStep::Land(option))
            }
            Some(option @ GateOption::Land) if is_from_undone => TaskState::AtGate(GateStep::Land(option)),
            _ => ask(state),
        },
    }
}

/// Returns whether a gate is about this attempt and this head.
pub fn is_about(gate: &Gate, work: &GatedWork) -> bool {
    (gate.opened.attempt, &gate.opened.head) == (work.attempt, &work.head)
}

/// Returns the number of the newest gate of a kind at which a person answered so about this work of a task.
pub fn answered(
    fold: &Fold,
    task: &str,
    work: &GatedWork,
    kind: GateKind,
    option: GateOption,
) -> Option<u64> {
    let closed = |gate: &Gate| gate.closed.as_ref().and_then(|closed| closed.option.clone());
    let is_it = |gate: &&Gate| {
        gate.opened.task.as_deref() == Some(task)
            && gate.kind() == kind
            && is_about(gate, work)
            && closed(gate).as_deref() == Some(option.as_str())
    };
    fold.gates.iter().rev().find(is_it).map(|gate| gate.opened.gate)
}

/// Returns what is to be done about the newest open gate of this kind that is about the whole run. `None`: there is none.
pub fn of_run(gates: &[Gate], kind: GateKind, judge: Judge<'_>) -> Option<GateStep> {
    let is_open = |gate: &&Gate| gate.kind() == kind && gate.opened.task.is_none() && gate.closed.is_none();
    gates.iter().rev().find(is_open).map(|gate| waiting(gate, judge))
}

/// Returns what is to be done about the plan of a run that asks before it starts anything. `None`: it was accepted.
pub fn of_plan(gates: &[Gate], judge: Judge<'_>) -> Option<GateStep> {
    match gates.iter().find(|gate| gate.kind() == GateKind::Plan) {
        None => Some(GateStep::Open(GateKind::Plan, "the plan is ready, and nothing was started".to_owned())),
        Some(gate) if gate.closed.is_none() => Some(waiting(gate, judge)),
        Some(_) => None,
    }
}

fn waiting(gate: &Gate, judge: Judge<'_>) -> GateStep {
    let number = gate.opened.gate;
    match (gate.first_answer(judge.is_trusted), gate.overdue(judge.now)) {
        (Some(answer), _) => GateStep::Close(number, Some(answer.clone())),
        (None, Some(option)) => GateStep::Default(number, option),
        (None, None) => GateStep::Wait,
    }
}

/// Returns the gate to open next for a task, or for the plan if there is none.
pub fn next_gate(
    fold: &Fold,
    kind: GateKind,
    says: String,
    task: Option<String>,
    work: GatedWork,
    deadline: Option<Timestamp>,
) -> GateOpened {
    let highest = fold.gates.iter().map(|gate| gate.opened.gate).max().unwrap_or(0);
    GateOpened {
        gate: highest.saturating_add(1),
        kind: kind.as_str().to_owned(),
        task,
        agent: None,
        attempt: work.attempt,
        head: work.head,
        options: kind.options().map(|(option, _)| option.as_str().to_owned()).collect(),
        says: Some(says),
        cap: None,
        until: None,
        deadline,
        default: deadline.map(|_| kind.default_option().as_str().to_owned()),
    }
}

/// Returns the end of a gate at which nobody answered in time.
pub fn closing_by_default(gate: u64, option: GateOption) -> GateClosed {
    GateClosed { gate, option: Some(option.as_str().to_owned()), decision: None }
}

/// Returns the end of a gate.
pub fn closing(gate: u64, answer: Option<&GateAnswer>) -> GateClosed {
    GateClosed {
        gate,
        option: answer.map(|answer| answer.option.clone()),
        decision: answer.map(|answer| answer.event.hex()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        event::Event,
        run::{Fact, TaskOutcome, fold, gate::Decided},
    };

    fn work(attempt: u32, head: &str) -> GatedWork {
        GatedWork { attempt: Some(attempt), head: Some(head.to_owned()) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn early(is_trusted: &dyn Fn(&WriterId) -> bool) -> Judge<'_> {
        Judge { is_trusted, now: at(7199) }
    }

    /// Folds a gate of clone `a` with answers, each with its clone, and the number of the one that closes it.
    fn gates(kind: GateKind, answers: &[(&str, &str)], closes: Option<Option<usize>>) -> Fold {
        let event =
            |l, writer: &str, fact: &Fact| Event::new(fact, l, Timestamp::UNIX_EPOCH, writer).unwrap();
        let opened =
            next_gate(&Fold::default(), kind, "no".into(), Some("t".into()), work(1, "h"), Some(at(7200)));
        let mut events = vec![event(1, "a", &Fact::GateOpened(opened))];
        for (l, (writer, option)) in (2..).zip(answers) {
            let decided = Decided { gate: 1, option: (*option).to_owned(), note: None };
            events.push(event(l, writer, &Fact::Decided(decided)));
        }
        if let Some(place) = closes {
            let answers = fold::fold(&events).gates.remove(0).answers;
            let closed = closing(1, place.map(|place| &answers[place]));
            events.push(event(99, "a", &Fact::GateClosed(closed)));
        }
        fold::fold(&events)
    }

    #[test]
    fn each_state_of_a_task_has_its_gate() {
        use GateKind::{CheckFailed, Conflict, Failed};
        use TaskState::{AtGate, Ended, NotDone, Ready, Working};
        let failed = || NotDone("failed".into());
        let open = || AtGate(GateStep::Open(Failed, "failed".into()));
        let is_trusted = |writer: &WriterId| writer.as_str() != "x";
        let see = |state: TaskState, fold: &Fold, work: &GatedWork| {
            gated(state, fold.gates.last(), work, true, early(&is_trusted))
        };
        let (same, none) = (work(1, "h"), Fold::default());
        assert_eq!(see(failed(), &none, &same), open());
        assert_eq!(gated(failed(), None, &same, false, early(&is_trusted)), failed(), "it does not ask");
        assert_eq!(see(Ready, &none, &same), Ready);
        let waits = gates(Failed, &[("x", "skip")], None);
        assert_eq!(see(failed(), &waits, &same), AtGate(GateStep::Wait), "nobody who is trusted answered");
        assert_eq!(see(Ended(TaskOutcome::Landed), &waits, &same), Ended(TaskOutcome::Landed));
        let late = Judge { is_trusted: &is_trusted, now: at(7200) };
        let default = AtGate(GateStep::Default(1, GateOption::Skip));
        assert_eq!(
            gated(failed(), waits.gates.last(), &same, true, late),
            default,
            "nobody answered in time"
        );
        // What a person did by hand comes before the gate.
        for (state, work) in [(Working, work(2, "h")), (failed(), work(2, "h")), (failed(), work(1, "i"))] {
            assert_eq!(see(state, &waits, &work), AtGate(GateStep::Close(1, None)));
        }
        let answered =
            gates(CheckFailed, &[("x", "stop"), ("b", "dance"), ("b", "retry"), ("a", "skip")], None);
        let AtGate(GateStep::Close(1, Some(answer))) = see(Ready, &answered, &same) else {
            panic!("an answer")
        };
        assert_eq!((answer.writer.as_str(), answer.option.as_str()), ("b", "retry"));
        let at_last = gated(Ready, answered.gates.last(), &same, true, late);
        assert!(matches!(at_last, AtGate(GateStep::Close(1, Some(_)))), "an answer counts also after that");
        // The action is carried out until the agent or the run shows that it was.
        let retry = gates(CheckFailed, &[("b", "retry")], Some(Some(0)));
        assert_eq!(see(Ready, &retry, &same), AtGate(GateStep::Retry(1)));
        assert_eq!(see(Working, &retry, &work(2, "h")), Working);
        assert_eq!(see(Ready, &retry, &work(2, "i")), Ready);
        assert_eq!(see(failed(), &retry, &work(2, "h")), open());
        let theirs = gates(Conflict, &[("a", "theirs")], Some(Some(0)));
        assert_eq!(see(Ready, &theirs, &same), AtGate(GateStep::Land(GateOption::Theirs)));
        assert_eq!(see(Ready, &theirs, &work(1, "i")), Ready);
        let edit = gates(Conflict, &[("a", "edit")], Some(Some(0)));
        assert_eq!(see(Ready, &edit, &same), AtGate(GateStep::Edit(1)));
        let done = gates(GateKind::Edit, &[("a", "done")], Some(Some(0)));
        assert_eq!(see(Ready, &done, &same), AtGate(GateStep::TakeEdit(1)));
        assert_eq!(see(Ready, &done, &work(1, "i")), Ready, "it was taken");
        let superseded = gates(Failed, &[], Some(None));
        assert_eq!(see(failed(), &superseded, &same), open());
    }

    #[test]
    fn a_limit_is_waited_for_until_its_time() {
        use TaskState::{AtGate, Limited, NeedsPerson, Working};
        let everybody = |_: &WriterId| true;
        let limited = || Limited("paused: limit until 9:00".into());
        let see = |state: TaskState, fold: &Fold, now| {
            let judge = Judge { is_trusted: &everybody, now: at(now) };
            gated(state, fold.gates.last(), &work(1, "h"), true, judge)
        };
        let AtGate(GateStep::Open(kind, _)) = see(limited(), &Fold::default(), 0) else { panic!("a gate") };
        assert_eq!(kind, GateKind::Limit);
        let unasked = gated(limited(), None, &work(1, "h"), false, early(&everybody));
        assert_eq!(unasked, NeedsPerson("paused: limit until 9:00".into()));
        let mut waits = gates(GateKind::Limit, &[("a", "wait")], Some(Some(0)));
        waits.gates[0].opened.until = Some(at(100));
        assert_eq!(see(limited(), &waits, 99), Working);
        assert_eq!(see(limited(), &waits, 100), AtGate(GateStep::Retry(1)));
        assert_eq!(see(Working, &waits, 100), Working, "a person resumed it");
        let open = gates(GateKind::Limit, &[], None);
        assert_eq!(see(limited(), &open, 0), AtGate(GateStep::Wait));
        assert_eq!(see(TaskState::Ready, &open, 0), AtGate(GateStep::Close(1, None)));
    }

    #[test]
    fn what_started_from_undone_work_is_asked_about_until_that_is_back() {
        use TaskState::{AtGate, FromUndone, Ready};
        let everybody = |_: &WriterId| true;
        let from = || FromUndone("starts from 'a', whose landing was undone".into());
        let see = |state: TaskState, fold: &Fold| {
            gated(state, fold.gates.last(), &work(1, "h"), true, early(&everybody))
        };
        let AtGate(GateStep::Open(kind, _)) = see(from(), &Fold::default()) else { panic!("a gate") };
        assert_eq!(kind, GateKind::Undone);
        assert_eq!(gated(from(), None, &work(1, "h"), false, early(&everybody)), from(), "it does not ask");
        let open = gates(GateKind::Undone, &[], None);
        assert_eq!(see(from(), &open), AtGate(GateStep::Wait));
        assert_eq!(see(Ready, &open), AtGate(GateStep::Close(1, None)), "it is back");
        let land = gates(GateKind::Undone, &[("a", "land")], Some(Some(0)));
        assert_eq!(see(from(), &land), AtGate(GateStep::Land(GateOption::Land)));
        assert_eq!(see(Ready, &land), Ready);
        // An answer about another question says nothing of this one.
        let retry = gates(GateKind::CheckFailed, &[("a", "retry")], Some(Some(0)));
        assert!(matches!(see(from(), &retry), AtGate(GateStep::Open(GateKind::Undone, _))));
        let waits = gates(GateKind::CheckFailed, &[], None);
        assert_eq!(see(from(), &waits), AtGate(GateStep::Close(1, None)));
    }

    #[test]
    fn a_plan_is_asked_about_once() {
        let everybody = |_: &WriterId| true;
        let all = early(&everybody);
        assert!(matches!(of_plan(&[], all), Some(GateStep::Open(GateKind::Plan, _))));
        assert_eq!(of_plan(&gates(GateKind::Plan, &[], None).gates, all), Some(GateStep::Wait));
        let answered = gates(GateKind::Plan, &[("b", "accept")], None);
        assert!(matches!(of_plan(&answered.gates, all), Some(GateStep::Close(1, Some(_)))));
        assert_eq!(of_plan(&gates(GateKind::Plan, &[("b", "accept")], Some(Some(0))).gates, all), None);
        let late = Judge { is_trusted: &everybody, now: at(7200) };
        let unanswered = gates(GateKind::Plan, &[], None);
        assert_eq!(of_plan(&unanswered.gates, late), Some(GateStep::Default(1, GateOption::Stop)));
        let next = next_gate(&answered, GateKind::Failed, "no".into(), None, GatedWork::default(), None);
        assert_eq!((next.deadline, next.default), (None, None));
        assert_eq!(
            (next.gate, next.options.as_slice()),
            (2, &["retry", "skip", "stop"].map(String::from)[..])
        );
    }
}
