//! The command line of `worktrees`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra_terminal::{complete, pages::Page};

/// List the agents' worktrees, or print where one is
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-worktrees", version)]
pub(crate) struct Cli {
    /// Print only the path of this agent's worktree
    #[arg(long, value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) path: Option<String>,
    /// Measure how much disk each takes
    #[arg(short, long)]
    pub(crate) size: bool,
    /// Print the result as one JSON object
    #[arg(long, conflicts_with = "path")]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra worktrees --size", "List them with their sizes"),
        ("cd \"$(git orchestra worktrees --path add-tests)\"", "Go to one"),
    ],
    sections: &[
        (
            "WHERE THEY ARE",
            &[
                "Worktrees lie beside the repository, in the folder NAME.worktrees: inside the checkout 'git clean' would \
                 delete them. git config orchestra.worktrees chooses another folder.",
            ],
        ),
        (
            "STATE",
            &[
                "missing: git knows the worktree, and nothing is at its path; 'git worktree repair NEW-PATH' tells git where it was \
                 moved by hand. moved: 'git worktree move' moved it. A git operation that is under way in it, why it is locked, \
                 and how many files of it were left out of the agent's work stand there as well. In JSON worktree_state is \
                 here, missing or moved.",
                "DIRTY is measured while an agent has not ended; '-' is not measured.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-status"],
};
