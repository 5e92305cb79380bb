//! What the repository itself records about changes: reflogs, and whether commits are still reachable.

use std::path::PathBuf;

use super::snapshot::{SurroundingsSnapshot, UserCheckout};
use crate::{
    Result,
    git::{
        Oid, Repo,
        reflog::{self, ReflogEntry},
    },
    model::AgentId,
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
    /// Returns who stashed the changes in a commit of the stash, which all worktrees share.
    fn stashed_by(&self, commit: Oid) -> Stasher;
}

/// Who stashed changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Stasher {
    /// The agent whose surroundings are compared.
    Itself,
    /// Another agent.
    Agent(String),
    /// The user, or an agent on a branch that does not name it.
    Unknown,
}

/// The evidence in a repository.
pub(super) struct RepositoryEvidence<'a> {
    repo: &'a Repo,
    id: &'a AgentId,
    common: PathBuf,
    visited: Vec<(String, Vec<ReflogEntry>)>,
    /// The branches, tags and remote-tracking branches of the later snapshot, which may keep a commit reachable.
    tips: Vec<Oid>,
}

impl<'a> RepositoryEvidence<'a> {
    pub(super) fn of(
        repo: &'a Repo,
        id: &'a AgentId,
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
        Ok(Self { repo, id, common, visited, tips })
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
        AgentId::parse(&name).is_ok().then_some(name)
    }

    fn stashed_by(&self, commit: Oid) -> Stasher {
        let message = self.repo.read_commit(commit).map(|commit| commit.message).unwrap_or_default();
        let id = stashed_on(&message)
            .and_then(|branch| branch.rsplit('/').next())
            .and_then(|name| AgentId::parse(name).ok());
        match id {
            Some(id) if id == *self.id => Stasher::Itself,
            Some(id) if self.repo.find_ref(&layout::agent_ref(&id)).ok().flatten().is_some() => {
                Stasher::Agent(id.to_string())
            }
            _ => Stasher::Unknown,
        }
    }
}

/// Returns the branch on which git stashed changes, as the message of the commit tells it: `WIP on x: …`, or `On x: …` with a message
/// of the user.
fn stashed_on(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("WIP on ").or_else(|| message.strip_prefix("On "))?;
    rest.split_once(": ").map(|(branch, _)| branch)
}

fn git_dir(common: &std::path::Path, name: &str) -> PathBuf {
    if name.is_empty() { common.to_owned() } else { common.join("worktrees").join(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_of_a_stash_is_in_its_message() {
        for (message, branch) in [
            ("WIP on orchestra/add-x-q0q88: 1234567 first: part", Some("orchestra/add-x-q0q88")),
            ("On main: fix: later", Some("main")),
            ("WIP on (no branch): 1234567 x", Some("(no branch)")),
            ("On main", None),
            ("Only words: x", None),
        ] {
            assert_eq!(stashed_on(message), branch, "{message}");
        }
    }
}
