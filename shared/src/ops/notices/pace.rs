//! At most one notice a second for each agent: a notice that comes too early waits for its turn.

use std::time::Duration;

use crate::{
    Kind, Result, error::ErrorContext as _, git::careful, lock::Lock, private_files,
    store::layout::PrivateDir,
};

/// The time between two notices of an agent, in milliseconds.
const BETWEEN: i64 = 1000;
/// The longest time that a notice waits for its turn, in milliseconds.
const MAX_WAIT: i64 = 30_000;
/// The most agents that are remembered.
const MAX_LINES: usize = 10_000;
/// How long another process may hold the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Reserves the next free time for a notice of `subject`. Returns how long to wait for it; `None` if that is too long.
///
/// # Errors
/// The private folder cannot be written.
pub(super) fn reserve(private: &PrivateDir, subject: &str, now: i64) -> Result<Option<Duration>> {
    let _lock = Lock::require(&private.notices_lock(), LOCK_TIMEOUT)?;
    let path = private.notices();
    let (lines, turn) = next(&careful::small_text(&path).unwrap_or_default(), subject, now);
    let cannot = || format!("cannot write '{}'", path.display());
    private_files::replace(&path, lines).context(Kind::External, cannot)?;
    Ok(turn.and_then(|turn| u64::try_from(turn - now).ok()).map(Duration::from_millis))
}

/// Returns the new content of the file, and when it is the turn of `subject`. Each line is the time until which notices of a subject
/// wait, and the subject; those that are over are left out.
fn next(lines: &str, subject: &str, now: i64) -> (String, Option<i64>) {
    let parse = |line: &str| {
        let (until, name) = line.split_once(' ')?;
        Some((until.parse::<i64>().ok()?, name.to_owned()))
    };
    // A time that is too far away is from before the clock was set back.
    let holds = |entry: &(i64, String)| entry.0 > now && entry.0 <= now.saturating_add(MAX_WAIT + BETWEEN);
    let mut all: Vec<(i64, String)> = lines.lines().filter_map(parse).filter(holds).take(MAX_LINES).collect();
    let place = all.iter().position(|(_, name)| name == subject);
    let turn = place.map_or(now, |place| all[place].0);
    let is_near = turn <= now.saturating_add(MAX_WAIT);
    if is_near {
        let until = turn.saturating_add(BETWEEN);
        match place {
            Some(place) => all[place].0 = until,
            None => all.push((until, subject.to_owned())),
        }
    }
    let text = all.iter().map(|(until, name)| format!("{until} {name}\n")).collect();
    (text, Some(turn).filter(|_| is_near))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_of_an_agent_take_turns() {
        for (lines, now, expected, turn) in [
            ("", 5000, "6000 a\n", Some(5000)),
            ("5400 a\n", 5000, "6400 a\n", Some(5400)),
            ("5400 b\n", 5000, "5400 b\n6000 a\n", Some(5000)),
            // What is over is forgotten.
            ("4000 a\n4999 b\n", 5000, "6000 a\n", Some(5000)),
            // Too many wait.
            ("35001 a\n", 5000, "35001 a\n", None),
            // The clock was set back.
            ("99999999 a\n", 5000, "6000 a\n", Some(5000)),
            ("garbage\n\n9999999999999999999999 a\n", 5000, "6000 a\n", Some(5000)),
        ] {
            assert_eq!(next(lines, "a", now), (expected.to_owned(), turn), "{lines:?}");
        }
    }
}
