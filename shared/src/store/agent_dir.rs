//! The private files of one agent while it has not ended.

use std::path::{Path, PathBuf};

use super::layout;

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

    /// Returns whether the directory holds output of an attempt that may not be stored in git yet.
    pub fn holds_output(&self) -> bool {
        let mut entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_str().is_some_and(layout::is_output_name))
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
        self.0.join(layout::SPEC)
    }

    /// The task, as the program reads it.
    pub fn prompt(&self) -> PathBuf {
        self.0.join("prompt")
    }

    /// The standard output of an attempt while it is live.
    pub fn output(&self, attempt: u32) -> PathBuf {
        self.0.join(layout::output_name(attempt))
    }

    /// The standard error of an attempt while it is live, if it is kept apart from the output.
    pub fn errors(&self, attempt: u32) -> PathBuf {
        self.0.join(layout::errors_name(attempt))
    }

    /// The summary of the attempt's output so far.
    pub fn tally(&self) -> PathBuf {
        self.0.join("tally.json")
    }

    /// The usage limit whose end a queued agent waits for.
    pub fn limit(&self) -> PathBuf {
        self.0.join("limit.json")
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
