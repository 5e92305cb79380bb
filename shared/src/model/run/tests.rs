use jiff::Timestamp;
use proptest::prelude::*;

use super::{
    drive::Driving,
    fact::{Created, MAX_AGENTS},
    gate::{Decided, GateClosed, GateOpened},
    *,
};
use crate::model::{IdOrText, WriterId, event::Event, trailers};

/// The log of a run with every kind of event, each with all of its fields. These bytes must stay readable.
const EVENTS: &[&str] = &[
    r#"{"agents":["add-tests-k3m9q","not an id"],"at":"2026-11-26T12:00:00Z","l":1,"label":"laptop","plan":"- Add tests","t":"created","title":"Two tasks","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-26T12:00:01Z","l":2,"t":"note","text":"wait for the other one","v":1,"w":"7a7a"}"#,
    r#"{"at":"2026-11-26T12:00:02Z","l":3,"outcome":"failed","reason":"the check failed","t":"task","task":"add-tests","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-26T12:00:02Z","l":3,"outcome":"landed","t":"task","task":"docs","unchanged":true,"v":1,"w":"7a7a"}"#,
    r#"{"at":"2026-11-26T12:00:02Z","l":4,"phase":"partial","reason":"one failed","t":"finished","v":1,"w":"5t2k"}"#,
    r#"{"agent":"add-tests-k3m9q","at":"2026-11-26T12:00:04Z","attempt":1,"gate":1,"head":"1111111111111111111111111111111111111111","kind":"check-failed","l":5,"options":["retry","skip","stop"],"says":"the check failed","t":"gate_opened","task":"add-tests","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-26T12:00:05Z","gate":1,"l":6,"note":"use the other API","option":"retry","t":"decided","v":1,"w":"7a7a"}"#,
    r#"{"at":"2026-11-26T12:00:06Z","decision":"2222","gate":1,"l":7,"option":"retry","t":"gate_closed","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-26T12:00:07Z","deadline":"2026-11-26T14:00:00Z","default":"skip","gate":2,"kind":"of-tomorrow","l":8,"options":["dance"],"t":"gate_opened","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-26T12:00:08Z","epoch":2,"l":9,"label":"desk","reopened":["docs"],"t":"driving","v":1,"w":"7a7a"}"#,
    r#"{"agents":[],"at":"2026-11-26T12:00:09Z","l":10,"options":{"confirm":true,"into":"main","sequential":true,"strict":true,"tasks":["add-tests","docs"],"yolo":true},"t":"created","title":"Two tasks","v":1,"w":"7a7a"}"#,
];

/// The trailers of the state after [`EVENTS`].
const STATE: &str = "\
Orchestra-State: partial
Orchestra-Created: 2026-11-26T12:00:00Z
Orchestra-Title: Two tasks
Orchestra-Agents: 2
Orchestra-Writer: 5t2k
Orchestra-Label: laptop
Orchestra-Updated: 2026-11-26T12:00:09Z
Orchestra-Ended: 2026-11-26T12:00:02Z
Orchestra-Reason: one failed
Orchestra-Gates: 1
Orchestra-Notes: 1
Orchestra-Conflicts: 2
Orchestra-Lamport: 10
Orchestra-By: 5t2k
Orchestra-Fold: 6
Orchestra-Format: 1
";

fn read(line: &str) -> Event<Fact> {
    Event::read(line).unwrap_or_else(|| panic!("an event: {line}"))
}

fn event(lamport: u64, writer: &str, fact: &Fact) -> Event<Fact> {
    Event::new(fact, lamport, Timestamp::UNIX_EPOCH, writer).unwrap()
}

fn end(phase: RunPhase) -> Fact {
    Fact::Finished { phase, reason: None }
}

