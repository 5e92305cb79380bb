//! Waits for conditions, never for a fixed time.

use std::time::{Duration, Instant};

/// The time limit of every wait: long enough for a busy machine, since no test measures speed.
const DEADLINE: Duration = Duration::from_secs(60);

/// Returns how often to repeat something: `default`, unless the environment variable says otherwise.
pub fn times(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Calls `look` until it returns something, and returns that.
///
/// # Panics
/// It returns nothing within a minute.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns whether a process still runs. A zombie does not, which stays where nobody waits for orphans.
pub fn runs(pid: impl std::fmt::Display) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}
