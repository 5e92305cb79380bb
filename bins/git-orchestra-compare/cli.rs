//! The command line of `compare`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::compare::Request;
use orchestra_terminal::{complete, pages::Page};

/// Compare the work of several agents on one task, and pick one
///
/// Shows the agents side by side: their state, the result of their check, the size of their changes, what they
/// cost, how long they ran, the verdict on their work, and whether it conflicts with the branch that is checked out.
/// One agent alone is compared with all others that have the same task, such as those of 'git orchestra spawn
/// --copies'. --pick approves the work of one and rejects that of the others; nothing lands before 'git orchestra
/// merge-ranked', and 'git orchestra undo' withdraws these verdicts.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-compare", version)]
pub(crate) struct Cli {
    /// The agents; a unique prefix of the name or a word in it is enough, and tag:NAME names all with a tag
    #[arg(value_name = "AGENT", required = true, add = ArgValueCandidates::new(complete::agents_and_tags))]
    pub(crate) agents: Vec<String>,
    /// Approve the work of this agent, and reject that of the others
    ///
    /// All of them must have ended. To choose another one later, use the option again: of each reviewer, the last
    /// verdict counts.
    #[arg(long, value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) pick: Option<String>,
    /// Why; a message that goes with the verdicts
    #[arg(short, long, value_name = "TEXT", requires = "pick")]
    pub(crate) message: Option<String>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra spawn --copies 3 'Add rate limiting'", "Give one task to three agents"),
        ("git orchestra compare rate-limiting-2", "Compare all agents that have its task"),
        ("git orchestra compare add-auth try-auth", "Compare two agents"),
        (
            "git orchestra compare add-auth try-auth --pick try-auth -m 'has tests'",
            "Pick one, and reject the other",
        ),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-diff", "git-orchestra-review", "git-orchestra-merge-ranked"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request {
            agents: self.agents.clone(),
            pick: self.pick.clone(),
            reason: self.message.clone(),
            heads: None,
        }
    }
}
