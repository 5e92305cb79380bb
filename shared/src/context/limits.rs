//! The longest waits of operations, and the largest batches.

use std::time::Duration;

use super::cancel::Cancel;

/// How long operations wait for other commands and for agents. Tests make them shorter; everybody else uses the default.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// For the lock of an agent that does not run, which another command holds only while it looks.
    pub agent_lock: Duration,
    /// For the lock of an agent that is being created, which nobody else uses.
    pub new_agent_lock: Duration,
    /// For the lock of an agent that is to be removed.
    pub removal_lock: Duration,
    /// For another sync of this clone.
    pub sync_lock: Duration,
    /// For a cleanup or an undo, before a landing begins.
    pub journal_lock: Duration,
    /// For a supervisor that was started to answer.
    pub supervisor_start: Duration,
    /// For a supervisor to pass an answer on to its agent.
    pub answer: Duration,
    /// For an agent that was stopped to save its work, after the grace period of its program.
    pub saving: Duration,
    /// For a supervisor that waits for a usage limit to release its agent.
    pub release: Duration,
    /// How many agents a cleanup removes at once. Each has a lock, and a process can have only so many open files.
    pub removals_at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            agent_lock: Duration::from_secs(1),
            new_agent_lock: Duration::from_secs(10),
            removal_lock: Duration::from_millis(500),
            sync_lock: Duration::from_secs(30),
            journal_lock: Duration::from_secs(10),
            supervisor_start: Duration::from_secs(30),
            answer: Duration::from_secs(10),
            saving: Duration::from_secs(120),
            release: Duration::from_secs(120),
            removals_at_once: 200,
        }
    }
}

/// How long to wait for something, and what ends the wait before.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The longest that is waited.
    pub limit: Duration,
    /// Ends the wait.
    pub cancel: Cancel,
}

impl From<Duration> for Wait {
    /// A wait that nothing cancels.
    fn from(limit: Duration) -> Self {
        Self { limit, cancel: Cancel::never() }
    }
}
