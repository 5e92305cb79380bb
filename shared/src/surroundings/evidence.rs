//! What the repository itself records about changes: reflogs, and whether commits are still reachable.

use std::path::PathBuf;

use super::snapshot::{SurroundingsSnapshot, UserCheckout};
use crate::{
    Result,
    git::{
        Oid, Repo,
        reflog::{self, ReflogEntry},
    },
    store::layout,
};

/// The facts that explain changes.
pub(super) trait Evidence {
    /// Returns the entries that the reflog of a checkout's `HEAD` gained since the earlier snapshot.
    fn visited(&self, checkout: &str) -> &[ReflogEntry];
    /// Returns the recent entries of a ref's reflog.
    fn reflog_of(&self, name: &str) -> Vec<ReflogEntry>;
    /// Returns whether a commit is still reachable from one of the user's branches, tags or remote-tracking branches.
    fn is_reachable(&self, commit: Oid) -> bool;
    /// Returns the agent in whose worktree `HEAD` moved to a commit.
    fn agent_that_visited(&self, commit: Oid) -> Option<String>;
}

/// The evidence in a repository.
pub(super) struct RepositoryEvidence<'a> {
    repo: &'a Repo,
    common: PathBuf,
    visited: Vec<(String, Vec<ReflogEntry>)>,
    /// The branches, tags and remote-tracking branches of the later snapshot, which may keep a commit reachable.
    tips: Vec<Oid>,
}

impl<'a> RepositoryEvidence<'a> {
    pub(super) fn of(
        repo: &'a Repo,
        before: &SurroundingsSnapshot,
        after: &SurroundingsSnapshot,
    ) -> Result<Self> {
        let common = repo.common_dir()?;
        let since = |checkout: &UserCheckout| {
            let log = git_dir(&common, &checkout.name).join("logs/HEAD");
            (checkout.name.clone(), reflog::entries_since(&log, checkout.log.unwrap_or(0)))
        };
        let visited = before.checkouts.iter().map(since).collect();
        let heads = after.refs.iter().filter(|(name, _)| {
            [layout::BRANCHES, layout::REMOTE_BRANCHES, layout::TAGS]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        });
        let tips = heads.filter_map(|(_, target)| Oid::parse(target)).collect();
        Ok(Self { repo, common, visited, tips })
    }
}

impl Evidence for RepositoryEvidence<'_> {
    fn visited(&self, checkout: &str) -> &[ReflogEntry] {
        let found = self.visited.iter().find(|(name, _)| name == checkout);
        found.map_or(&[], |(_, entries)| entries.as_slice())
    }

    fn reflog_of(&self, name: &str) -> Vec<ReflogEntry> {
        reflog::entries_since(&self.common.join("logs").join(name), 0)
    }

    fn is_reachable(&self, commit: Oid) -> bool {
        self.tips.contains(&commit)
            || self.tips.iter().any(|tip| self.repo.contains(*tip, commit).unwrap_or(false))
    }

    fn agent_that_visited(&self, commit: Oid) -> Option<String> {
        let worktrees = self.repo.worktrees().ok()?;
        let found = worktrees.iter().find(|worktree| {
            let log = reflog::entries_since(&worktree.git_dir.join("logs/HEAD"), 0);
            log.iter().any(|entry| entry.new == Some(commit) && entry.old != Some(commit))
        })?;
        let name = found.git_dir.file_name()?.to_str()?.to_owned();
        crate::model::AgentId::parse(&name).is_ok().then_some(name)
    }
}

fn git_dir(common: &std::path::Path, name: &str) -> PathBuf {
    if name.is_empty() { common.to_owned() } else { common.join("worktrees").join(name) }
}
