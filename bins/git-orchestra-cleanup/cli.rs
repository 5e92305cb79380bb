//! The command line of `cleanup`.

use std::time::Duration;

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::cleanup::Request;
use orchestra_terminal::{complete, pages::Page, settings::time};

/// Remove agents whose work has landed, keeping every byte for undo
///
/// An agent is removed, with its worktree and its branch, once it has ended and its work is provably in the
/// branch of your main checkout or in the branch's upstream: merged, squashed, rebased, cherry-picked, or
/// with the same content. Its history stays in refs/orchestra/archive. Every other agent is kept, and the
/// reason is shown: its work has not landed or was reverted; its worktree has uncommitted or ignored
/// files, or contains another repository; the worktree was moved or locked, or a process runs in it.
/// Keeping an agent because something failed, such as a full disk, is an error.
///
/// Before anything is removed, every byte of the worktree, what is staged, and the commits that the reflog
/// names are stored in the repository. 'git orchestra undo' restores them for 30 days of use (git config
/// orchestra.undoExpire): a break of any length counts as one day at most, and the newest operation is kept
/// for as long as it is the newest. File owners and extended attributes are not kept, nor are ignored
/// directories that can be rebuilt (git config orchestra.disposableDirs). An unchanged copy of a file of your
/// checkout (.worktreeinclude) keeps no worktree. {orchestra.teardown} runs in each worktree
/// after it was stored; an agent whose teardown commits something is kept, with what the teardown deleted. Of a sandbox, the private home folder is stored without .cache: up to 64 MiB without a word, and more with
/// --force; its temporary files are not.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-cleanup", version)]
pub(crate) struct Cli {
    /// Agents to remove; a unique prefix of the name or a word in it is enough, and tag:NAME names all with a tag (default: all agents of this clone)
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents_and_tags))]
    pub(crate) agents: Vec<String>,
    /// Remove this agent even though its work has not landed; may be given several times
    #[arg(long, value_name = "AGENT", add = ArgValueCandidates::new(complete::agents_and_tags))]
    pub(crate) discard: Vec<String>,
    /// Remove only agents that ended at least this long ago, such as 90m, 12h or 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) older_than: Option<Duration>,
    /// The branch that must contain the work (default: {orchestra.into}, else that of the main checkout; or its upstream)
    #[arg(long, value_name = "BRANCH", add = ArgValueCandidates::new(complete::branches))]
    pub(crate) into: Option<String>,
    /// Remove worktrees even if they contain uncommitted or ignored files; never one in which a process
    /// runs
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Show what would be removed, without removing it
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Delete the files of earlier removals (started by cleanup itself)
    #[arg(long, hide = true, exclusive = true)]
    pub(crate) empty_trash: bool,
    /// Delete the results of builds by {orchestra.removeBuilds} (started when an agent ends or lands)
    #[arg(long, hide = true, exclusive = true)]
    pub(crate) remove_builds: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra cleanup --dry-run", "Show what would be removed, and why the rest is kept"),
        ("git orchestra cleanup --older-than 7d", "Remove what has landed and ended at least a week ago"),
        ("git orchestra cleanup --discard try-regex", "Discard an agent's work, until undo restores it"),
        ("git orchestra undo", "Restore what the last cleanup removed"),
        (
            "git archive refs/orchestra-local/operations/ID:try-regex/worktree/files | tar -x -C /tmp/there",
            "Restore the files with plain git",
        ),
    ],
    sections: &[(
        "EXIT STATUS OF A CLEANUP",
        &["If agents are named and one of them is kept, the exit status is 1. Without names it is 0: \
             cleanup removed everything that it can."],
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
