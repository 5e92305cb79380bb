//! The command line of `collect`.

use std::path::PathBuf;

use clap::{Parser, ValueHint};
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::collect::Request;
use orchestra_terminal::{complete, here, pages::Page};

/// Save the work of agents as it is now, and summarize it
///
/// For an agent that still runs, its worktree is saved as it is, including uncommitted and new files
/// (refs/orchestra-local/snapshots/NAME), without disturbing the agent. For an agent that has ended,
/// changes made in its worktree since then are committed to its branch, and work that could not be saved
/// when it ended is saved now. Then a summary of each agent is shown: attempts, time, cost, commits, files
/// left out, and how to resume it. Results are stored as notes on the agents' commits.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-collect", version)]
pub(crate) struct Cli {
    /// Agents to collect; a unique prefix of the name or a word in it is enough, and tag:NAME names all with a tag (default: all agents of this clone)
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents_and_tags))]
    pub(crate) agents: Vec<String>,
    /// Also write the agents' history and work into a bundle file, from which git can fetch
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: Option<PathBuf>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra collect", "Save and summarize the work of all agents"),
        ("git orchestra collect add-auth --bundle add-auth.bundle", "Write one agent into a file"),
        ("git fetch add-auth.bundle 'refs/orchestra/*:refs/orchestra/*'", "Read that file in another clone"),
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
