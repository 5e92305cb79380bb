//! What a supervisor is asked to do: written by `spawn` and `resume` into the agent's private folder, from the user's own
//! settings. At the end it is kept beside the output, which never travels, for a later `resume`.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Kind, Result,
    error::Context,
    git::{Repo, careful, repo::Identity},
    model::{AgentId, BranchName, CommitId},
    private_files,
    profile::{Launch, Options},
    store::layout::{self, AgentDir},
    worktree::door::Made,
};

/// The order to one supervisor.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Spec {
    /// What was asked of the coding agent.
    pub options: Options,
    /// How the program is started.
    pub launch: Launch,
    /// The agent's branch, without `refs/heads/`.
    pub branch: BranchName,
    /// The commit it starts from.
    pub base: CommitId,
    /// The title, for commits.
    pub title: String,
    /// Where its worktree is to be.
    pub worktree: PathBuf,
    /// Who commits for it: the user as they were known when it was started, whatever the configuration says later.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// The device and number of the worktree's folder, once it is made.
    #[serde(default)]
    pub folder: Option<(u64, u64)>,
    /// Name of the settings that were frozen when it was spawned.
    pub frozen: String,
    /// How many agents of this kind may run at once.
    pub jobs: u32,
    /// What it may use.
    pub limits: Limits,
    /// Requests and messages that are as old as this Lamport number were meant for an earlier launch.
    pub since: u64,
    /// It ran before: its worktree and branch may hold work.
    pub resumed: bool,
    /// Its first launch begins a new conversation.
    pub fresh: bool,
    /// It judges another agent's work: what it says counts, not what it changes.
    #[serde(default)]
    pub judges: bool,
    /// How it is run, by name.
    #[serde(default)]
    pub profile: String,
    /// A person wants its first launch now, whatever usage limit is known.
    #[serde(default)]
    pub despite_limit: bool,
}

/// How long and how much. Times are in seconds, sizes in bytes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Limits {
    /// The longest it may run, all attempts together.
    pub max_time: u64,
    /// The longest it may give no sign of life; 0 for ever.
    pub idle: u64,
    /// How often it goes on after a failure that may pass.
    pub retries: u32,
    /// The wait before the first retry.
    pub retry_delay: u64,
    /// How long it may tidy up when stopped.
    pub grace: u64,
    /// The most output of an attempt.
    pub max_output: u64,
    /// The largest file to take.
    pub max_file: u64,
    /// How often it speaks with the remote unasked; 0 never.
    #[serde(default)]
    pub sync_every: u64,
    /// How long it waits for the end of a usage limit.
    #[serde(default = "six_hours")]
    pub limit_wait: u64,
}

/// For orders of earlier versions.
const fn six_hours() -> u64 {
    6 * 3600
}

impl Spec {
    /// What is known of the worktree since it was made.
    pub fn made(&self) -> Made<'_> {
        Made { path: Some(&self.worktree), identity: self.folder }
    }

    /// Reads the order.
    ///
    /// # Errors
    /// It is not there, or was written by another version.
    pub fn read(dir: &AgentDir) -> Result<Self> {
        let path = dir.spec();
        let cannot = || format!("cannot read '{}'", path.display());
        let text = careful::read(&path).context(Kind::Internal, cannot)?;
        serde_json::from_slice(&text).context(Kind::Internal, cannot)
    }

    /// The order to the last supervisor, live or kept. `None`: this clone never had one, or it was of another version.
    pub fn last(repo: &Repo, id: &AgentId, dir: &AgentDir) -> Option<Self> {
        if let Ok(live) = Self::read(dir) {
            return Some(live);
        }
        let kept = repo.find_ref(&layout::log_ref(id)).ok()??;
        serde_json::from_slice(&repo.read_blob_of(kept, layout::SPEC).ok()??).ok()
    }

    /// Writes the order.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn write(&self, dir: &AgentDir) -> Result<()> {
        let path = dir.spec();
        let cannot = || format!("cannot write '{}'", path.display());
        let text = serde_json::to_vec(self).context(Kind::Internal, cannot)?;
        private_files::write(&path, text).context(Kind::External, cannot)
    }
}

impl Limits {
    /// See the field.
    pub const fn max_time(&self) -> Duration {
        Duration::from_secs(self.max_time)
    }

    /// See the field.
    pub const fn idle(&self) -> Option<Duration> {
        if self.idle == 0 { None } else { Some(Duration::from_secs(self.idle)) }
    }

    /// See the field.
    pub const fn sync_every(&self) -> Option<Duration> {
        if self.sync_every == 0 { None } else { Some(Duration::from_secs(self.sync_every)) }
    }

    /// The wait before the `n`th retry; 1 is the first.
    pub fn retry_delay(&self, n: u32) -> Duration {
        let doubled = self.retry_delay.saturating_mul(1 << (n.clamp(1, 17) - 1));
        Duration::from_secs(doubled.min(3600))
    }

    /// See the field.
    pub const fn grace(&self) -> Duration {
        Duration::from_secs(self.grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_an_hour() {
        let limits = Limits {
            max_time: 1,
            idle: 0,
            retries: 9,
            retry_delay: 5,
            grace: 1,
            max_output: 1,
            max_file: 1,
            sync_every: 0,
            limit_wait: 1,
        };
        let waits: Vec<u64> = [1, 2, 3, 40].iter().map(|n| limits.retry_delay(*n).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 3600]);
        assert_eq!(limits.idle(), None);
    }
}
