//! How long the attempts of an agent ran.

use super::*;

/// Attempts are added up; the time between them, and a second end of the same attempt, are not.
#[test]
fn the_times_of_attempts_are_added_up() {
    let at = |lamport: u64, second: i64, fact: &Fact| {
        Event::new(fact, lamport, Timestamp::from_second(second).unwrap(), "a").unwrap()
    };
    let said = |attempt, phase, words: &str| {
        let last_words = Some(words.to_owned());
        Fact::Finished(Finished { last_words, ..Finished::empty(attempt, phase) })
    };
    let life = [
        (10, phase(1, Phase::Starting)),
        (15, said(1, Phase::Paused, "one")),
        (90, said(1, Phase::Stopped, "two")),
        (200, phase(2, Phase::Queued)),
        (300, phase(2, Phase::Starting)),
        (307, said(2, Phase::Done, "three")),
    ];
    let events: Vec<Event> = (2..).zip(&life).map(|(l, (second, fact))| at(l, *second, fact)).collect();
    let told = |count: usize| {
        let agent = fold(&events[..count]).agent;
        (agent.ran_seconds, agent.last_words)
    };
    let words = |words: &str| Some(words.to_owned());
    assert_eq!([told(1), told(2), told(3)], [(0, None), (5, words("one")), (5, words("two"))]);
    assert_eq!([told(4), told(5), told(6)], [(5, None), (5, None), (12, words("three"))]);
}

/// What an end says itself counts, however far the clock of the wall was set meanwhile. An older event leaves it to that clock.
#[test]
fn a_clock_that_is_set_does_not_change_how_long_an_attempt_ran() {
    let ran = |end: i64, ran_seconds| {
        let finished = Finished { ran_seconds, ..Finished::empty(1, Phase::Done) };
        let life = [(1000, phase(1, Phase::Starting)), (end, Fact::Finished(finished))];
        let at = |second| Timestamp::from_second(second).unwrap();
        let events =
            (2..).zip(&life).map(|(l, (second, fact))| Event::new(fact, l, at(*second), "a").unwrap());
        fold(&events.collect::<Vec<_>>()).agent.ran_seconds
    };
    for (end, said, expected) in [
        (1007, Some(7), 7),
        (1000 + 6 * 3600, Some(7), 7),
        (0, Some(7), 7),
        (1007, None, 7),
        (1000 + 6 * 3600, None, 6 * 3600),
        (0, None, 0),
        (0, Some(u64::MAX), u64::MAX),
    ] {
        assert_eq!(ran(end, said), expected, "{end} {said:?}");
    }
}
