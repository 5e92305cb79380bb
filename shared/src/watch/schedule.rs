//! When to look again, decided from what happened and when. Pure.

use std::time::{Duration, Instant};

/// The shortest pause between two looks, so that a burst of changes is read at once. A command that waits for an end waits this long for it in
/// vain.
const MIN_PAUSE: Duration = Duration::from_millis(5);
/// A look is followed by a pause of this many times its cost: while changes keep coming, a watcher uses at most a quarter of a core
/// for state, and a twentieth for output.
const STATE_COST_FACTOR: u32 = 3;
const OUTPUT_COST_FACTOR: u32 = 19;
/// The longest pause that the cost of a look may cause.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// The shortest pause between two measurements of uncommitted work.
const MIN_MEASURE_PAUSE: Duration = Duration::from_secs(2);
/// The pause after a measurement is at least this many times its cost, but at most [`MAX_MEASURE_PAUSE`].
const MEASURE_COST_FACTOR: u32 = 50;
const MAX_MEASURE_PAUSE: Duration = Duration::from_secs(60);

/// How soon a change must be read, in ascending order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Urgency {
    /// An agent printed something, which may happen many times a second.
    Output,
    /// State may have changed.
    State,
}

/// A pause that doubles from `min` to `max`, and starts again from `min` when something happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    now: Duration,
}

impl Backoff {
    /// Starts with the shortest pause.
    pub(super) const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, now: min }
    }

    /// Returns the current pause.
    pub(super) const fn pause(&self) -> Duration {
        self.now
    }

    /// Doubles the pause, because nothing happened.
    pub(super) fn lengthen(&mut self) {
        self.now = (self.now * 2).min(self.max);
    }

    /// Returns to the shortest pause, because something happened.
    pub(super) const fn restart(&mut self) {
        self.now = self.min;
    }
}

/// The schedule of a watcher's looks.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    /// The shortest pause before new output is read.
    pub(super) growth: Duration,
    /// The time until everything is read without an event.
    full_read_interval: Backoff,
    /// When the last look ended, and what it cost.
    last: Option<(Instant, Duration)>,
    /// When everything is read without an event.
    full_read: Option<Instant>,
    /// When uncommitted work was measured last, and what it cost.
    measured: Option<(Instant, Duration)>,
    measure: Backoff,
}

impl Schedule {
    /// Makes the schedule. `full_read_interval` is the shortest and the longest time until everything is read without an event.
    pub(super) const fn new(growth: Duration, full_read_interval: (Duration, Duration)) -> Self {
        Self {
            growth,
            full_read_interval: Backoff::new(full_read_interval.0, full_read_interval.1),
            last: None,
            full_read: None,
            measured: None,
            measure: Backoff::new(MIN_MEASURE_PAUSE, MAX_MEASURE_PAUSE),
        }
    }

    /// Replaces the floor, when the kernel no longer reports changes.
    pub(super) fn set_full_read_interval(&mut self, full_read_interval: (Duration, Duration)) {
        self.full_read_interval = Backoff::new(full_read_interval.0, full_read_interval.1);
        self.full_read = self.last.map(|(ended, _)| ended + full_read_interval.0);
    }

    /// Records a look at everything, and whether it found a change.
    pub(super) fn record_look(&mut self, ended: Instant, cost: Duration, changed: bool) {
        self.last = Some((ended, cost));
        if changed {
            self.full_read_interval.restart();
            self.measure.restart();
        } else {
            self.full_read_interval.lengthen();
        }
        self.full_read = Some(ended + self.full_read_interval.pause());
    }

    /// Records a look at some agents, and whether it found a change. Such looks never put off that at everything.
    pub(super) fn record_part(&mut self, ended: Instant, cost: Duration, changed: bool) {
        self.last = Some((ended, cost));
        if changed {
            self.full_read_interval.restart();
            self.measure.restart();
            let soon = ended + self.full_read_interval.pause();
            self.full_read = self.full_read.map(|due| due.min(soon));
        }
    }

    /// Records that the last look measured uncommitted work, which takes all cores for that long.
    pub(super) fn measured(&mut self, begun: Instant, ended: Instant, changed: bool) {
        self.measured = Some((ended, ended.saturating_duration_since(begun)));
        if changed { self.measure.restart() } else { self.measure.lengthen() }
    }

    /// Returns when a noticed change should be read; `None` means at once.
    pub(super) fn due(&self, urgency: Urgency) -> Option<Instant> {
        let (ended, cost) = self.last?;
        let pause = match urgency {
            Urgency::State => MIN_PAUSE.max((cost * STATE_COST_FACTOR).min(MAX_PAUSE)),
            Urgency::Output => self.growth.max((cost * OUTPUT_COST_FACTOR).min(MAX_PAUSE)),
        };
        Some(ended + pause)
    }

