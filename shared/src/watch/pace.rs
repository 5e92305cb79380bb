//! When to look again: pure decisions about time, made from what happened and when.

use std::time::{Duration, Instant};

/// The shortest pause between two looks, so that a burst of changes is read as one.
const GATHER: Duration = Duration::from_millis(20);
/// A look that cost much is followed by a pause of this many times its cost: while changes keep coming, a watcher uses at
/// most a quarter of a core for state, and a twentieth for output that grows.
const STATE_SHARE: u32 = 3;
const GROWTH_SHARE: u32 = 19;
/// The longest pause that such a cost may cause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Uncommitted work is measured again this long after it was measured, at the earliest.
const MEASURE_AFTER: Duration = Duration::from_secs(2);
/// And at most this many times its cost later, while nothing else changes.
const MEASURE_SHARE: u32 = 50;
const MEASURE_AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// How soon something that was noticed must be read. Ordered: the later one is the more urgent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Urgency {
    /// Output of an agent grew; that happens many times a second.
    Growth,
    /// State may have changed.
    State,
}

/// A pause that doubles from `least` to `most`, and begins anew when something happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Backoff {
    least: Duration,
    most: Duration,
    now: Duration,
}

impl Backoff {
    /// Begins with the shortest pause.
    pub(super) const fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, now: least }
    }

    /// The pause as it is now.
    pub(super) const fn pause(&self) -> Duration {
        self.now
    }

    /// Nothing happened: the next pause is longer.
    pub(super) fn lengthen(&mut self) {
        self.now = (self.now * 2).min(self.most);
    }

    /// Something happened: the next pause is the shortest again.
    pub(super) const fn restart(&mut self) {
        self.now = self.least;
    }
}

/// The rhythm of a watcher.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// The shortest pause before output that grew is read.
    pub(super) growth: Duration,
    /// How long at most until everything is read without a reason.
    floor: Backoff,
    /// When the last look ended, and what it cost.
    last: Option<(Instant, Duration)>,
    /// When uncommitted work was measured last, and what that cost.
    measured: Option<(Instant, Duration)>,
    measure: Backoff,
}

impl Pace {
    /// `floor`: the shortest and the longest time until everything is read without a reason.
    pub(super) const fn new(growth: Duration, floor: (Duration, Duration)) -> Self {
        Self {
            growth,
            floor: Backoff::new(floor.0, floor.1),
            last: None,
            measured: None,
            measure: Backoff::new(MEASURE_AFTER, MEASURE_AT_LEAST_EVERY),
        }
    }

    /// The pauses without a reason become these: the machine does not tell of changes any more.
    pub(super) const fn set_floor(&mut self, floor: (Duration, Duration)) {
        self.floor = Backoff::new(floor.0, floor.1);
    }

    /// Notes a look, and whether it found anything.
    pub(super) fn looked(&mut self, begun: Instant, ended: Instant, changed: bool) {
        self.last = Some((ended, ended.saturating_duration_since(begun)));
        if changed {
            self.floor.restart();
            self.measure.restart();
        } else {
            self.floor.lengthen();
        }
    }

    /// Notes that uncommitted work was measured in the look that [`Pace::looked`] was told of. The next look does not measure, so
    /// this cost keeps it from nothing.
    pub(super) fn measured(&mut self, begun: Instant, ended: Instant, changed: bool) {
        let measuring = ended.saturating_duration_since(begun);
        if let Some((_, cost)) = &mut self.last {
            *cost = cost.saturating_sub(measuring);
        }
        self.measured = Some((ended, measuring));
        if changed { self.measure.restart() } else { self.measure.lengthen() }
    }

    /// When something that was noticed is to be read; `None`: at once.
    pub(super) fn due(&self, urgency: Urgency) -> Option<Instant> {
        let (ended, cost) = self.last?;
        let pause = match urgency {
            Urgency::State => GATHER.max((cost * STATE_SHARE).min(LONGEST_PAUSE)),
            Urgency::Growth => self.growth.max((cost * GROWTH_SHARE).min(LONGEST_PAUSE)),
        };
        Some(ended + pause)
    }

    /// When everything is to be read without a reason; `None`: at once.
    pub(super) fn unasked(&self) -> Option<Instant> {
        self.last.map(|(ended, _)| ended + self.floor.pause())
    }

    /// When uncommitted work is to be measured again; `None`: at once.
    pub(super) fn measure_due(&self) -> Option<Instant> {
        let (ended, cost) = self.measured?;
        Some(ended + self.measure.pause().max((cost * MEASURE_SHARE).min(MEASURE_AT_LEAST_EVERY)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn pace() -> Pace {
        Pace::new(ms(500), (ms(1000), ms(30_000)))
    }

    #[test]
    fn the_first_look_is_at_once() {
        let pace = pace();
        assert_eq!((pace.due(Urgency::Growth), pace.due(Urgency::State)), (None, None));
        assert_eq!((pace.unasked(), pace.measure_due()), (None, None));
    }

    #[test]
    fn the_pause_after_a_look_grows_with_its_cost() {
        for (cost, state, growth) in
            [(0, 20, 500), (5, 20, 500), (10, 30, 500), (50, 150, 950), (300, 900, 2000), (5000, 2000, 2000)]
        {
            let (begun, mut pace) = (Instant::now(), pace());
            let ended = begun + ms(cost);
            pace.looked(begun, ended, true);
            let after = |urgency| pace.due(urgency).map(|due| due.duration_since(ended));
            assert_eq!(after(Urgency::State), Some(ms(state)), "{cost}");
            assert_eq!(after(Urgency::Growth), Some(ms(growth)), "{cost}");
        }
    }

    #[test]
    fn who_finds_nothing_looks_more_and_more_seldom() {
        let (begun, mut pace) = (Instant::now(), pace());
        let mut pauses = Vec::new();
        for changed in [true, false, false, false, false, false, false, true, false] {
            pace.looked(begun, begun, changed);
            pauses.push(pace.unasked().map_or(0, |due| due.duration_since(begun).as_secs()));
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 1, 2]);
    }

    #[test]
    fn uncommitted_work_is_measured_seldom_where_that_costs_much_or_nothing_changes() {
        for (cost, unchanged, seconds) in
            [(0, 0, 2), (10, 0, 2), (300, 0, 15), (5000, 0, 60), (10, 1, 4), (10, 3, 16), (10, 9, 60)]
        {
            let (begun, mut pace) = (Instant::now(), pace());
            let ended = begun + ms(cost);
            pace.measured(begun, ended, true);
            for _ in 0..unchanged {
                pace.measured(begun, ended, false);
            }
            let due = pace.measure_due().map(|due| due.duration_since(ended).as_secs());
            assert_eq!(due, Some(seconds), "{cost} ms, {unchanged} times unchanged");
        }
    }

    proptest! {
        #[test]
        fn a_pause_stays_between_its_bounds(
            least in 1..5000_u64,
            factor in 1..100_u64,
            happened in prop::collection::vec(any::<bool>(), 0..60),
        ) {
            let (least, most) = (ms(least), ms(least * factor));
            let mut backoff = Backoff::new(least, most);
            for happened in happened {
                let before = backoff.pause();
                if happened { backoff.restart() } else { backoff.lengthen() }
                prop_assert!(backoff.pause() >= least && backoff.pause() <= most);
                prop_assert!(happened || backoff.pause() >= before);
            }
        }
    }
}
