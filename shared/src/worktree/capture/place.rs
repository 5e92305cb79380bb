//! Whose work is captured, and where it is read.

use crate::{
    git::{Oid, Repo, worktrees::Worktree},
    model::{AgentId, ByteSize},
    worktree::{isolated_git_dir::IsolatedGitDir, private_git_dir::AgentSide, root::WorktreeRoot},
};

/// The agent whose work is captured, and how.
#[derive(Debug)]
pub struct CaptureTarget<'a> {
    /// The agent.
    pub id: &'a AgentId,
    /// Its title, for the commit of uncommitted changes.
    pub title: &'a str,
    /// What it said last, for the same commit.
    pub last_words: Option<&'a str>,
    /// Its branch, without `refs/heads/`.
    pub branch: &'a str,
    /// The commit it started from.
    pub base: Oid,
    /// The maximum size of a captured file. A tracked file may have grown to twice its size.
    pub max_file: ByteSize,
}

/// The worktree from which work is captured.
#[derive(Debug)]
pub struct CapturePlace<'a> {
    /// Its files, reached through [`crate::worktree::open_worktree`].
    pub root: &'a WorktreeRoot,
    /// Its registration.
    pub worktree: &'a Worktree,
    /// What the agent's own git says, if the agent was in a sandbox and used it.
    pub agent_side: Option<&'a AgentSide>,
    /// The isolated git directory through which git reads it.
    pub isolated: &'a IsolatedGitDir,
}

impl CapturePlace<'_> {
    /// Returns the worktree whose `HEAD`, index, and operation in progress are those of the agent.
    pub(super) const fn agents_worktree(&self) -> &Worktree {
        match self.agent_side {
            Some(side) => &side.worktree,
            None => self.worktree,
        }
    }

    /// Returns the commit of a branch, by its full name, where the agent works.
    pub(super) fn tip(&self, repo: &Repo, name: &str) -> Option<Oid> {
        self.agent_side.map_or_else(|| repo.find_ref(name).ok().flatten(), |side| side.tip(name))
    }
}