    /// Returns when everything should be read without an event; `None` means at once.
    pub(super) const fn full_read_due(&self) -> Option<Instant> {
        self.full_read
    }

    /// Returns when uncommitted work should be measured again; `None` means at once.
    pub(super) fn measure_due(&self) -> Option<Instant> {
        let (ended, cost) = self.measured?;
        Some(ended + self.measure.pause().max((cost * MEASURE_COST_FACTOR).min(MAX_MEASURE_PAUSE)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn schedule() -> Schedule {
        Schedule::new(ms(500), (ms(1000), ms(30_000)))
    }

    #[test]
    fn looks_at_some_agents_never_put_off_that_at_everything() {
        let (mut schedule, begun) = (schedule(), Instant::now());
        schedule.record_look(begun, Duration::ZERO, true);
        for part in 1..30 {
            schedule.record_part(begun + ms(100 * part), Duration::ZERO, true);
            assert_eq!(schedule.full_read_due(), Some(begun + ms(1000)));
            assert_eq!(schedule.due(Urgency::State), Some(begun + ms(100 * part) + MIN_PAUSE));
        }
        // After a quiet time, a change makes it due soon, as one that a look at everything found does.
        (0..6).for_each(|_| schedule.record_look(begun, Duration::ZERO, false));
        schedule.record_part(begun + ms(2000), Duration::ZERO, false);
        assert_eq!(schedule.full_read_due(), Some(begun + ms(30_000)));
        schedule.record_part(begun + ms(3000), Duration::ZERO, true);
        assert_eq!(schedule.full_read_due(), Some(begun + ms(4000)));
    }

    #[test]
    fn the_first_look_is_at_once() {
        let schedule = schedule();
        assert_eq!((schedule.due(Urgency::Output), schedule.due(Urgency::State)), (None, None));
        assert_eq!((schedule.full_read_due(), schedule.measure_due()), (None, None));
    }

    #[test]
    fn the_pause_after_a_look_grows_with_its_cost() {
        for (cost, state, growth) in
            [(0, 5, 500), (5, 15, 500), (10, 30, 500), (50, 150, 950), (300, 900, 2000), (5000, 2000, 2000)]
        {
            let (ended, mut schedule) = (Instant::now(), schedule());
            schedule.record_look(ended, ms(cost), true);
            let after = |urgency| schedule.due(urgency).map(|due| due.duration_since(ended));
            assert_eq!(after(Urgency::State), Some(ms(state)), "{cost}");
            assert_eq!(after(Urgency::Output), Some(ms(growth)), "{cost}");
        }
    }

    #[test]
    fn the_interval_doubles_while_nothing_changes() {
        let (begun, mut schedule) = (Instant::now(), schedule());
        let mut pauses = Vec::new();
        for changed in [true, false, false, false, false, false, false, true, false] {
            schedule.record_look(begun, Duration::ZERO, changed);
            pauses.push(schedule.full_read_due().map_or(0, |due| due.duration_since(begun).as_secs()));
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 1, 2]);
    }

    #[test]
    fn measuring_slows_down_with_its_cost_and_without_changes() {
        for (cost, unchanged, seconds) in
            [(0, 0, 2), (10, 0, 2), (300, 0, 15), (5000, 0, 60), (10, 1, 4), (10, 3, 16), (10, 9, 60)]
        {
            let (begun, mut schedule) = (Instant::now(), schedule());
            let ended = begun + ms(cost);
            schedule.measured(begun, ended, true);
            for _ in 0..unchanged {
                schedule.measured(begun, ended, false);
            }
            let due = schedule.measure_due().map(|due| due.duration_since(ended).as_secs());
            assert_eq!(due, Some(seconds), "{cost} ms, {unchanged} times unchanged");
        }
    }

    proptest! {
        #[test]
        fn a_pause_stays_between_its_bounds(
            min in 1..5000_u64,
            factor in 1..100_u64,
            happened in prop::collection::vec(any::<bool>(), 0..60),
        ) {
            let (min, max) = (ms(min), ms(min * factor));
            let mut backoff = Backoff::new(min, max);
            for happened in happened {
                let before = backoff.pause();
                if happened { backoff.restart() } else { backoff.lengthen() }
                prop_assert!(backoff.pause() >= min && backoff.pause() <= max);
                prop_assert!(happened || backoff.pause() >= before);
            }
        }
    }
}
