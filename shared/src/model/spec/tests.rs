use jiff::Timestamp;
use proptest::prelude::*;

use super::{
    fact::{MAX_MERGED, Saved},
    *,
};
use crate::model::{event::Event, trailers};

/// The log of a spec with every kind of event, each with all of its fields. These bytes must stay readable.
const EVENTS: &[&str] = &[
    r#"{"at":"2026-11-27T12:00:00Z","by":"laptop","designer":"designer-k3m9q","l":1,"t":"created","text":"Rate limit\u000a","title":"Rate limit","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-27T12:00:01Z","base":"FIRST","by":"kim","designer":"designer-x2b4c","l":2,"merges":["0123456789ab"],"t":"changed","text":"Rate limits\u000a","title":"Rate limits","v":1,"w":"7a7a"}"#,
];

/// The trailers of the state after [`EVENTS`].
const STATE: &str = "\
Orchestra-Title: Rate limits
Orchestra-Created: 2026-11-27T12:00:00Z
Orchestra-Versions: 2
Orchestra-Current: 2
Orchestra-Spec-Designer: designer-x2b4c
Orchestra-Writer: 5t2k
Orchestra-Updated: 2026-11-27T12:00:01Z
Orchestra-Lamport: 2
Orchestra-By: 5t2k
Orchestra-Fold: 2
Orchestra-Format: 1
";

fn read(line: &str) -> Event<Fact> {
    Event::read(line).unwrap_or_else(|| panic!("an event: {line}"))
}

fn event(lamport: u64, writer: &str, saved: Saved) -> Event<Fact> {
    let fact = if lamport == 1 { Fact::Created(saved) } else { Fact::Changed(saved) };
    Event::new(&fact, lamport, Timestamp::UNIX_EPOCH, writer).unwrap()
}

fn saved(title: &str, base: Option<&Event<Fact>>, merges: &[&Event<Fact>]) -> Saved {
    Saved {
        title: title.to_owned(),
        base: base.map(|base| base.id.short()),
        merges: merges.iter().map(|one| one.id.short()).collect(),
        ..Saved::default()
    }
}

#[test]
fn events_and_state_of_a_spec_keep_their_bytes() {
    let first = read(EVENTS[0]);
    let second = read(&EVENTS[1].replace("FIRST", &first.id.short()));
    for event in [&first, &second] {
        let fact = event.fact.as_ref().unwrap();
        assert_eq!(Event::new(fact, event.lamport, event.at, &event.writer).unwrap().line, event.line);
    }
    let fold = fold::fold([&second, &first]);
    assert_eq!(trailers::write(&fold.spec, "5t2k"), STATE);
    assert_eq!((fold.current.as_str(), fold.beside.len()), (second.id.short().as_str(), 0));
}

#[test]
fn invalid_facts_are_malformed_and_newer_events_are_kept() {
    let newer = r#"{"at":"2026-11-26T12:00:00Z","l":3,"t":"of_tomorrow","v":1,"w":"a"}"#;
    assert_eq!(fold::fold([&read(newer)]).newer, 1);
    let too_many = Fact::Changed(Saved { merges: vec![String::new(); MAX_MERGED + 1], ..Saved::default() });
    assert!(Event::new(&too_many, 1, Timestamp::UNIX_EPOCH, "a").is_none());
    for wrong in ["", "A", "a b", "../x", "-a", "a-", "a.lock", &"a".repeat(41)] {
        assert!(SpecName::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(SpecName::parse("rate-limit2").unwrap().as_str(), "rate-limit2");
}

#[test]
fn what_was_saved_over_an_old_version_stays_beside_until_it_is_merged() {
    let first = event(1, "a", saved("one", None, &[]));
    let second = event(2, "a", saved("two", Some(&first), &[]));
    let late = event(3, "b", saved("late", Some(&first), &[]));
    let later = event(4, "b", saved("later", Some(&late), &[]));
    let fold = fold::fold([&later, &late, &second, &first]);
    assert_eq!((fold.spec.title.as_str(), fold.spec.current, fold.spec.versions), ("two", 2, 4));
    assert_eq!(fold.beside, [later.id.short()], "the newer one takes the place of its base");
    let third = event(5, "a", saved("three", Some(&second), &[]));
    let fold = fold::fold([&first, &second, &late, &later, &third]);
    assert_eq!((fold.spec.title.as_str(), fold.spec.beside), ("three", 1), "it is not forgotten");
    let merged = event(6, "a", saved("all", Some(&third), &[&later]));
    let fold = fold::fold([&first, &second, &late, &later, &third, &merged]);
    assert_eq!((fold.spec.title.as_str(), fold.spec.beside, fold.spec.current), ("all", 0, 6));
    // Somebody else may merge the current version into theirs.
    let theirs = event(6, "b", saved("theirs", Some(&later), &[&third]));
    let fold = fold::fold([&first, &second, &late, &later, &third, &theirs]);
    assert_eq!((fold.spec.title.as_str(), fold.spec.beside), ("theirs", 0));
    assert_eq!(fold.version(2).map(|one| one.id.clone()), Some(second.id.short()));
    assert_eq!((fold.version(0), fold.version(7)), (None, None));
}

#[test]
fn two_clones_may_create_the_same_spec() {
    let (one, other) = (event(1, "a", saved("one", None, &[])), event(1, "b", saved("other", None, &[])));
    let fold = fold::fold([&one, &other]);
    assert_eq!((fold.spec.versions, fold.spec.beside, fold.spec.current), (2, 1, 1));
}

proptest! {
    /// Whatever was written, every version that no other one changed or merged is current or beside.
    #[test]
    fn no_version_is_lost(steps in proptest::collection::vec((0usize..8, proptest::option::of(0usize..8)), 1..15)) {
        let mut events: Vec<Event<Fact>> = vec![event(1, "a", saved("0", None, &[]))];
        for (number, (base, merges)) in steps.into_iter().enumerate() {
            let base = &events[base % events.len()];
            let merges: Vec<&Event<Fact>> = merges.map(|at| &events[at % events.len()]).into_iter().collect();
            let next = event(number as u64 + 2, "a", saved(&number.to_string(), Some(base), &merges));
            events.push(next);
        }
        let fold = fold::fold(&events);
        let named: Vec<String> = events.iter().flat_map(|event| {
            let Some(Fact::Created(saved) | Fact::Changed(saved)) = &event.fact else { return Vec::new() };
            saved.base.iter().chain(&saved.merges).cloned().collect()
        }).collect();
        for event in &events {
            let id = event.id.short();
            if !named.contains(&id) {
                prop_assert!(fold.current == id || fold.beside.contains(&id));
            }
        }
        let mut shuffled = events.clone();
        shuffled.reverse();
        prop_assert_eq!(fold::fold(&shuffled), fold);
    }
}
