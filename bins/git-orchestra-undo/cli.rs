//! The command line of `undo`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::undo::Request;
use orchestra_terminal::{complete, pages::Page};

/// Take back what a command changed
///
/// Every landing and every cleanup is an operation. Of a landing, undo moves the branch back to where it was before, with the files
/// of its checkout; it refuses where that would overwrite something, ignored files included, or where the branch has moved on
/// since. What cleanup took away comes back as it was: branch, worktree, uncommitted and staged changes, ignored files, modes and
/// times. An undo is an operation too: naming it takes it back.
///
/// Commands that only add (spawn, send, review, collect) are no operations: nothing is gone that could come back.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-undo", version)]
pub(crate) struct Cli {
    /// The operation; the beginning of its id is enough (default: the newest that can be taken back)
    #[arg(value_name = "OPERATION", add = ArgValueCandidates::new(complete::operations))]
    pub(crate) operation: Option<String>,
    /// List the operations, the newest first
    #[arg(short, long, conflicts_with_all = ["operation", "dry_run"])]
    pub(crate) list: bool,
    /// Only say what would be taken back
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra undo", "Take the last landing or cleanup back"),
        ("git orchestra undo --list", "See what can be taken back"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-merge-ranked", "git-orchestra-cleanup", "git-reset", "git-reflog"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request { operation: self.operation.clone(), dry_run: self.dry_run }
    }
}
