//! The command line of `pause`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::pause::Request;
use orchestra_terminal::{complete, pages::Page};

/// End agents' programs for a while, their work saved
///
/// As stop does, the whole tree of processes is ended and the work is taken: what was left uncommitted is committed to the
/// agent's branch. Its slot is free for another agent. 'git orchestra resume' goes on, in the same worktree and in the same
/// conversation.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-pause", version)]
pub(crate) struct Cli {
    /// The agents; the beginning of a name is enough
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::open_agents))]
    pub(crate) agents: Vec<String>,
    /// All agents of this clone that have not ended
    #[arg(short, long, conflicts_with = "agents")]
    pub(crate) all: bool,
    /// Why, for whoever reads its life
    #[arg(short, long, value_name = "REASON")]
    pub(crate) message: Option<String>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra pause add-tests", "Let one agent rest"),
        ("git orchestra pause --all && git orchestra resume --all", "Let all rest, then go on"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-resume", "git-orchestra-stop", "git-orchestra-status"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request { agents: self.agents.clone(), all: self.all, reason: self.message.clone() }
    }
}
