//! The command line of `stop`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::stop::Request;
use orchestra_terminal::{complete, pages::Page};

/// Stop agents and everything they started, saving their work
///
/// All processes of the agent are asked to end (SIGTERM); those that are left after git config
/// orchestra.grace (5s) are killed, including double-forked children. Then the work is saved as at every
/// end: uncommitted changes are committed to the agent's branch. If that fails, the exit status shows it,
/// and 'git orchestra collect' tries again. An agent whose supervisor died is stopped in the same way. No
/// process is ended that the agent did not start.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-stop", version)]
pub(crate) struct Cli {
    /// The agents; a unique prefix of the name or a word in it is enough, and tag:NAME names all with a tag
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::open_agents_and_tags))]
    pub(crate) agents: Vec<String>,
    /// Stop all agents of this clone that have not ended
    #[arg(short, long, conflicts_with = "agents")]
    pub(crate) all: bool,
    /// Stop also the agents that wait for these (spawn --after), or started with their work
    #[arg(long, conflicts_with = "all")]
    pub(crate) with_dependants: bool,
    /// Stop also the agents that these started, directly or indirectly
    ///
    /// Otherwise they keep running, unless git config orchestra.childrenAtEnd is 'stop'.
    #[arg(long, conflicts_with = "all")]
    pub(crate) children: bool,
    /// The reason, recorded in the agent's history
    #[arg(short, long, value_name = "REASON")]
    pub(crate) message: Option<String>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra stop add-tests", "Stop one agent"),
        ("git orchestra stop design-api --children", "Stop an agent and all agents that it started"),
        ("git orchestra stop --all -m 'lunch'", "Stop all agents, and record why"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-spawn", "git-orchestra-status"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request {
            agents: self.agents.clone(),
            all: self.all,
            with_dependants: self.with_dependants,
            children: self.children,
            reason: self.message.clone(),
        }
    }
}
