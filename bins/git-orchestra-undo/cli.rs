//! The command line of `undo`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::undo::Request;
use orchestra_terminal::{complete, pages::Page};

/// Undo a landing, a cleanup, a rewind or a pick
///
/// Every landing, every cleanup, every rewind and every 'compare --pick' is an operation. Undoing a landing moves the branch back to where it was
/// before, with the files of its checkout; it is refused if that would overwrite a file, even an ignored
/// one, or if the branch has moved since. The checks that failed in the landing, and what it set aside, no
/// longer count. Undoing a cleanup restores what it removed: branch, worktree, uncommitted and staged
/// changes, ignored files, modes and times. Undoing a rewind restores the agent as it was, unless it has
/// worked since. Undoing a pick withdraws its verdicts, and those before it count again. An undo is itself an
/// operation, and can be undone by its id.
///
/// Commands that only add (spawn, send, review, collect) are not operations: they remove nothing that undo
/// could restore.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-undo", version)]
pub(crate) struct Cli {
    /// The operation; an unambiguous prefix of the id is enough (default: the newest that can be undone)
    #[arg(value_name = "OPERATION", add = ArgValueCandidates::new(complete::operations))]
    pub(crate) operation: Option<String>,
    /// List the operations, the newest first
    #[arg(short, long, conflicts_with_all = ["operation", "dry_run"])]
    pub(crate) list: bool,
    /// Show what would be undone, without undoing it
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra undo", "Undo the last landing, cleanup, rewind or pick"),
        ("git orchestra undo --list", "List what can be undone"),
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