#[test]
fn events_and_state_of_a_run_keep_their_bytes() {
    let events: Vec<Event<Fact>> = EVENTS.iter().map(|line| read(line)).collect();
    for event in &events {
        let fact = event.fact.as_ref().unwrap();
        assert_eq!(Event::new(fact, event.lamport, event.at, &event.writer).unwrap().line, event.line);
    }
    let fold = fold::fold(&events);
    assert_eq!(trailers::write(&fold.run, "5t2k"), STATE);
    assert_eq!(fold.agents[0].id().map(ToString::to_string).as_deref(), Some("add-tests-k3m9q"));
    assert_eq!(fold.agents[1], IdOrText::Text("not an id".into()));
    assert_eq!(fold.notes, [events[1].id]);
    assert_eq!(
        fold.tasks.iter().map(|end| (end.task.as_str(), end.outcome())).collect::<Vec<_>>(),
        [("add-tests", TaskOutcome::Failed)],
        "a clone that does not drive the run says nothing of a task"
    );
    let driver = fold.driver.as_ref().unwrap();
    assert_eq!((driver.epoch, driver.name().as_str()), (2, "clone desk (7a7a)"));
}

#[test]
fn invalid_facts_are_malformed_and_newer_events_are_kept() {
    let newer = r#"{"at":"2026-11-26T12:00:00Z","l":3,"t":"of_tomorrow","v":1,"w":"a"}"#;
    assert_eq!(read(newer).fact, None);
    assert_eq!(fold::fold([&read(newer)]).newer, 1);
    let running = r#"{"at":"2026-11-26T12:00:00Z","l":3,"phase":"running","t":"finished","v":1,"w":"a"}"#;
    assert!(Event::<Fact>::read(running).is_none());
    let agents = vec![IdOrText::Text("a".into()); MAX_AGENTS + 1];
    let too_many = Fact::Created(Created { agents, ..Created::default() });
    assert!(Event::new(&too_many, 1, Timestamp::UNIX_EPOCH, "a").is_none());
}

#[test]
fn the_highest_end_counts_and_the_conflict_is_listed() {
    use RunPhase::*;
    for (first, second, expected) in
        [(Done, Stopped, Done), (Stopped, Done, Done), (Failed, Partial, Partial), (Stopped, Failed, Failed)]
    {
        let fold = fold::fold(&[event(2, "a", &end(first)), event(2, "b", &end(second))]);
        assert_eq!((fold.run.phase, fold.conflicts.len()), (expected, 1), "{first} and {second}");
    }
    assert_eq!(fold::fold(&[event(2, "a", &end(Done)), event(3, "b", &end(Done))]).conflicts.len(), 0);
}

#[test]
fn the_highest_end_of_a_task_counts_in_any_order() {
    use TaskOutcome::*;
    let end = |outcome| Fact::Task(TaskEnd::new("a".into(), outcome, None));
    for (first, second, expected) in [
        (Landed, Failed, Landed),
        (Failed, Landed, Landed),
        (Skipped, Failed, Failed),
        (Unchanged, Failed, Unchanged),
        (Unchanged, Landed, Landed),
        (Published, Unchanged, Published),
        (Published, Landed, Landed),
    ] {
        let fold = fold::fold(&[event(2, "a", &end(first)), event(3, "b", &end(second))]);
        assert_eq!(fold.tasks.len(), 1);
        assert_eq!(fold.tasks[0].outcome(), expected, "{first} and {second}");
    }
    for task in ["", "A", "a b", "../x", &"a".repeat(41)] {
        let fact = Fact::Task(TaskEnd::new(task.into(), Landed, None));
        assert!(Event::new(&fact, 1, Timestamp::UNIX_EPOCH, "a").is_none(), "{task}");
    }
}

fn opened(gate: u64) -> Fact {
    let options = vec!["retry".to_owned(), "skip".to_owned()];
    Fact::GateOpened(GateOpened { gate, kind: "failed".into(), options, ..GateOpened::default() })
}

fn decided(gate: u64, option: &str) -> Fact {
    Fact::Decided(Decided { gate, option: option.into(), note: None })
}

fn closed(gate: u64, decision: &Event<Fact>) -> Fact {
    let option = Some("skip".to_owned());
    Fact::GateClosed(GateClosed { gate, option, decision: Some(decision.id.hex()) })
}

