//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// The deadline of every wait: long enough for a busy machine; no test measures speed.
const DEADLINE: Duration = Duration::from_secs(60);

/// How often something is done: a few times in the suite, more where the variable says so.
pub fn times(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Returns what `look` finds as soon as it finds something.
///
/// # Panics
/// It finds nothing in a minute.
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
