//! The private files of one agent while it has not ended.

use std::path::{Path, PathBuf};

/// The suffix of files with standard output.
const OUTPUT: &str = ".out";
/// The suffix of files with the output of checks.
const CHECK: &str = ".check";
/// The suffix of files with the output of setups.
const SETUP: &str = ".setup";
/// The suffix of files with standard error.
const ERRORS: &str = ".err";
/// The suffix of files with the times of standard output.
const TIMES: &str = ".times";

/// The suffix of files with the messages that a program was given.
const SENT: &str = ".sent";

/// Returns the name of the file with the output of one attempt, in [`AgentDir`] and in [`log_ref`](super::layout::log_ref).
pub fn output_name(attempt: u32) -> String {
    format!("{attempt}{OUTPUT}")
}

/// Returns whether a file of an agent holds output of its program, its check, or its setup.
pub fn is_output_name(name: &str) -> bool {
    [OUTPUT, ERRORS, CHECK, SETUP].iter().any(|suffix| name.ends_with(suffix))
}

/// Returns the name of the file with what the check after one attempt printed, in [`AgentDir`] and in
/// [`log_ref`](super::layout::log_ref).
pub fn check_name(attempt: u32) -> String {
    format!("{attempt}{CHECK}")
}

/// Returns the name of the file with the standard error of one attempt, which is separate if the output is structured, in
/// [`AgentDir`] and in [`log_ref`](super::layout::log_ref).
pub fn errors_name(attempt: u32) -> String {
    format!("{attempt}{ERRORS}")
}

/// Returns the name of the file that says when the output of one attempt was read, in [`AgentDir`] and in
/// [`log_ref`](super::layout::log_ref).
pub fn times_name(attempt: u32) -> String {
    format!("{attempt}{TIMES}")
}

/// Returns the name of the file with the messages that were given to the program of one attempt, if its output does not repeat them, in
/// [`AgentDir`] and in [`log_ref`](super::layout::log_ref).
pub fn sent_name(attempt: u32) -> String {
    format!("{attempt}{SENT}")
}

/// The name of the file with the supervisor's instructions, in [`AgentDir`] and in [`log_ref`](super::layout::log_ref).
pub const SPEC: &str = "spec.json";

/// The directory `<private>/agents/<id>`, which exists while the agent has not ended.
#[derive(Clone, Debug)]
pub struct AgentDir(PathBuf);

impl AgentDir {
    /// Wraps the path of an agent's directory.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Returns the path of the directory.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Returns whether a file with this name is stored when the agent ends: output, its times, the messages that were given,
    /// and the supervisor's instructions.
    pub fn is_stored(name: &str) -> bool {
        let is_beside_output = name.ends_with(TIMES) || name.ends_with(SENT);
        is_output_name(name) || Self::is_conversation(name) || is_beside_output || name == SPEC
    }

    /// Returns whether a file of that name holds a conversation, which its program reads again when it is resumed.
    pub fn is_conversation(name: &str) -> bool {
        name.ends_with(".conversation")
    }

    /// Returns whether the directory holds output of an attempt that may not be stored in git yet.
    pub fn holds_output(&self) -> bool {
        let mut entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_str().is_some_and(is_output_name))
    }

    /// Returns whether the directory holds a conversation.
    pub fn holds_conversation(&self) -> bool {
        let mut entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_str().is_some_and(Self::is_conversation))
    }

    /// Removes the directory of an agent that is at rest, unless it holds output that could not be stored at the end: the next
    /// command that changes something stores it.
    pub fn remove_unless_it_holds_output(&self) {
        if !self.holds_output() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// The lock that the agent's supervisor holds as long as it lives. The file names the agent's processes.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The order for the supervisor. A process that helps the supervisor locks it while it works.
    pub fn spec(&self) -> PathBuf {
        self.0.join(SPEC)
    }

    /// The task, as the program reads it.
    pub fn prompt(&self) -> PathBuf {
        self.0.join("prompt")
    }

    /// The attempt whose program asked for its messages.
    pub fn asks(&self) -> PathBuf {
        self.0.join("asks")
    }

    /// The hosts that its sandbox refused, one on a line.
    pub fn refused_hosts(&self) -> PathBuf {
        self.0.join("refused-hosts")
    }

    /// The standard output of an attempt while it is live.
    pub fn output(&self, attempt: u32) -> PathBuf {
        self.0.join(output_name(attempt))
    }

    /// The standard error of an attempt while it is live, if it is kept apart from the output.
    pub fn errors(&self, attempt: u32) -> PathBuf {
        self.0.join(errors_name(attempt))
    }

    /// The times at which the output of an attempt was read, while it is live.
    pub fn times(&self, attempt: u32) -> PathBuf {
        self.0.join(times_name(attempt))
    }

    /// The messages that were given to the program of an attempt, while it is live.
    pub fn sent(&self, attempt: u32) -> PathBuf {
        self.0.join(sent_name(attempt))
    }

    /// What the check after an attempt printed.
    pub fn check(&self, attempt: u32) -> PathBuf {
        self.0.join(check_name(attempt))
    }

    /// What the setup before an attempt printed.
    pub fn setup(&self, attempt: u32) -> PathBuf {
        self.0.join(format!("{attempt}{SETUP}"))
    }

    /// The summary of the attempt's output so far.
    pub fn stream_summary(&self) -> PathBuf {
        self.0.join("tally.json")
    }

    /// The usage limit whose end a queued agent waits for.
    pub fn limit(&self) -> PathBuf {
        self.0.join("limit.json")
    }

    /// What the machine is short of, while the agent waits for it in the queue or is held.
    pub fn shortage(&self) -> PathBuf {
        self.0.join("shortage.json")
    }

    /// Exists once the agent started other agents.
    pub fn has_children(&self) -> PathBuf {
        self.0.join("has-children")
    }

    /// The cap on money or tokens that keeps an agent in the queue.
    pub fn cap(&self) -> PathBuf {
        self.0.join("cap.json")
    }

    /// The state of everything outside the agent's worktree when it was started.
    pub fn surroundings(&self) -> PathBuf {
        self.0.join("surroundings.json")
    }

    /// Orchestra's own git index of the agent's worktree.
    pub fn index(&self) -> PathBuf {
        self.0.join("index")
    }
}
