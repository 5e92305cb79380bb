//! The clock of an environment.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

/// What a [`Clock::fixed_at`] names as the boot of its machine.
const FIXED_BOOT: &str = "fixed";

/// Where the time comes from: the system, or a value that only the caller moves.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<Fixed>>);

/// A clock that stands still until it is moved.
struct Fixed {
    wall_millis: AtomicI64,
    uptime_millis: AtomicU64,
}

impl Clock {
    /// Returns the clock of the system.
    pub fn system() -> Self {
        Self::default()
    }

    /// Returns a clock that stands at `wall` until [`Clock::advance`] or [`Clock::set`] moves it. Clones share the time.
    pub fn fixed_at(wall: Timestamp) -> Self {
        let wall_millis = AtomicI64::new(wall.as_millisecond());
        Self(Some(Arc::new(Fixed { wall_millis, uptime_millis: AtomicU64::new(0) })))
    }

    /// Lets time pass on a fixed clock, on the wall and since boot. It does nothing to the clock of the system.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        if let Some(fixed) = &self.0 {
            fixed.wall_millis.fetch_add(i64::try_from(millis).unwrap_or(i64::MAX), Ordering::Relaxed);
            fixed.uptime_millis.fetch_add(millis, Ordering::Relaxed);
        }
    }

    /// Sets the wall time of a fixed clock, as a person sets that of a machine: the time since boot stays. It does nothing to the
    /// clock of the system.
    pub fn set(&self, wall: Timestamp) {
        if let Some(fixed) = &self.0 {
            fixed.wall_millis.store(wall.as_millisecond(), Ordering::Relaxed);
        }
    }

    /// Returns the wall time in whole seconds, UTC. For people only: it never decides anything in the state.
    pub fn now(&self) -> Timestamp {
        let now = self.exact();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// Returns the milliseconds since 1970. For the order of lists only.
    pub fn milliseconds(&self) -> i64 {
        self.exact().as_millisecond()
    }

    #[expect(clippy::disallowed_methods, reason = "the clock of the system is read here")]
    fn exact(&self) -> Timestamp {
        match &self.0 {
            None => Timestamp::now(),
            Some(fixed) => {
                let millis = fixed.wall_millis.load(Ordering::Relaxed);
                Timestamp::from_millisecond(millis).unwrap_or_default()
            }
        }
    }

    /// Returns which boot of the machine this is, and the seconds since then, including those in which it slept. Nobody can set this
    /// clock of the system. `None` where the system does not provide it.
    pub fn uptime(&self) -> Option<(String, u64)> {
        if let Some(fixed) = &self.0 {
            return Some((FIXED_BOOT.to_owned(), fixed.uptime_millis.load(Ordering::Relaxed) / 1000));
        }
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let text = std::fs::read_to_string("/proc/uptime").ok()?;
        Some((boot.trim().to_owned(), text.split('.').next()?.parse().ok()?))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("the system's clock"),
            Some(_) => write!(f, "a clock fixed at {}", self.exact()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_it_is_moved() {
        let clock = Clock::fixed_at(Timestamp::from_second(1_000).unwrap());
        let shared = clock.clone();
        assert_eq!((clock.now().as_second(), clock.milliseconds()), (1_000, 1_000_000));
        clock.advance(Duration::from_millis(2_500));
        assert_eq!((shared.now().as_second(), shared.milliseconds()), (1_002, 1_002_500));
        assert_eq!(shared.uptime(), Some((FIXED_BOOT.to_owned(), 2)));
        clock.set(Timestamp::from_second(500).unwrap());
        assert_eq!(shared.now().as_second(), 500);
        assert_eq!(
            shared.uptime(),
            Some((FIXED_BOOT.to_owned(), 2)),
            "setting the wall clock is no passing of time"
        );
    }
}