#[test]
fn only_the_clone_that_opened_a_gate_closes_it_and_names_the_answer() {
    let (of_b, of_a) = (event(3, "b", &decided(1, "retry")), event(3, "a", &decided(1, "skip")));
    let end = event(4, "a", &closed(1, &of_a));
    let fold = fold::fold(&[event(2, "a", &opened(1)), of_b.clone(), of_a.clone(), end.clone()]);
    let gate = &fold.gates[0];
    assert_eq!((gate.kind(), gate.answers.len(), fold.run.gates), (GateKind::Failed, 2, 0));
    assert_eq!(gate.heeded().unwrap().event, of_a.id);
    // Another clone closes nothing, and a gate is closed once.
    let foreign = event(3, "b", &closed(1, &of_b));
    let fold = fold::fold(&[event(2, "a", &opened(1)), of_b.clone(), foreign]);
    assert_eq!((fold.open_gates().count(), fold.run.gates, fold.conflicts.len()), (1, 1, 1));
    let later = event(5, "a", &closed(1, &of_b));
    let fold = fold::fold(&[event(2, "a", &opened(1)), of_b, of_a.clone(), end, later]);
    assert_eq!(fold.gates[0].heeded().unwrap().event, of_a.id);
}

#[test]
fn the_first_answer_of_a_trusted_clone_with_a_known_option_counts() {
    let events = [
        event(2, "a", &opened(1)),
        event(3, "x", &decided(1, "retry")),
        event(4, "b", &decided(1, "dance")),
        event(5, "b", &decided(1, "skip")),
        event(6, "a", &decided(1, "retry")),
    ];
    let fold = fold::fold(&events);
    let first = fold.gates[0].first_answer(&|writer| writer.as_str() != "x").unwrap();
    assert_eq!((first.writer.as_str(), first.option.as_str()), ("b", "skip"));
    assert!(fold.gates[0].first_answer(&|_| false).is_none());
}

#[test]
fn malformed_gates_are_set_aside() {
    for fact in [
        opened(0),
        decided(1, "Skip it"),
        decided(0, "skip"),
        Fact::GateClosed(GateClosed { gate: 1, option: Some(String::new()), decision: None }),
        Fact::GateOpened(GateOpened {
            gate: 1,
            kind: "a".into(),
            options: vec!["a".into(); 21],
            ..GateOpened::default()
        }),
    ] {
        assert!(Event::new(&fact, 1, Timestamp::UNIX_EPOCH, "a").is_none(), "{fact:?}");
    }
    // Answers and ends of gates that nobody opened, and gates that were opened twice, are listed.
    let one = event(2, "a", &decided(7, "skip"));
    let fold = fold::fold(&[
        one.clone(),
        event(3, "a", &closed(7, &one)),
        event(4, "a", &opened(1)),
        event(5, "b", &opened(1)),
    ]);
    assert_eq!((fold.gates.len(), fold.conflicts.len()), (1, 3));
}

fn took(epoch: u64, reopened: &[&str]) -> Fact {
    let reopened = reopened.iter().map(|id| (*id).to_owned()).collect();
    Fact::Driving(Driving { epoch, label: None, reopened })
}

fn landed(task: &str) -> Fact {
    Fact::Task(TaskEnd::new(task.into(), TaskOutcome::Landed, None))
}

#[test]
fn what_a_clone_writes_that_does_not_drive_the_run_is_void() {
    let begun = event(1, "a", &Fact::Created(Created::default()));
    let writer = |fold: &Fold| fold.driver.as_ref().map(|driver| (driver.epoch, driver.writer.to_string()));
    let ended = |fold: &Fold| fold.tasks.iter().map(|end| end.task.clone()).collect::<Vec<_>>();
    let see = |more: &[Event<Fact>]| fold::fold(&[std::slice::from_ref(&begun), more].concat());
    let fold = see(&[event(2, "b", &landed("x")), event(2, "b", &end(RunPhase::Done))]);
    assert_eq!((writer(&fold), ended(&fold)), (Some((1, "a".into())), vec![]));
    assert_eq!((fold.run.phase, fold.conflicts.len()), (RunPhase::Running, 2));
    // From its taking on, the events of the new driver count, and those of the one before do not.
    let gate = [event(2, "a", &opened(1)), event(3, "a", &landed("x")), event(3, "a", &landed("y"))];
    let after = [
        event(4, "b", &took(2, &["x"])),
        event(5, "a", &landed("z")),
        event(5, "a", &end(RunPhase::Done)),
        event(6, "b", &Fact::GateClosed(GateClosed { gate: 1, option: None, decision: None })),
    ];
    let fold = see(&[&gate[..], &after[..]].concat());
    assert_eq!((writer(&fold), ended(&fold)), (Some((2, "b".into())), vec!["y".to_owned()]));
    assert_eq!((fold.run.phase, fold.run.gates), (RunPhase::Running, 0));
    // The one that lost it drives it once more.
    let fold =
        see(&[&gate[..], &after[..], &[event(7, "a", &took(3, &[])), event(8, "a", &landed("z"))]].concat());
    assert_eq!((writer(&fold), ended(&fold).len()), (Some((3, "a".into())), 2));
}

