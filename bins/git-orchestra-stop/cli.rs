//! The command line of `stop`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::stop::Request;
use orchestra_terminal::{complete, pages::Page};

/// End agents with everything they started, their work saved
///
/// The whole tree of processes is asked to end (SIGTERM), and what is left after git config orchestra.grace (5s) is
/// killed, double-forked children included. Then the work is taken as at every end: what was left uncommitted is committed
/// to the agent's branch. Where that fails, the exit code says so, and 'git orchestra collect' tries again. An agent whose supervisor died is ended the same way. Only processes that the agent
/// started are touched.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-stop", version)]
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
        ("git orchestra stop add-tests", "End one agent"),
        ("git orchestra stop --all -m 'lunch'", "End all of them, and say why"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-spawn", "git-orchestra-status"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request { agents: self.agents.clone(), all: self.all, reason: self.message.clone() }
    }
}
