//! The command line of `pause`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::pause::Request;
use orchestra_terminal::{complete, pages::Page};

/// Pause agents, saving their work
///
/// As with stop, all processes of the agent are ended and its work is saved: uncommitted changes are
/// committed to the agent's branch. Its slot is free for another agent. 'git orchestra resume' continues
/// it, in the same worktree and the same session.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-pause", version)]
pub(crate) struct Cli {
    /// The agents; a unique prefix of the name or a word in it is enough, and tag:NAME names all with a tag
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::open_agents_and_tags))]
    pub(crate) agents: Vec<String>,
    /// Pause all agents of this clone that have not ended
    #[arg(short, long, conflicts_with = "agents")]
    pub(crate) all: bool,
    /// The reason, recorded in the agent's history
    #[arg(short, long, value_name = "REASON")]
    pub(crate) message: Option<String>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra pause add-tests", "Pause one agent"),
        ("git orchestra pause --all && git orchestra resume --all", "Pause all agents, then resume them"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-resume", "git-orchestra-stop", "git-orchestra-status"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request {
            agents: self.agents.clone(),
            all: self.all,
            reason: self.message.clone(),
            ..Request::default()
        }
    }
}
