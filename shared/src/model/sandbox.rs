//! The sandboxes in which an agent can run.

use std::cmp::Ordering;

use super::words::words;

words! {
    /// What keeps an agent in its worktree, from the least to the most.
    #[derive(Default)]
    pub enum SandboxLevel {
        /// Nothing: its worktree prevents accidents, but is not a boundary.
        #[default]
        None = "none",
        /// It can write only in its worktree, a private home folder, and a private folder for temporary files.
        Files = "files",
        /// As `files`, and it can reach only the hosts that are allowed.
        Net = "net",
    }
}

words! {
    /// What enforces a sandbox.
    #[derive(Default)]
    pub enum SandboxEngine {
        /// Namespaces of the kernel, which the program bubblewrap makes: the agent sees other files and other processes.
        #[default]
        Bubblewrap = "bubblewrap",
        /// Rules of the kernel that a process gives to itself: the agent sees what is there, and is refused what it may not do.
        Landlock = "landlock",
    }
}

/// A sandbox as it was chosen for an agent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ChosenSandbox {
    /// What it prevents.
    pub level: SandboxLevel,
    /// What enforces it; without meaning at the level that enforces nothing.
    pub engine: SandboxEngine,
}

impl SandboxLevel {
    /// Returns the place in the order of the levels.
    const fn rank(self) -> usize {
        self as usize
    }

    /// Returns whether only some hosts can be reached.
    pub const fn has_network_rules(self) -> bool {
        matches!(self, Self::Net)
    }

    /// Returns whether anything is enforced.
    pub const fn is_some(self) -> bool {
        !matches!(self, Self::None)
    }
}

impl Ord for SandboxLevel {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for SandboxLevel {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
