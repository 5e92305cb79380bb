//! The command line of `collect`.

use std::path::PathBuf;

use clap::{Parser, ValueHint};
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::collect::Request;
use orchestra_terminal::{complete, here, pages::Page};

/// Save agents' work as it is now, and sum up what became of them
///
/// Of an agent that works, the worktree is kept as it is, uncommitted and new files included
/// (refs/orchestra-local/snapshots/NAME); the agent is not disturbed. Of one that has ended, what was done in its worktree since
/// is committed to its branch, as at its end; what could not be saved then is tried again. Then each is summed up: attempts, time, cost, commits, what was left out, and how to
/// go on with it. Results become notes on the agents' commits.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-collect", version)]
pub(crate) struct Cli {
    /// The agents; the beginning of a name is enough (default: all of this clone)
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agents: Vec<String>,
    /// Write lives and work into a file as well, from which git can fetch
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: Option<PathBuf>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra collect", "Save everything, see everything"),
        ("git orchestra collect add-auth --bundle add-auth.bundle", "Take one agent along in a file"),
        ("git fetch add-auth.bundle 'refs/orchestra/*:refs/orchestra/*'", "Read it in another clone"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-review", "git-orchestra-merge-ranked", "git-bundle"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        let folder = here::environment().directory();
        Request { agents: self.agents.clone(), bundle: self.bundle.as_ref().map(|file| folder.join(file)) }
    }
}
