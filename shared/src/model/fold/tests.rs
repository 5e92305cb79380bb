mod times;
mod works;

use std::collections::HashSet;

use jiff::Timestamp;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::{
    super::{
        Cost,
        Phase::Failed,
        cap::{CapScope, CapUnit},
        dependency::StartedWith,
        event::Message,
        event::Pattern,
        event::Tagged,
        landing::check_id,
        published::{Published, PullRequestState},
        said::{HeardHow, HeardMessages, ReadMessages, Receiver, Said},
        team::{Outcome, PartChange, TeamRole},
        verdict::{self, Review},
    },
    *,
};

fn event(lamport: u64, writer: &str, fact: &Fact) -> Event {
    Event::new(fact, lamport, Timestamp::UNIX_EPOCH, writer).unwrap()
}

fn writer(id: &str) -> WriterId {
    WriterId::parse(id).unwrap()
}

fn phase(attempt: u32, phase: Phase) -> Fact {
    Fact::Phase(PhaseChange::new(attempt, phase))
}

fn work(files: u64) -> WorkStat {
    WorkStat { commits: 1, files, insertions: 3, deletions: 4, ..WorkStat::default() }
}

fn end(attempt: u32, phase: Phase) -> Fact {
    Fact::Finished(Finished { work: work(2), ..Finished::empty(attempt, phase) })
}

fn recorded(facts: &[(u64, &str, Fact)]) -> (u32, Phase, usize) {
    let events: Vec<Event> = facts.iter().map(|(l, w, fact)| event(*l, w, fact)).collect();
    let fold = fold(&events);
    (fold.agent.attempt, fold.agent.phase, fold.conflicts.len())
}

