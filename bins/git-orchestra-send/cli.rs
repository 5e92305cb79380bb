//! The command line of `send`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::{Code, Error, Result, model::text, ops::send::Request};
use orchestra_terminal::{complete, pages::Page};

/// Send a message to a running agent, or answer its request
///
/// A message is the agent's next instruction: it reads it as soon as it can, at the latest when it has
/// finished the current one. An agent that is 'waiting' has asked for a permission or a decision: --allow
/// and --deny answer it, -m adds a note, and a question with choices is answered by the message. Messages
/// and answers are events in the agent's history.
///
/// --allow --always allows what is asked, and the same from now on, for the rest of this agent's life: the
/// permission rule that its program proposes, or exactly the same request. 'git orchestra status AGENT' shows
/// the whole request, that rule, and how many requests it has answered.
///
/// With --allow, --deny or -m, every name is that of an agent, and there may be several. Without them, give
/// one agent and one message.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-send", version)]
pub(crate) struct Cli {
    /// The agent; a unique prefix of the name or a word in it is enough, and tag:NAME names all with a tag
    ///
    /// Without one, a terminal lets you pick it: with --allow or --deny, of those that wait.
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::open_agents_and_tags))]
    pub(crate) agent: Option<String>,
    /// The message; with --allow, --deny or -m, further agents
    #[arg(value_name = "TEXT")]
    pub(crate) more: Vec<String>,
    /// Allow what the agent asks for
    #[arg(long, conflicts_with = "deny")]
    pub(crate) allow: bool,
    /// With --allow: allow it from now on as well
    #[arg(long, requires = "allow")]
    pub(crate) always: bool,
    /// With --allow or --deny: answer every agent of this clone that waits
    #[arg(long, conflicts_with_all = ["agent", "more"])]
    pub(crate) all: bool,
    /// Deny what the agent asks for
    #[arg(long)]
    pub(crate) deny: bool,
    /// The message, or a note for an answer
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra send add-auth 'use the existing session table'", "Send one more instruction"),
        ("git orchestra send add-auth --allow", "Allow what the agent asks for"),
        ("git orchestra send --allow", "Allow what the only waiting agent asks for, or pick one of several"),
        ("git orchestra send add-auth --deny -m 'never push; commit only'", "Deny it, and give the reason"),
        ("git orchestra send add-auth --allow --always", "Allow it, and the same from now on"),
        ("git orchestra send --all --allow", "Allow what every waiting agent asks for"),
        ("git orchestra send add-auth fix-parser --allow", "Allow what two agents ask for"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-resume", "git-orchestra-logs"],
};

impl Cli {
    /// Returns the request that was typed. `is_agent` says whether a word is the full name of an agent.
    pub(crate) fn request(&self, is_agent: impl Fn(&str) -> bool) -> Result<Request> {
        let allow = if self.allow { Some(true) } else { self.deny.then_some(false) };
        let answer = Request {
            text: self.message.clone(),
            allow,
            always: self.always,
            all: self.all,
            ..Request::default()
        };
        let Some(first) = self.agent.clone() else { return Ok(answer) };
        if allow.is_some() || self.message.is_some() {
            if let Some(text) = self.more.iter().find(|word| word.contains(char::is_whitespace)) {
                let shown = text::one_line(text, 60);
                return Err(Error::new(Code::NameInvalid, format!("'{shown}' is not the name of an agent"))
                    .hint("give a note with -m: --deny -m 'why'"));
            }
            let agents = [&[first], self.more.as_slice()].concat();
            return Ok(Request { agents, ..answer });
        }
        match self.more.as_slice() {
            [] => Ok(Request { agents: vec![first], ..answer }),
            [name] if is_agent(name) => Err(Error::usage(format!("'{name}' is an agent, not a message"))
                .hint(format!("git orchestra send {first} {name} -m 'what to do next' sends to both"))),
            [text] => Ok(Request { agents: vec![first], text: Some(text.clone()), ..answer }),
            _ => Err(Error::new(Code::MessageInvalid, "more than one message given")
                .hint("git orchestra send AGENT 'one message in quotes'")
                .hint("git orchestra send AGENT AGENT -m 'a message to several'")),
        }
    }
}
