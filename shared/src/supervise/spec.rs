//! What a supervisor is asked to do: written by `spawn` into the agent's private folder, from the user's own settings.

use std::{fs, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Kind, Result, error::Context, profile::Launch, store::layout::AgentDir};

/// The order to one supervisor.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Spec {
    /// How the program is started.
    pub launch: Launch,
    /// The agent's branch, without `refs/heads/`.
    pub branch: String,
    /// The commit it starts from.
    pub base: String,
    /// The title, for commits.
    pub title: String,
    /// Where its worktree is to be.
    pub worktree: PathBuf,
    /// Name of the settings that were frozen when it was spawned.
    pub frozen: String,
    /// How many agents of this kind may run at once.
    pub jobs: u32,
    /// The longest it may run, in seconds.
    pub max_time: u64,
    /// How long it may tidy up when stopped, in seconds.
    pub grace: u64,
    /// The most output, in bytes.
    pub max_output: u64,
    /// The largest untracked file to take, in bytes.
    pub max_file: u64,
    /// Requests to stop that are as old as this Lamport number were meant for an earlier launch.
    pub since: u64,
}

impl Spec {
    /// Reads the order.
    ///
    /// # Errors
    /// It is not there, or was written by another version.
    pub fn read(dir: &AgentDir) -> Result<Self> {
        let path = dir.spec();
        let cannot = || format!("cannot read '{}'", path.display());
        let text = fs::read(&path).context(Kind::Internal, cannot)?;
        serde_json::from_slice(&text).context(Kind::Internal, cannot)
    }

    /// Writes the order.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn write(&self, dir: &AgentDir) -> Result<()> {
        let path = dir.spec();
        let cannot = || format!("cannot write '{}'", path.display());
        let text = serde_json::to_vec(self).context(Kind::Internal, cannot)?;
        fs::write(&path, text).context(Kind::External, cannot)
    }

    /// See the field.
    pub const fn max_time(&self) -> Duration {
        Duration::from_secs(self.max_time)
    }

    /// See the field.
    pub const fn grace(&self) -> Duration {
        Duration::from_secs(self.grace)
    }
}