#[test]
fn phase_rules() {
    use Phase::*;
    type Story<'a> = &'a [(u64, &'a str, Fact)];
    let table: &[(Story<'_>, (u32, Phase, usize))] = &[
        (&[], (0, Queued, 0)),
        (&[(2, "a", phase(1, Starting)), (3, "a", phase(1, Running))], (1, Running, 0)),
        // an end beats a later phase of the same attempt
        (&[(2, "a", phase(1, Starting)), (3, "a", end(1, Done)), (4, "a", phase(1, Running))], (1, Done, 0)),
        // a higher attempt beats an end
        (&[(2, "a", end(1, Failed)), (3, "a", phase(2, Starting))], (2, Starting, 0)),
        // and a later event of a lower attempt
        (&[(2, "a", phase(2, Starting)), (9, "a", end(1, Done))], (2, Starting, 0)),
        // of two ends the one of higher rank holds, and the contradiction is listed
        (&[(2, "a", end(1, Stopped)), (3, "a", end(1, Done))], (1, Done, 1)),
        (&[(2, "a", end(1, Done)), (3, "a", end(1, Stopped))], (1, Done, 1)),
        (&[(2, "a", end(1, Timeout)), (3, "a", end(1, Failed))], (1, Failed, 1)),
        // of two launches with one number the first is the attempt
        (
            &[(2, "a", phase(1, Starting)), (3, "b", phase(1, Starting)), (4, "b", end(1, Done))],
            (1, Starting, 1),
        ),
        // a pause is an end that every other end beats, and that a launch follows
        (&[(2, "a", phase(1, Starting)), (3, "a", end(1, Paused))], (1, Paused, 0)),
        (&[(2, "a", end(1, Paused)), (3, "a", end(1, Stopped))], (1, Stopped, 0)),
        (&[(2, "a", end(1, Paused)), (3, "a", phase(2, Queued))], (2, Queued, 0)),
        // stopped before any launch
        (&[(2, "b", end(0, Stopped))], (0, Stopped, 0)),
    ];
    for (facts, expected) in table {
        assert_eq!(recorded(facts), *expected, "{facts:?}");
    }
}

#[test]
fn hostile_texts_are_escaped() {
    let created = Created {
        title: "a\u{1b}]0;x\u{7}\nb".into(),
        profile: "p\r\nOrchestra-State: done".into(),
        ..Created::default()
    };
    let fold = fold(&[event(1, "a", &Fact::Created(created))]);
    assert_eq!(fold.agent.title, "a\\e]0;x\\u{7}");
    assert_eq!(fold.agent.profile, "p\\u{d}\\nOrchestra-State: done");
}

#[test]
fn a_landing_holds_until_it_is_undone() {
    let landed = |outcome, head: &str| {
        let commit = Some(IdOrText::read("c"));
        Fact::Landed(Landed { commit, reason: None, ..did_not_land(outcome, head, "") })
    };
    let mut events =
        vec![event(2, "a", &landed(Landing::Merged, "one")), event(3, "a", &landed(Landing::Failed, "two"))];
    let agent = fold(&events).agent;
    let landed_head = agent.landed_head.map(|head| head.to_string());
    assert_eq!((landed_head.as_deref(), agent.landed_in.as_deref()), (Some("one"), Some("main")));
    events.push(event(4, "b", &landed(Landing::Undone, "one")));
    assert_eq!(fold(&events).agent.landed_head, None);
}

fn did_not_land(outcome: Landing, head: &str, reason: &str) -> Landed {
    let check = (outcome == Landing::Failed).then(|| Check::for_event("test", "make"));
    let (into, head, reason) = ("main".into(), IdOrText::read(head), Some(reason.into()));
    let (commit, passed, operation, undone) = (None, Vec::new(), None, None);
    Landed { outcome, into, head, commit, reason, check, passed, operation, undone }
}

#[test]
fn a_failed_check_holds_until_the_same_clone_passes_it() {
    let failed = did_not_land(Landing::Failed, "one", "test fails: exit code 1");
    let aside = did_not_land(Landing::SetAside, "one", "conflicts");
    let merged = |passed: &[&str]| Landed {
        passed: passed.iter().map(|command| check_id(command)).collect(),
        ..did_not_land(Landing::Merged, "one", "")
    };
    let undone =
        |before: &Landed| Landed { undone: Some(before.outcome), outcome: Landing::Undone, ..before.clone() };
    type Row<'a> = (&'a [(&'a str, Landed)], bool, bool);
    let table: &[Row<'_>] = &[
        (&[("a", failed.clone())], true, false),
        (&[("a", aside.clone())], false, true),
        (&[("a", failed.clone()), ("a", aside.clone())], true, true),
        (&[("a", aside.clone()), ("a", failed.clone())], true, false),
        (&[("a", failed.clone()), ("a", merged(&[]))], true, false),
        (&[("a", failed.clone()), ("a", merged(&["other"]))], true, false),
        (&[("a", failed.clone()), ("b", merged(&["make"]))], true, false),
        (&[("a", failed.clone()), ("a", merged(&["make"]))], false, false),
        (&[("a", failed.clone()), ("b", aside.clone()), ("a", merged(&["make"]))], false, false),
        (&[("a", failed.clone()), ("a", undone(&failed))], false, false),
        (&[("a", failed.clone()), ("b", undone(&failed))], true, false),
        (&[("a", failed.clone()), ("a", undone(&merged(&[])))], true, false),
        (&[("a", failed.clone()), ("a", undone(&did_not_land(Landing::Failed, "two", "")))], true, false),
        (&[("a", failed.clone()), ("a", aside.clone()), ("a", undone(&aside))], true, false),
        (&[("a", failed.clone()), ("a", aside.clone()), ("a", undone(&failed))], false, true),
    ];
    for (recorded, fails, is_aside) in table {
        let events: Vec<Event> = recorded
            .iter()
            .zip(2..)
            .map(|((by, fact), l)| event(l, by, &Fact::Landed(fact.clone())))
            .collect();
        let agent = fold(&events).agent;
        assert_eq!(
            (agent.failed_check.is_some(), agent.set_aside.is_some()),
            (*fails, *is_aside),
            "{recorded:?}"
        );
    }
    let old = Landed { check: None, ..failed };
    let known = fold(&[event(2, "a", &Fact::Landed(old))]).agent.failed_check.expect("a failure");
    assert_eq!((known.check.name.as_str(), known.check.id.as_str()), ("test", ""));
}

#[test]
fn a_repeated_landing_is_not_recorded() {
    let agent = |recorded: &[Landed]| {
        let events: Vec<Event> =
            recorded.iter().zip(2..).map(|(fact, l)| event(l, "a", &Fact::Landed(fact.clone()))).collect();
        fold(&events).agent
    };
    let aside = |why| did_not_land(Landing::SetAside, "one", why);
    let failed = |head| did_not_land(Landing::Failed, head, "test fails: exit code 1");
    let merged = |commit: &str| Landed {
        commit: Some(IdOrText::read(commit)),
        passed: vec!["x".into()],
        ..did_not_land(Landing::Merged, "one", "")
    };
    for (recorded, next, is_new) in [
        (vec![], aside("conflicts"), true),
        (vec![aside("conflicts")], aside("conflicts"), false),
        (vec![aside("conflicts")], aside("conflicts elsewhere"), true),
        (vec![failed("one")], failed("one"), false),
        (vec![failed("one")], failed("two"), true),
        (vec![merged("c")], merged("c"), false),
        (vec![merged("c")], merged("d"), true),
        (vec![], did_not_land(Landing::Undone, "one", ""), false),
        (vec![merged("c")], did_not_land(Landing::Undone, "one", ""), true),
    ] {
        assert_eq!(
            is_worth_recording(&agent(&recorded), &Fact::Landed(next.clone()), &writer("a")),
            is_new,
            "{recorded:?} {next:?}"
        );
    }
}

#[test]
fn unchanged_collected_work_is_not_recorded() {
    let ended = event(2, "a", &end(1, Phase::Done));
    let agent = fold(&[event(1, "a", &phase(1, Phase::Starting)), ended]).agent;
    let taken = |head: &str, reason: Option<&str>| Collected {
        attempt: 1,
        head: IdOrText::read(head),
        work: work(2),
        unfinished: None,
        phase: reason.map(|_| Phase::Done),
        reason: reason.map(str::to_owned),
        session: None,
        started_with: None,
    };
    let agent = Agent { head: Some(IdOrText::read("one")), reason: Some("not resolved".into()), ..agent };
    for (fact, is_new) in [
        (Fact::Collected(taken("one", None)), false),
        (Fact::Collected(taken("two", None)), true),
        (Fact::Collected(taken("one", Some("not resolved"))), false),
        (Fact::Collected(taken("one", Some("repair failed"))), true),
        (Fact::Collected(Collected { attempt: 2, ..taken("two", None) }), false),
        (Fact::Pause { reason: None }, true),
    ] {
        assert_eq!(is_worth_recording(&agent, &fact, &writer("a")), is_new, "{fact:?}");
    }
}

#[test]
fn a_request_holds_until_the_end_or_the_next_launch() {
    let (stop, pause) = (Fact::Stop { reason: None }, Fact::Pause { reason: None });
    let launch = |attempt| phase(attempt, Phase::Starting);
    for (facts, asked) in [
        (vec![launch(1)], None),
        (vec![launch(1), stop.clone()], Some(StopMode::Stop)),
        (vec![launch(1), pause.clone()], Some(StopMode::Pause)),
        (vec![launch(1), pause.clone(), stop.clone()], Some(StopMode::Stop)),
        (vec![launch(1), stop.clone(), pause.clone()], Some(StopMode::Stop)),
        (vec![launch(1), stop.clone(), end(1, Phase::Stopped)], None),
        (vec![launch(1), pause, end(1, Phase::Paused), launch(2)], None),
        (vec![stop, launch(1)], None),
    ] {
        let events: Vec<Event> = facts.iter().zip(1..).map(|(fact, l)| event(l, "a", fact)).collect();
        assert_eq!(fold(&events).asked.map(|(rest, _)| rest), asked, "{facts:?}");
    }
}

fn cap(used: u64, warning: bool) -> Cap {
    Cap { scope: CapScope::Run, unit: CapUnit::Tokens, limit: 1000, step: 500, used, warning }
}

fn usage(attempt: u32, session: &str, cost: u64, denials: u64) -> Fact {
    let (session, cost) = (Some(session.into()), Some(Cost::from_micros(cost)));
    let usage = Usage { session, cost, denials, ..Usage::default() };
    Fact::Finished(Finished { usage: Some(usage), ..Finished::empty(attempt, Failed) })
}

#[test]
fn session_totals_hold_and_sessions_add_up() {
    let recorded = [
        event(2, "a", &usage(1, "s", 50, 1)),
        event(3, "a", &usage(2, "s", 100, 2)),
        // killed and resumed: the program does not report the cost of the lost turn
        event(4, "a", &usage(3, "s", 30, 0)),
        event(5, "a", &usage(4, "t", 7, 0)),
    ];
    let agent = fold(&recorded).agent;
    assert_eq!((agent.cost.map(Cost::micros), agent.denials, agent.input_tokens), (Some(107), 3, None));
}

#[test]
fn what_is_allowed_for_good_comes_from_the_clone_that_runs_the_agent() {
    let step = |rule: &str| {
        let always = Pattern::rules(vec![rule.to_owned()]);
        Fact::Phase(PhaseChange { always, ..PhaseChange::new(1, Phase::Running) })
    };
    let events = [
        event(2, "a", &phase(1, Phase::Starting)),
        event(3, "a", &step("Bash(make:*)")),
        event(4, "b", &step("Bash")),
        event(5, "a", &Fact::Phase(PhaseChange { automatic: true, ..PhaseChange::new(1, Phase::Running) })),
        event(6, "a", &end(1, Failed)),
        event(7, "b", &phase(2, Phase::Starting)),
    ];
    let agent = fold(&events).agent;
    // A later attempt knows it, also in another clone, which decides whether it trusts the first one.
    let allowed: Vec<String> = agent.always.iter().map(|one| one.pattern.to_string()).collect();
    assert_eq!((allowed, agent.always[0].writer.as_str()), (vec!["Bash(make:*)".to_owned()], "a"));
    assert_eq!((agent.automatic, agent.attempt), (1, 2));
}

/// A team of two roles.
fn team() -> Team {
    let role = |name: &str, writes| TeamRole { name: name.to_owned(), writes };
    Team { name: "duo".into(), roles: vec![role("a", true), role("b", false)], rounds: 1, ..Team::default() }
}

/// The begin or the end of a part of any role, also of one that the team does not have.
fn part(attempt: u32, at: usize) -> PartChange {
    let place = attempt as usize - 1;
    match at {
        2 => PartChange::end(place, Outcome::ALL[place], String::new()),
        1 => PartChange::begin(place, IdOrText::read(&"1".repeat(40))),
        _ => PartChange::again(place),
    }
}

fn started_with(digit: u32) -> StartedWith {
    let head = IdOrText::read(&digit.to_string().repeat(40));
    StartedWith { base: IdOrText::read(&"2".repeat(40)), heads: vec![head] }
}

pub(crate) fn facts() -> impl Strategy<Value = Fact> {
    let word = "[ -~\u{1b}\n\u{202e}é日]{0,12}";
    prop_oneof![
        (word, word, prop::option::of(word), "[1x]", 0u32..3).prop_map(
            |(title, profile, model, digit, place)| {
                let (reviews, label) = (model.as_deref().map(IdOrText::read), model.clone());
                let on_failed = model.clone();
                let parent = reviews.as_ref().map(|_| IdOrText::read("plan-work-00000"));
                let (base, permission) = (IdOrText::read(&digit.repeat(40)), model.clone());
                let tags = model.iter().cloned().chain(["web".to_owned()]).collect();
                let (run, branch, prompt) = (profile.as_str().into(), title.as_str().into(), None);
                Fact::Created(Created {
                    title,
                    profile,
                    role: label.clone(),
                    model,
                    run,
                    place,
                    parent,
                    reviews: reviews.clone(),
                    designer: place == 1,
                    permission,
                    after: reviews.iter().filter(|_| place > 1).cloned().collect(),
                    on_failed,
                    snapshot: Some(base.clone()).filter(|_| place > 0),
                    snapshot_files: u64::from(place),
                    base,
                    branch,
                    label,
                    tags,
                    team: (place > 0).then(team),
                    prompt,
                })
            }
        ),
        (1u32..4, 0usize..4, prop::option::of(word)).prop_map(|(attempt, at, reason)| {
            let (session, question) = (reason.clone().map(SessionId::from), reason.clone());
            let choice = question.is_some();
            let asked = reason.as_deref().map(|text| AskedRequest::new(text, None));
            let pattern = asked.as_ref().map(|asked| Pattern::exact(asked, b"x"));
            let request = asked.map(|asked| AskedRequest { pattern: pattern.clone(), ..asked });
            let (always, automatic) = (pattern.filter(|_| at == 2), at == 2);
            Fact::Phase(PhaseChange {
                reason,
                session,
                question,
                choice,
                request,
                always,
                automatic,
                stuck_turns: (at == 2).then_some(u64::from(attempt)),
                cap: automatic.then(|| cap(u64::from(attempt), true)),
                profile: (at == 0).then(|| "mine".to_owned()),
                part: (at < 3).then(|| part(attempt, at)),
                started_with: (at == 0).then(|| started_with(attempt)),
                ..PhaseChange::new(attempt, Phase::ALL[at])
            })
        }),
        (0u32..4, 4usize..9, prop::option::of(word), prop::option::of(-300i32..300)).prop_map(
            |(attempt, at, reason, exit)| {
                let Fact::Finished(finished) = end(attempt, Phase::ALL[at]) else { unreachable!() };
                let (unfinished, unsaved) = (reason.clone(), reason.clone());
                let limit = exit.map(|exit| Limit {
                    kind: reason.clone().unwrap_or_else(|| "five_hour".to_owned()),
                    until: Timestamp::from_second(i64::from(exit)).ok().filter(|_| exit % 2 == 0),
                    warning: exit > 0,
                    used: u32::try_from(exit).ok(),
                    resumes: exit < 0,
                });
                let last_words = reason.clone();
                let check = reason.as_deref().map(|text| WorkCheck {
                    failure: exit.map(|_| text.to_owned()),
                    rounds: attempt,
                    ..WorkCheck::of(text, text.to_owned(), None)
                });
                let cap = exit.map(|exit| cap(exit.unsigned_abs().into(), exit > 0));
                let told = Finished { reason, exit, unfinished, unsaved, limit, cap, last_words, ..finished };
                let ran_seconds = exit.map(|exit| exit.unsigned_abs().into());
                Fact::Finished(Finished { check, ran_seconds, ..told })
            }
        ),
        (0u32..4, "[st]", 0u64..9, 0u64..3)
            .prop_map(|(attempt, session, cost, denials)| usage(attempt, &session, cost, denials)),
        (0usize..5, word, prop::option::of(word)).prop_map(|(at, into, commit)| {
            use Landing::*;
            let outcome = [Merged, SetAside, Failed, UpToDate, Undone][at];
            let check = Check { name: into.clone(), id: into.clone(), command: commit.clone() };
            Fact::Landed(Landed {
                outcome,
                head: IdOrText::read(&into),
                reason: commit.clone(),
                passed: vec![into.clone()],
                check: commit.as_ref().map(|_| check),
                operation: commit.clone(),
                undone: (outcome == Undone)
                    .then(|| [Merged, SetAside, Failed, UpToDate, Undone][(at + into.len()) % 5]),
                commit: commit.as_deref().map(IdOrText::read),
                into: into.into(),
            })
        }),
        (0usize..3, "[1x]", "[ab]", word, prop::option::of(word)).prop_map(|(at, head, by, patch, text)| {
            let (verdict, base) = (verdict::Verdict::ALL[at], IdOrText::read("b"));
            let head = IdOrText::read(&head.repeat(40));
            Fact::Verdict(Review {
                verdict,
                base,
                head,
                patch,
                by,
                text,
                reviewer: None,
                check: None,
                comments: vec![],
                operation: Some("o".to_owned()),
            })
        }),
        (0usize..4, "[1x]", "[ab]", word).prop_map(|(at, head, by, patch)| {
            let before = verdict::Verdict::ALL.get(at).copied();
            let (base, head, operation) =
                (IdOrText::read("b"), IdOrText::read(&head.repeat(40)), "o".to_owned());
            Fact::Withdrawn(verdict::Withdrawn { base, head, patch, by, operation, before })
        }),
        (0u32..4, "[1x]", 0u64..9).prop_map(|(attempt, head, files)| {
            Fact::Collected(Collected {
                attempt,
                head: IdOrText::read(&head.repeat(40)),
                work: WorkStat { left_out_more: files, ..work(files) },
                unfinished: (files > 5).then(|| "a merge".to_owned()),
                phase: (files == 8).then_some(Failed),
                reason: (files == 8).then(|| "rolled back".to_owned()),
                session: (files == 8).then(|| "s".into()),
                started_with: (files == 7).then(|| started_with(4)),
            })
        }),
        Just(Fact::Stop { reason: None }),
        Just(Fact::Pause { reason: None }),
        Just(Fact::Send(Message { text: Some("on".into()), ..Message::default() })),
        Just(Fact::Restored {}),
        (word, "[a-c]")
            .prop_map(|(add, remove)| Fact::Tagged(Tagged { add: vec![add], remove: vec![remove] })),
        (1u32..4, any::<bool>(), word).prop_map(|(attempt, to_parent, text)| {
            let to = if to_parent { Receiver::Parent } else { Receiver::People };
            Fact::Said(Said { attempt, to, text, ..Said::default() })
        }),
        "[0-9a-f]{12}".prop_map(|id| {
            let by = id.starts_with('0').then(|| "kim".to_owned());
            Fact::Read(ReadMessages { messages: vec![id], by })
        }),
        ("[0-9a-f]{12}", 1u32..4).prop_map(|(id, attempt)| {
            Fact::Heard(HeardMessages { attempt, how: HeardHow::Launch, messages: vec![id] })
        }),
        (1u64..9, word).prop_map(|(number, repo)| {
            let state = if number > 5 { PullRequestState::Merged } else { PullRequestState::Open };
            Fact::Published(Published { number, repo, state, ..Published::default() })
        }),
    ]
}

/// The property tests cover every kind of fact only if every kind is generated.
#[test]
fn every_kind_of_fact_is_generated() {
    let mut runner = TestRunner::deterministic();
    let mut named = || facts().new_tree(&mut runner).expect("a fact").current().name();
    let generated: HashSet<&str> = (0..1000).map(|_| named()).collect();
    assert_eq!(generated, HashSet::from(Fact::NAMES));
}

pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((1u64..30, "[ab]", 0i64..1000, facts()), 0..24).prop_map(|all| {
        all.iter()
            .map(|(l, w, at, fact)| Event::new(fact, *l, Timestamp::from_second(*at).unwrap(), w).unwrap())
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Permuted and duplicated events fold to the same state.
    #[test]
    fn order_and_repeats_do_not_matter(events in events(), seed: u64) {
        let mut shuffled: Vec<Event> = events.iter().chain(&events).cloned().collect();
        let mut state = seed | 1;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, (state >> 33) as usize % (at + 1));
        }
        prop_assert_eq!(fold(&events), fold(&shuffled));
    }
}