#[test]
fn of_two_clones_that_take_a_run_at_once_the_first_in_the_order_drives_it() {
    let begun = event(1, "a", &Fact::Created(Created::default()));
    let (b, c) = (event(2, "b", &took(2, &[])), event(2, "c", &took(2, &[])));
    let won = if b.order() < c.order() { "b" } else { "c" };
    let work = [event(3, "b", &landed("of-b")), event(3, "c", &landed("of-c"))];
    let all = [begun.clone(), b.clone(), c, work[0].clone(), work[1].clone()];
    let fold = fold::fold(&all);
    assert!(fold.is_driven_by(&WriterId::parse(won).unwrap()));
    assert_eq!(fold.tasks.iter().map(|end| end.task.as_str()).collect::<Vec<_>>(), [format!("of-{won}")]);
    // Nobody takes a number that was not next, so that there always is a next one.
    let fold = fold::fold(&[begun, b, event(3, "c", &took(u64::MAX, &[])), event(4, "c", &took(2, &[]))]);
    assert_eq!((fold.driver.as_ref().unwrap().epoch, fold.conflicts.len()), (2, 2));
    assert!(Event::new(&took(1, &[]), 1, Timestamp::UNIX_EPOCH, "a").is_none());
}

fn facts() -> impl Strategy<Value = Fact> {
    let phases = prop::sample::select(&RunPhase::ALL[1..]);
    prop_oneof![
        any::<String>().prop_map(|title| Fact::Created(Created { title, ..Created::default() })),
        proptest::option::of(any::<String>()).prop_map(|text| Fact::Note { text }),
        (prop::sample::select(&["a", "b"][..]), prop::sample::select(&TaskOutcome::ALL[..]))
            .prop_map(|(task, outcome)| Fact::Task(TaskEnd::new(task.into(), outcome, None))),
        (phases, proptest::option::of(any::<String>()))
            .prop_map(|(phase, reason)| Fact::Finished { phase, reason }),
        (1_u64..3).prop_map(opened),
        (1_u64..3, prop::sample::select(&["retry", "skip"][..]))
            .prop_map(|(gate, option)| decided(gate, option)),
        (1_u64..3).prop_map(|gate| {
            Fact::GateClosed(GateClosed { gate, option: Some("skip".into()), decision: None })
        }),
        (2_u64..4, any::<bool>())
            .prop_map(|(epoch, reopens)| took(epoch, if reopens { &["a"] } else { &[] })),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event<Fact>>> {
    let one = (1_u64..9, prop::sample::select(&["a", "b", "c"][..]), facts());
    prop::collection::vec(one, 0..12)
        .prop_map(|all| all.iter().map(|(lamport, writer, fact)| event(*lamport, writer, fact)).collect())
}

proptest! {
    #[test]
    fn order_and_repeats_do_not_matter((events, shuffled) in events().prop_flat_map(|events| {
        let twice: Vec<Event<Fact>> = events.iter().chain(&events).cloned().collect();
        (Just(events), Just(twice).prop_shuffle())
    })) {
        prop_assert_eq!(fold::fold(&events), fold::fold(&shuffled));
    }

    #[test]
    fn trailers_read_back_as_the_state(events in events()) {
        let run = fold::fold(&events).run;
        prop_assert_eq!(trailers::state::<Run>(&trailers::write(&run, "w1")), Some(run));
    }
}
