//! The command line of `cleanup`.

use std::time::Duration;

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::cleanup::Request;
use orchestra_terminal::{complete, pages::Page, settings::time};

/// Take away agents whose work is elsewhere, every byte kept for undo
///
/// An agent goes, with its worktree and its branch, when it has ended and its work is provably in the branch of your main checkout, or
/// in the one that this follows: merged, as one commit, rebased, picked commit by commit, or the same content. Its life stays in
/// refs/orchestra/archive. Everything else is kept, and the reason is said: work that is nowhere else or was taken back, files that
/// are in no commit, ignored ones too, a repository inside the worktree, also where a gitlink of it is committed, a worktree that was
/// moved or locked or in which a process works. An agent that is kept because something failed, a full disk for instance, is an error.
///
/// Before anything goes, every byte of the worktree, what is staged and what the reflog names are written into the repository;
/// 'git orchestra undo' brings them back for 30 days of use (git config orchestra.undoExpire), a pause counting for a day at the most,
/// and the newest operation for as long as it is the newest. Owners and extended attributes are not kept,
/// nor are ignored folders that can be made again (git config orchestra.disposableDirs).
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-cleanup", version)]
pub(crate) struct Cli {
    /// These only; the beginning of a name is enough (default: all of this clone)
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agents: Vec<String>,
    /// Take this one away though its work is nowhere else; may be given several times
    #[arg(long, value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) discard: Vec<String>,
    /// Only those that ended so long ago: 90m, 12h, 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) older_than: Option<Duration>,
    /// The branch in which their work must be (default: that of the main checkout, and the one it follows)
    #[arg(long, value_name = "BRANCH", add = ArgValueCandidates::new(complete::branches))]
    pub(crate) into: Option<String>,
    /// Take worktrees away though uncommitted or ignored files are in them; never one in which a process works
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Only say what would be done
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Delete the files that were moved away before (started by cleanup itself)
    #[arg(long, hide = true, exclusive = true)]
    pub(crate) empty_trash: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra cleanup --dry-run", "See what would go, and why the rest stays"),
        ("git orchestra cleanup --older-than 7d", "Take away what landed and ended a week ago or earlier"),
        ("git orchestra cleanup --discard try-regex", "Take away work that nobody wants"),
        ("git orchestra undo", "Bring back what the last one took away"),
        (
            "git archive refs/orchestra-local/operations/ID:try-regex/worktree/files | tar -x -C /tmp/there",
            "The same by hand, with plain git",
        ),
    ],
    sections: &[(
        "WHAT STAYS",
        &[
            "Where agents are named and one of them stays, the exit status is 1. Without names it is 0: cleanup removed all that \
           it can.",
        ],
    )],
    configuration: false,
    see_also: &[
        "git-orchestra-undo",
        "git-orchestra-merge-ranked",
        "git-orchestra-worktrees",
        "git-worktree",
    ],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request {
            agents: self.agents.clone(),
            discard: self.discard.clone(),
            older_than: self.older_than,
            into: self.into.clone(),
            force: self.force,
            dry_run: self.dry_run,
        }
    }
}
