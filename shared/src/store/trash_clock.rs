//! The clock by which the trash ages: the seconds in which this repository was in use, added up by orchestra's commands.
//!
//! A wall clock can be set forward, and the trash would then be emptied too early. So time is added up in steps, from one command
//! to the next. Within one boot, a step is measured by the kernel's uptime, which nobody can set; across boots, by the wall clock,
//! if that went forward. No step counts for more than [`MAX_STEP`]: a clock that jumps by years adds at most a day, and so does a
//! pause of months.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Repo, careful},
    private_files,
    store::layout::PrivateDir,
    world,
};

/// Maximum length of a step, in seconds.
pub const MAX_STEP: u64 = 24 * 60 * 60;
/// Minimum length of a step, in seconds. A shorter step is added to the next one, so that most commands write nothing.
const MIN_STEP: u64 = 60;

/// The clocks of the machine at one moment.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClockReading {
    /// Seconds since 1970 by the wall clock.
    #[serde(rename = "wall_seconds", alias = "wall")]
    pub wall: i64,
    /// The id of the boot; empty if it is unknown.
    pub boot: String,
    /// Seconds since the boot.
    #[serde(rename = "uptime_seconds", alias = "uptime")]
    pub uptime: u64,
}

impl ClockReading {
    /// Reads the time and the uptime of a clock.
    pub fn of(clock: &world::Clock) -> Self {
        let (boot, uptime) = clock.uptime().unwrap_or_default();
        Self { wall: clock.now().as_second(), boot, uptime }
    }

    /// Returns the length of the step from an earlier reading to this one, in seconds.
    fn since(&self, before: &Self) -> u64 {
        let passed = if self.is_in_boot_of(before) {
            self.uptime.saturating_sub(before.uptime)
        } else {
            u64::try_from(self.wall.saturating_sub(before.wall)).unwrap_or(0)
        };
        passed.min(MAX_STEP)
    }

    fn is_in_boot_of(&self, before: &Self) -> bool {
        !self.boot.is_empty() && self.boot == before.boot
    }
}

/// The state between two commands.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Clock {
    seconds: u64,
    read: ClockReading,
}

impl Clock {
    /// Returns the clock after a further reading, and whether it must be written.
    fn advanced(&self, now: ClockReading) -> (Self, bool) {
        let step = now.since(&self.read);
        // A reading of another boot cannot be compared with later uptimes, and is replaced even if no time passed.
        let apart = !now.is_in_boot_of(&self.read) && now.wall != self.read.wall;
        (Self { seconds: self.seconds.saturating_add(step), read: now }, step >= MIN_STEP || apart)
    }
}

/// Advances the clock to a reading, and returns its seconds. If its file is lost, the clock continues from `recorded`, the time of
/// the newest operation, so that everything seems younger and never older.
///
/// # Errors
/// The operations cannot be read, or the file cannot be written.
pub fn advance(repo: &Repo, now: ClockReading, recorded: impl FnOnce() -> Result<u64>) -> Result<u64> {
    let path = PrivateDir::new(repo.private_dir()?).trash_clock();
    let known = careful::read(&path).ok().and_then(|text| serde_json::from_slice::<Clock>(&text).ok());
    let (clock, must_write) = match known {
        Some(clock) => clock.advanced(now),
        None => (Clock { seconds: recorded()?, read: now }, true),
    };
    if must_write {
        let cannot = || format!("cannot write '{}'", path.display());
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).context(Kind::External, cannot)?;
        let text = serde_json::to_vec(&clock).context(Kind::Internal, cannot)?;
        private_files::replace(&path, &text).context(Kind::External, cannot)?;
    }
    Ok(clock.seconds)
}

/// Returns the seconds of the clock at a reading, without advancing it. `None` if its file is missing or damaged.
pub fn seconds_at(private: &PrivateDir, now: ClockReading) -> Option<u64> {
    let known: Clock = serde_json::from_slice(&careful::read(private.trash_clock()).ok()?).ok()?;
    Some(known.advanced(now).0.seconds)
}

