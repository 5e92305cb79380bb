use super::*;
use crate::model::run::GateKind;
use TaskOutcome::{Failed, Landed, Published, Skipped, Unchanged};
use TaskState::{
    AtGate, Ended, FromUndone, LandedUnrecorded, Lost, NeedsPerson, NotApproved, NotDone, Ready, Review,
    Unstarted, Working,
};

/// Makes tasks `a`, `b`, … of states and of the tasks that each needs.
fn tasks(states: &[(TaskState, &str)]) -> Vec<RunTask> {
    let id = |letter: char| TaskId::parse(&letter.to_string()).unwrap();
    let one = |(letter, (state, after)): (char, &(TaskState, &str))| RunTask {
        id: id(letter),
        after: after.chars().map(id).collect(),
        state: state.clone(),
    };
    ('a'..).zip(states).map(one).collect()
}

fn record(task: usize, outcome: TaskOutcome, reason: Option<&str>) -> Step {
    Step::Record { task, outcome, reason: reason.map(str::to_owned) }
}

/// The tasks with what each needs, whether they are done one after another, and the step.
type Row<'a> = (&'a [(TaskState, &'a str)], bool, Step);

#[test]
fn each_state_has_its_next_step() {
    let asks = || NeedsPerson("asks".into());
    let open = || GateStep::Open(GateKind::Failed, "no".into());
    let begin = ReviewStep::Begin;
    let ours = || GateStep::Land(GateOption::Ours);
    let table: &[Row<'_>] = &[
        (&[(FromUndone("gone".into()), ""), (Ready, "")], false, record(0, Skipped, Some("gone"))),
        (&[], false, Step::End(RunPhase::Done)),
        (&[(Unstarted, ""), (Unstarted, "a"), (Unstarted, "")], false, Step::Start(vec![0, 2])),
        (&[(Unstarted, ""), (Unstarted, "a"), (Unstarted, "")], true, Step::Start(vec![0])),
        (&[(Working, ""), (Unstarted, "a"), (Ready, "")], false, Step::Wait),
        (&[(Working, ""), (Unstarted, "")], false, Step::Start(vec![1])),
        (&[(Working, ""), (Unstarted, "")], true, Step::Wait),
        (&[(Ready, ""), (Unstarted, "a"), (Ready, "")], false, Step::Land(vec![0, 2])),
        (&[(Ended(Landed), ""), (Unstarted, "a")], false, Step::Start(vec![1])),
        (&[(Ended(Unchanged), ""), (Unstarted, "a")], false, Step::Start(vec![1])),
        (&[(Ended(Published), ""), (Unstarted, "a")], false, Step::Start(vec![1])),
        (&[(Ended(Published), ""), (Ended(Failed), "")], false, Step::End(RunPhase::Partial)),
        (&[(Ended(Unchanged), ""), (Ended(Landed), "")], false, Step::End(RunPhase::Done)),
        (&[(Ended(Unchanged), ""), (Ended(Failed), "")], false, Step::End(RunPhase::Partial)),
        (
            &[(Ended(Failed), ""), (Unstarted, "a")],
            false,
            record(1, Skipped, Some("needs 'a', which failed")),
        ),
        (
            &[(Ended(Skipped), ""), (Unstarted, "a")],
            false,
            record(1, Skipped, Some("needs 'a', which was skipped")),
        ),
        (&[(NotDone("failed: no".into()), "")], false, record(0, Failed, Some("failed: no"))),
        (&[(LandedUnrecorded, ""), (Ready, "")], false, record(0, Landed, None)),
        (&[(Ready, ""), (Lost, ""), (Unstarted, "")], false, Step::Resume(vec![1])),
        (&[(Lost, ""), (Unstarted, "")], true, Step::Resume(vec![0])),
        (&[(Lost, ""), (LandedUnrecorded, "")], false, record(1, Landed, None)),
        (&[(asks(), ""), (Ready, ""), (Unstarted, "a")], false, Step::Land(vec![1])),
        (&[(Ready, ""), (Review(begin), ""), (Working, "")], false, Step::Review(1, begin)),
        (&[(Review(begin), ""), (Lost, "")], false, Step::Resume(vec![1])),
        (&[(NotApproved("no".into()), ""), (Ready, "")], false, record(0, Failed, Some("no"))),
        (&[(asks(), ""), (Ended(Landed), ""), (Unstarted, "a")], false, Step::NeedPerson),
        (&[(asks(), ""), (Unstarted, "")], true, Step::NeedPerson),
        (&[(AtGate(open()), ""), (Ready, "")], false, Step::Gate(Some(0), open())),
        (&[(Working, ""), (AtGate(GateStep::Retry(1)), "")], false, Step::Gate(Some(1), GateStep::Retry(1))),
        (&[(AtGate(GateStep::Wait), ""), (Working, ""), (Unstarted, "a")], false, Step::Wait),
        (&[(AtGate(GateStep::Wait), ""), (Ready, ""), (Unstarted, "a")], false, Step::Land(vec![1])),
        (&[(AtGate(GateStep::Wait), ""), (Unstarted, "a"), (Unstarted, "")], false, Step::Start(vec![2])),
        (&[(AtGate(GateStep::Wait), ""), (Unstarted, "")], true, Step::NeedPerson),
        (&[(AtGate(GateStep::Wait), ""), (Ended(Landed), "")], false, Step::NeedPerson),
        (&[(AtGate(ours()), ""), (Working, "")], false, Step::Wait),
        (&[(AtGate(ours()), ""), (Ready, "")], false, Step::Land(vec![1])),
        (&[(AtGate(ours()), ""), (Ended(Landed), "")], false, Step::LandWith(0, GateOption::Ours)),
        (&[(Ended(Landed), ""), (Ended(Landed), "")], false, Step::End(RunPhase::Done)),
        (&[(Ended(Landed), ""), (Ended(Failed), "")], false, Step::End(RunPhase::Partial)),
        (&[(Ended(Skipped), ""), (Ended(Failed), "")], false, Step::End(RunPhase::Failed)),
    ];
    for (states, sequential, expected) in table {
        assert_eq!(next(&tasks(states), *sequential), *expected, "{states:?}");
    }
}
