//! The files of landings: scratch worktrees and locks.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::PrivateDir;

/// How many scratch worktrees, in which branches are merged and checked before they land, there are at most.
pub const MAX_SCRATCHES: usize = 8;

/// What the names of scratch worktrees begin with.
pub const SCRATCH: &str = "landing";

/// What folders and registrations of scratch worktrees are named while they are deleted.
const REMOVED_SCRATCH: &str = ".landing-removed";

/// The name of a scratch worktree: `landing`, `landing-2`, and so on; 1 is the first.
pub fn scratch_name(number: usize) -> String {
    numbered(SCRATCH, number)
}

/// The name of the folder, and of the registration, of a scratch worktree while it is deleted.
pub fn removed_scratch_name(number: usize) -> String {
    numbered(REMOVED_SCRATCH, number)
}

/// Whether a folder of this name is a scratch worktree, or one that is deleted.
pub fn is_scratch(name: &str) -> bool {
    (1..=MAX_SCRATCHES).any(|number| name == scratch_name(number) || name == removed_scratch_name(number))
}

fn numbered(name: &str, number: usize) -> String {
    if number == 1 { name.to_owned() } else { format!("{name}-{number}") }
}

impl PrivateDir {
    /// Held by whoever lands on a branch or undoes a landing on it; in it stands who that is. Some names of branches are too long
    /// for a file: its name is a digest.
    pub fn target_lock(&self, branch: &str) -> PathBuf {
        let digest: String =
            Sha256::digest(branch).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.0.join("locks/targets").join(digest)
    }

    /// Held by whoever works in a scratch worktree; in it stands whose it is, or was.
    pub fn scratch_lock(&self, number: usize) -> PathBuf {
        self.0.join("locks").join(format!("scratch-{number}"))
    }

    /// The registration of a scratch worktree, from when it is removed until it is deleted.
    pub fn removed_scratch(&self, number: usize) -> PathBuf {
        self.0.join(removed_scratch_name(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AgentId;

    #[test]
    fn scratch_worktrees_are_told_from_agents() {
        assert_eq!((scratch_name(1), scratch_name(2)), ("landing".into(), "landing-2".into()));
        for number in 1..=MAX_SCRATCHES {
            assert!(is_scratch(&scratch_name(number)) && is_scratch(&removed_scratch_name(number)));
            assert!(AgentId::parse(&scratch_name(number)).is_err());
        }
        assert!(!is_scratch("landing-1") && !is_scratch("landing-page-k3m9q"));
    }
}