/// Returns whether an operation may be forgotten: it is older than `keep` seconds by this clock, and there are `later` operations.
/// The newest operation is never forgotten, so that the user can undo it at any time.
pub const fn is_due(made: u64, now: u64, keep: u64, later: usize) -> bool {
    later > 0 && now.saturating_sub(made) > keep
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;
    const KEEP: u64 = 30 * MAX_STEP;

    fn reading(wall: i64, boot: &str, uptime: u64) -> ClockReading {
        ClockReading { wall, boot: boot.into(), uptime }
    }

    /// The clock after all readings, each an observation by one command.
    fn after(readings: &[ClockReading]) -> u64 {
        let mut clock = Clock { seconds: 0, read: readings[0].clone() };
        for now in &readings[1..] {
            clock = clock.advanced(now.clone()).0;
        }
        clock.seconds
    }

    #[test]
    fn clock_jumps_do_not_age_the_trash() {
        let start = || reading(1_000 * DAY, "a", 500);
        let cases: &[(&str, Vec<ClockReading>, u64)] = &[
            ("an hour passes", vec![reading(1_000 * DAY + 3600, "a", 4100)], 3600),
            (
                "forward by 40 days, and on",
                vec![reading(1_040 * DAY, "a", 510), reading(1_040 * DAY, "a", 520)],
                20,
            ),
            ("back to 2020", vec![reading(0, "a", 510), reading(10, "a", 520)], 20),
            (
                "forward by 70 years and back, many times",
                {
                    let jump = |n: u64| {
                        reading(if n.is_multiple_of(2) { 25_000 * DAY } else { 1_000 * DAY }, "a", 500 + n)
                    };
                    (1..=100).map(jump).collect()
                },
                100,
            ),
            ("a boot with the clock ahead counts a day", vec![reading(9_000 * DAY, "b", 30)], MAX_STEP),
            ("a boot with the clock behind counts nothing", vec![reading(0, "b", 30)], 0),
            ("a boot, then an hour", vec![reading(0, "b", 30), reading(9_000 * DAY, "b", 3630)], 3600),
            (
                "uptime beyond a day in one step",
                vec![reading(1_003 * DAY, "a", 500 + 3 * MAX_STEP)],
                MAX_STEP,
            ),
            ("uptime that goes back", vec![reading(1_001 * DAY, "a", 1)], 0),
            ("no boot is known: wall time, at most a day", vec![reading(1_090 * DAY, "", 0)], MAX_STEP),
        ];
        for (name, later, seconds) in cases {
            let all: Vec<ClockReading> = std::iter::once(start()).chain(later.iter().cloned()).collect();
            assert_eq!(after(&all), *seconds, "{name}");
            assert!(!is_due(0, after(&all), KEEP, 3), "{name}");
        }
        let used: Vec<ClockReading> = (0..=31).map(|day| reading(0, "a", day * MAX_STEP)).collect();
        assert!(is_due(0, after(&used), KEEP, 1), "31 days of use");
    }

    #[test]
    fn a_clock_of_an_earlier_version_is_read() {
        let old = r#"{"seconds":7,"read":{"wall":100,"boot":"a","uptime":90}}"#;
        let read: Clock = serde_json::from_str(old).unwrap();
        assert_eq!(read, Clock { seconds: 7, read: reading(100, "a", 90) });
        let new = r#"{"seconds":7,"read":{"wall_seconds":100,"boot":"a","uptime_seconds":90}}"#;
        assert_eq!(serde_json::to_string(&read).unwrap(), new);
    }

    #[test]
    fn short_steps_add_up_and_are_written_once() {
        let clock = Clock { seconds: 7, read: reading(100, "a", 100) };
        let (next, must_write) = clock.advanced(reading(130, "a", 130));
        assert_eq!((next.seconds, must_write), (37, false));
        // It was not written, so the next step begins at the same reading.
        let (next, must_write) = clock.advanced(reading(165, "a", 165));
        assert_eq!((next.seconds, must_write), (72, true));
        let (next, must_write) = clock.advanced(reading(50, "b", 1));
        assert_eq!((next.seconds, must_write), (7, true), "a reading of another boot replaces it");
    }

    #[test]
    fn old_operations_are_due() {
        for (made, now, later, due) in [
            (0, KEEP, 1, false),
            (0, KEEP + 1, 1, true),
            (0, KEEP + 1, 0, false),
            (KEEP, KEEP + 10, 5, false),
            // The clock was lost and restarted.
            (KEEP * 9, 10, 5, false),
        ] {
            assert_eq!(is_due(made, now, KEEP, later), due, "{made} {now} {later}");
        }
    }
}
