//! The command line of `send`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::send::Request;
use orchestra_terminal::{complete, pages::Page};

/// Say something to a running agent, or answer what it asks
///
/// A text is the agent's next instruction: it takes it up as soon as it can, at the latest when it is done with the one
/// before. An agent that is 'waiting' asks: --allow and --deny answer, with -m for what it shall know; a question with choices
/// is answered by its text. Messages and answers are events of the agent's life.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-send", version)]
pub(crate) struct Cli {
    /// The agent; the beginning of its name is enough
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::open_agents))]
    pub(crate) agent: String,
    /// What is said to it
    #[arg(value_name = "TEXT", conflicts_with = "message")]
    pub(crate) text: Option<String>,
    /// Allow what it asks for
    #[arg(long, conflicts_with = "deny")]
    pub(crate) allow: bool,
    /// Deny what it asks for
    #[arg(long)]
    pub(crate) deny: bool,
    /// What it shall know, with an answer
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra send add-auth 'use the existing session table'", "Give it one more instruction"),
        ("git orchestra send add-auth --allow", "Allow what it asks for"),
        ("git orchestra send add-auth --deny -m 'never push; commit only'", "Deny it, and say why"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-resume", "git-orchestra-logs"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request {
            agent: self.agent.clone(),
            text: self.text.clone().or_else(|| self.message.clone()),
            allow: if self.allow { Some(true) } else { self.deny.then_some(false) },
        }
    }
}
