//! The files of one agent while it has not ended.

use std::path::{Path, PathBuf};

/// How the names of files with output end.
const OUTPUT: &str = ".out";
/// How the names of files with complaints end.
const ERRORS: &str = ".err";

/// The file of one attempt's output, live and in [`log_ref`](super::layout::log_ref).
pub fn output_name(attempt: u32) -> String {
    format!("{attempt}{OUTPUT}")
}

/// Whether a file of an agent holds what its program printed.
pub fn is_output_name(name: &str) -> bool {
    name.ends_with(OUTPUT) || name.ends_with(ERRORS)
}

/// The file of one attempt's complaints, where output is a speech of its own; live and in [`log_ref`](super::layout::log_ref).
pub fn errors_name(attempt: u32) -> String {
    format!("{attempt}{ERRORS}")
}

/// What the supervisor was asked to do, live and in [`log_ref`](super::layout::log_ref).
pub const SPEC: &str = "spec.json";

/// `<private>/agents/<id>`: there while the agent has not ended.
#[derive(Clone, Debug)]
pub struct AgentDir(PathBuf);

impl AgentDir {
    /// The folder at a path.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Whether there is output of an attempt that may not be stored yet.
    pub fn holds_output(&self) -> bool {
        let mut entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_str().is_some_and(is_output_name))
    }

    /// Removes the folder of an agent that is at rest. Where output lies in it that could not be stored at the end, it stays,
    /// and the next command that changes something stores it.
    pub fn remove_unless_it_holds_output(&self) {
        if !self.holds_output() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// Held by the agent's supervisor as long as it lives; in it stands which processes belong to the agent.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// What the supervisor was asked to do. A helper locks it as long as it works.
    pub fn spec(&self) -> PathBuf {
        self.0.join(SPEC)
    }

    /// The task, as the program reads it.
    pub fn prompt(&self) -> PathBuf {
        self.0.join("prompt")
    }

    /// The output of an attempt while it is live.
    pub fn output(&self, attempt: u32) -> PathBuf {
        self.0.join(output_name(attempt))
    }

    /// The complaints of an attempt while it is live.
    pub fn errors(&self, attempt: u32) -> PathBuf {
        self.0.join(errors_name(attempt))
    }

    /// What the attempt has said so far, summed up.
    pub fn tally(&self) -> PathBuf {
        self.0.join("tally.json")
    }

    /// The usage limit whose end a queued agent waits for.
    pub fn limit(&self) -> PathBuf {
        self.0.join("limit.json")
    }

    /// What surrounded the agent when it was started.
    pub fn surroundings(&self) -> PathBuf {
        self.0.join("surroundings.json")
    }

    /// Our own index of the agent's worktree.
    pub fn index(&self) -> PathBuf {
        self.0.join("index")
    }
}
