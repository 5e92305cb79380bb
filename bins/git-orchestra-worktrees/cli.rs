//! The command line of `worktrees`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra_terminal::{complete, pages::Page};

/// List the agents' worktrees, or print the path of one
///
/// Worktrees are in the directory NAME.worktrees next to the repository, since 'git clean' would delete them
/// inside the checkout. git config orchestra.worktrees selects another directory.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-worktrees", version)]
pub(crate) struct Cli {
    /// Print only the path of this agent's worktree
    #[arg(long, value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) path: Option<String>,
    /// Measure the disk space of each worktree, and of all together
    ///
    /// SIZE is the space on the disk; '+' after it means that there was no time to measure all of it. A file with
    /// several names counts once. What a file system shares by itself, such as files that were copied on btrfs or
    /// XFS, counts in each worktree.
    #[arg(short, long)]
    pub(crate) size: bool,
    /// Print only the paths, each ended by a NUL byte
    #[arg(short = 'z', conflicts_with_all = ["path", "size", "json"])]
    pub(crate) nul: bool,
    /// Print the result as one JSON object
    #[arg(long, conflicts_with = "path")]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra worktrees --size", "List them with their sizes"),
        ("git orchestra worktrees -z | xargs -0 -n1 -I{} git -C {} status --short", "Run git in each"),
        ("cd \"$(git orchestra worktrees --path add-tests)\"", "Change into one"),
    ],
    sections: &[(
        "STATE",
        &[
            "missing: git has the worktree registered, but its path does not exist; if you moved it by \
                 hand, 'git worktree repair NEW-PATH' tells git the new path. moved: it was moved by 'git \
                 worktree move'. STATE also shows a git operation in progress, the reason of a lock, and how \
                 many files were left out of the agent's work. In JSON worktree_state is here, missing or \
                 moved.",
            "DIRTY is counted until an agent ends, as in git-orchestra-status(1); '-' means that nothing was counted.",
        ],
    )],
    configuration: false,
    see_also: &["git-orchestra-status"],
};
