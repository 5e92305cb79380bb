//! The words for the setup of a worktree, in activities and reasons.

use super::text;

/// How the activity of an agent begins while its setup runs.
const RUNNING: &str = "setting up: ";
/// How the reason of an agent begins whose setup failed.
const FAILED: &str = "setup failed: ";
/// The maximum width of a command in an activity, in columns.
const WIDTH: usize = 100;

/// Returns what an agent does while its setup runs.
pub fn activity(command: &str) -> String {
    format!("{RUNNING}{}", text::one_line(command, WIDTH))
}

/// Returns whether this is what an agent does while its setup runs.
pub fn is_running(activity: &str) -> bool {
    activity.starts_with(RUNNING)
}

/// Returns the reason of an agent whose setup failed.
pub fn reason(failure: &str) -> String {
    format!("{FAILED}{failure}")
}

/// Returns whether this is the reason of an agent whose setup failed.
pub fn is_failure(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| reason.starts_with(FAILED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_setup_is_known_by_its_reason() {
        assert!(is_failure(Some(&reason("exit code 1"))));
        for other in [None, Some("exit code 1"), Some("the setup is old")] {
            assert!(!is_failure(other), "{other:?}");
        }
        assert_eq!(activity("npm ci\nnpm test"), "setting up: npm ci\\nnpm test");
    }
}
