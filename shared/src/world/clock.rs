//! The clock of an environment, which is that of the system, or a fixed one in a test.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

/// The boot id that a fixed clock returns.
const FIXED_BOOT: &str = "fixed";

/// The source of the time: the system, or a fixed time that only the caller changes.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<Fixed>>);

/// A time that changes only when it is set or advanced.
struct Fixed {
    wall_millis: AtomicI64,
    uptime_millis: AtomicU64,
}

impl Clock {
    /// Returns the clock of the system.
    pub fn system() -> Self {
        Self::default()
    }

    /// Returns a clock that shows `wall` until [`Clock::advance`] or [`Clock::set`] changes it. Clones share the time.
    pub fn fixed_at(wall: Timestamp) -> Self {
        let wall_millis = AtomicI64::new(wall.as_millisecond());
        Self(Some(Arc::new(Fixed { wall_millis, uptime_millis: AtomicU64::new(0) })))
    }

    /// Advances the wall time and the uptime of a fixed clock. It has no effect on the clock of the system.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        if let Some(fixed) = &self.0 {
            fixed.wall_millis.fetch_add(i64::try_from(millis).unwrap_or(i64::MAX), Ordering::Relaxed);
            fixed.uptime_millis.fetch_add(millis, Ordering::Relaxed);
        }
    }

    /// Sets the wall time of a fixed clock, as a person sets that of a machine: the uptime does not change. It has no effect on the
    /// clock of the system.
    pub fn set(&self, wall: Timestamp) {
        if let Some(fixed) = &self.0 {
            fixed.wall_millis.store(wall.as_millisecond(), Ordering::Relaxed);
        }
    }

    /// Returns the wall time in whole seconds, UTC. It is for people only and never decides anything in the state.
    pub fn now(&self) -> Timestamp {
        let now = self.exact();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// Returns the wall time in milliseconds since 1970. It is for the order of lists only.
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

    /// Returns the boot id of the machine, and the seconds since that boot, including those in which it slept. No user can set this
    /// clock. `None` if the system does not provide it.
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
            None => f.write_str("the clock of the system"),
            Some(_) => write!(f, "a clock fixed at {}", self.exact()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_changes_only_on_request() {
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
            "setting the wall time does not change the uptime"
        );
    }
}
