//! The time limits of waits in operations, and the sizes of batches.

use std::time::Duration;

use super::cancel::Cancel;

/// The maximum times that operations wait for other commands and for agents. Only tests use values other than the default.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The maximum time to wait for the lock of an agent that is not running. Other commands hold it only for an
    /// instant, to test it.
    pub agent_lock: Duration,
    /// The maximum time to wait for the lock of an agent that is being created; no other command uses the agent yet.
    pub new_agent_lock: Duration,
    /// The maximum time to wait for the lock of an agent that is to be removed.
    pub removal_lock: Duration,
    /// The maximum time to wait until another sync of this clone has ended.
    pub sync_lock: Duration,
    /// The maximum time that a landing waits, before it begins, until a cleanup or an undo has ended.
    pub journal_lock: Duration,
    /// The maximum time to wait until a new supervisor reports that it is ready.
    pub supervisor_start: Duration,
    /// The maximum time to wait until a supervisor has delivered an answer to its agent.
    pub answer: Duration,
    /// The maximum time to wait, after the grace period of its program, until the work of a stopped agent is saved.
    pub saving: Duration,
    /// The maximum time to wait until a supervisor that waits for a usage limit has released its agent.
    pub release: Duration,
    /// The maximum time that a check waits for a slot of the machine.
    pub slot: Duration,
    /// The maximum time that a list of agents counts uncommitted changes. For the agents that it does not get to, it reports what
    /// was counted earlier.
    pub counting: Duration,
    /// The maximum time that the sizes of worktrees are measured. Of those that it does not get to, a part is reported.
    pub measuring: Duration,
    /// The maximum time that the commands of a notice may take.
    pub notice: Duration,
    /// The maximum number of agents that a cleanup removes at once. It holds the lock of each, and the number of open
    /// files is limited.
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
            slot: Duration::from_secs(2 * 3600),
            notice: Duration::from_secs(30),
            counting: Duration::from_millis(300),
            measuring: Duration::from_secs(60),
            removals_at_once: 200,
        }
    }
}

/// A wait: its time limit, and the flag that ends it earlier.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The maximum time to wait.
    pub limit: Duration,
    /// The flag that ends the wait.
    pub cancel: Cancel,
}

impl From<Duration> for Wait {
    /// Returns a wait that only its time limit ends.
    fn from(limit: Duration) -> Self {
        Self { limit, cancel: Cancel::never() }
    }
}
