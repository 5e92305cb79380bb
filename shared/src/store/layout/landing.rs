//! The names of scratch worktrees and locks of landings.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::PrivateDir;

/// Maximum number of scratch worktrees, in which branches are merged and checked before they land.
pub const MAX_SCRATCHES: usize = 8;

/// The beginning of the names of scratch worktrees.
pub const SCRATCH: &str = "landing";

/// The beginning of the names of directories and registrations of scratch worktrees while they are deleted.
const REMOVED_SCRATCH: &str = ".landing-removed";

/// Returns the name of a scratch worktree: `landing` for 1, `landing-2`, and so on.
pub fn scratch_name(number: usize) -> String {
    numbered(SCRATCH, number)
}

/// Returns the name of the directory, and of the registration, of a scratch worktree while it is deleted.
pub fn removed_scratch_name(number: usize) -> String {
    numbered(REMOVED_SCRATCH, number)
}

/// Returns whether a directory of this name is a scratch worktree, or one that is being deleted.
pub fn is_scratch(name: &str) -> bool {
    (1..=MAX_SCRATCHES).any(|number| name == scratch_name(number) || name == removed_scratch_name(number))
}

fn numbered(name: &str, number: usize) -> String {
    if number == 1 { name.to_owned() } else { format!("{name}-{number}") }
}

impl PrivateDir {
    /// The lock for landing on a branch, or for undoing a landing on it. The file names its holder. Its own name is a digest,
    /// because some names of branches are too long for a file.
    pub fn target_lock(&self, branch: &str) -> PathBuf {
        let digest: String =
            Sha256::digest(branch).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.dir().join("locks/targets").join(digest)
    }

    /// The lock for using a scratch worktree. The file names its present or last holder.
    pub fn scratch_lock(&self, number: usize) -> PathBuf {
        self.dir().join("locks").join(format!("scratch-{number}"))
    }

    /// The registration of a scratch worktree, from its removal until it is deleted.
    pub fn removed_scratch(&self, number: usize) -> PathBuf {
        self.dir().join(removed_scratch_name(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AgentId;

    #[test]
    fn scratch_names_are_not_agent_ids() {
        assert_eq!((scratch_name(1), scratch_name(2)), ("landing".into(), "landing-2".into()));
        for number in 1..=MAX_SCRATCHES {
            assert!(is_scratch(&scratch_name(number)) && is_scratch(&removed_scratch_name(number)));
            assert!(AgentId::parse(&scratch_name(number)).is_err());
        }
        assert!(!is_scratch("landing-1") && !is_scratch("landing-page-k3m9q"));
    }
}
