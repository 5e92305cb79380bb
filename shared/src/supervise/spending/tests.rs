use super::*;
use crate::{
    agents::LiveUsage,
    model::{Cost, Tokens},
};

fn usage(cost: Option<u64>, input_tokens: Option<u64>, output_tokens: Option<u64>) -> Usage {
    Usage { cost: cost.map(Cost::from_micros), input_tokens, output_tokens, ..Usage::default() }
}

fn live(input: u64, output: u64, cost: Option<u64>) -> LiveUsage {
    let tokens = Tokens { input, output, ..Tokens::default() };
    LiveUsage { tokens, cost: cost.map(Cost::from_micros) }
}

#[test]
fn a_session_has_used_what_is_known_what_is_reported_and_the_turn_in_progress() {
    let price = Price::parse("1/2");
    let none = Usage::default();
    for (known, reported, reports_cost, live, price, expected) in [
        // A program that reports costs at the end of a turn, without and with a price for the turn in progress.
        (none.clone(), none.clone(), false, live(10, 5, None), None, usage(None, Some(10), Some(5))),
        (none.clone(), none.clone(), false, live(10, 5, None), price, usage(Some(20), Some(10), Some(5))),
        (
            none.clone(),
            usage(Some(70), Some(100), Some(9)),
            true,
            live(0, 0, None),
            price,
            usage(Some(70), Some(100), Some(9)),
        ),
        (
            usage(Some(50), Some(80), Some(7)),
            usage(Some(70), Some(100), Some(9)),
            true,
            live(10, 5, None),
            price,
            usage(Some(90), Some(110), Some(14)),
        ),
        // A resumed session of which the program has reported nothing yet.
        (
            usage(Some(50), Some(80), Some(7)),
            none.clone(),
            false,
            live(1, 1, None),
            None,
            usage(Some(50), Some(81), Some(8)),
        ),
        // One that reports the cost of each request.
        (
            usage(Some(50), Some(80), Some(7)),
            none.clone(),
            false,
            live(1, 1, Some(4)),
            price,
            usage(Some(54), Some(81), Some(8)),
        ),
        // One that reports tokens only, resumed: what it used before was priced then.
        (
            usage(Some(500), Some(80), Some(7)),
            usage(Some(500), Some(90), Some(9)),
            false,
            live(0, 0, None),
            price,
            usage(Some(514), Some(90), Some(9)),
        ),
        (
            none.clone(),
            usage(None, Some(90), Some(9)),
            false,
            live(0, 0, None),
            None,
            usage(None, Some(90), Some(9)),
        ),
        (none.clone(), none.clone(), false, live(0, 0, None), price, none),
    ] {
        let mut summary = StreamSummary::default();
        (summary.usage, summary.live, summary.reports_cost) = (reported.clone(), live, reports_cost);
        let now = session_now(&known, &summary, price);
        assert_eq!(now, expected, "{known:?} {reported:?} {live:?}");
        // What an attempt records at its end is the same when it is read again.
        (summary.usage, summary.live) = (now, LiveUsage::default());
        assert_eq!(session_now(&known, &summary, price), expected, "{known:?} {reported:?} {live:?}");
    }
}

#[test]
fn a_day_begins_at_midnight_of_the_time_zone() {
    let now: Timestamp = "2026-11-27T23:30:00Z".parse().expect("a time");
    let cairo = TimeZone::fixed(jiff::tz::offset(2));
    for (zone, day, begin) in
        [(TimeZone::UTC, "2026-11-27", "2026-11-27T00:00:00Z"), (cairo, "2026-11-28", "2026-11-27T22:00:00Z")]
    {
        let found = day_of(now, &zone);
        assert_eq!((found.to_string(), begin_of(found, &zone, now).to_string()), (day.into(), begin.into()));
    }
}

#[test]
fn raises_are_counted_for_a_run_and_for_one_day() {
    let folder = tempfile::tempdir().expect("a folder");
    let private = PrivateDir::new(folder.path().to_owned());
    let day = |day: &str| day.parse::<Date>().expect("a day");
    let of = |run: &str, on: &str| SharedRaises::new(&private, &RunId::from(run.to_owned()), day(on));
    let first = of("019a", "2026-11-27");
    first.raise(CapScope::Day, CapUnit::CostMicros).expect("raised");
    first.raise(CapScope::Day, CapUnit::CostMicros).expect("raised");
    first.raise(CapScope::Run, CapUnit::Tokens).expect("raised");
    let read = first.read();
    assert_eq!((read.day.cost, read.day.tokens, read.run.tokens), (2, 0, 1));
    assert_eq!(of("019b", "2026-11-27").read().run, Raises::default());
    // The raises of a day are forgotten with the next one.
    of("019a", "2026-11-28").raise(CapScope::Day, CapUnit::Tokens).expect("raised");
    assert_eq!(first.read().day, Raises::default());
    assert_eq!(first.read().run.tokens, 1);
    for run in ["", "../x", "a/b"] {
        assert!(of(run, "2026-11-27").raise(CapScope::Run, CapUnit::Tokens).is_err(), "{run}");
    }
}
