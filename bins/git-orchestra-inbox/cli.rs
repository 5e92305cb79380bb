//! The command line of `inbox`.

use std::time::Duration;

use clap::{
    Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::inbox::{MessageKind, Receiver, Request};
use orchestra_terminal::{complete, pages::Page, settings};

/// Show what agents say and ask, and reply
///
/// Without a command, the messages that nobody has read are listed, oldest first, with the agents that wait
/// for an answer. Listing marks nothing as read. An agent's program writes a message with 'git orchestra inbox
/// tell': it is an event in the agent's history, which 'git orchestra sync' carries to other clones.
///
/// If an agent was started by another one, its messages go to that one while it runs and reads messages, and
/// to people otherwise. --all shows what became of each message: read, replied, or heard, once the program
/// that it was for has got it; 'inbox read' shows when, how, and who read it. An agent in a loop does not
/// bury the others: its newest ten messages are listed, and it can write no more to people once 60 of them
/// are unread.
#[derive(Debug, Parser)]
#[command(
    name = "git-orchestra-inbox",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    /// Only messages of these agents; a unique prefix of the name or a word in it is enough
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents_and_tags))]
    pub(crate) agents: Vec<String>,
    /// List also what somebody has read, and what was for another agent
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Wait until there is something to read or to answer; with a TIME such as 90s or 5m, at most that long
    ///
    /// After TIME the exit status is 124.
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_parser = limit
    )]
    pub(crate) wait: Option<Limit>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show messages in full, and mark them as read
    ///
    /// They stay in the history: 'git orchestra inbox --all' lists them.
    Read {
        /// The messages, by the first digits of their ids
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<String>,
        /// Read all messages that nobody has read
        #[arg(short, long, conflicts_with = "ids")]
        all: bool,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Reply to a message, which marks it as read
    ///
    /// The agent gets the reply as its next instruction, as with 'git orchestra send'. One that has ended is
    /// resumed with 'git orchestra resume AGENT -m TEXT' instead.
    Reply {
        /// The message, by the first digits of its id
        #[arg(value_name = "ID")]
        id: String,
        /// The reply
        #[arg(value_name = "TEXT")]
        text: String,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Tell people, or the agent that started this one, something; for programs of agents
    ///
    /// Only the program of a running agent can do this: its supervisor gave it a mark, which proves who
    /// it is. An attempt may write 200 messages, and 60 may be unread. A program that asks before it runs
    /// commands needs the rule 'Bash(git orchestra inbox tell *)' (--allow of 'git orchestra spawn').
    Tell {
        /// The message, at most 16 KiB
        #[arg(value_name = "TEXT")]
        text: String,
        /// What it is about: question, error, complete or note
        #[arg(short, long, value_name = "KIND", default_value = "note", value_parser = kind(), hide_possible_values = true)]
        kind: MessageKind,
        /// Who it is for: people or parent (default: the agent that started this one, if it reads messages now)
        #[arg(long, value_name = "WHO", value_parser = receiver(), hide_possible_values = true)]
        to: Option<Receiver>,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the messages that came for this agent since the last call; for programs of agents
    ///
    /// For a program that is given no messages while it runs, such as a script, and for a designer. It is also the
    /// command in the variable ORCHESTRA_INBOX: 'sh -c "$ORCHESTRA_INBOX"'. Each message is printed once, with who sent
    /// it, and each line of its text begins with '| '. Without a message the exit status is 1. Once a program has
    /// asked, 'git orchestra send' accepts messages for it, and agents that it started report to it.
    Hear {
        /// Answer as a hook of this program, which passes its moment on standard input
        #[arg(long, value_name = "PROGRAM", hide = true)]
        hook: Option<String>,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// The time limit of `--wait`; `None` waits without a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) Option<Duration>);

fn limit(text: &str) -> Result<Limit, String> {
    if text.is_empty() { Ok(Limit(None)) } else { settings::time(text).map(|limit| Limit(Some(limit))) }
}

fn kind() -> impl TypedValueParser<Value = MessageKind> {
    PossibleValuesParser::new(MessageKind::WRITTEN.map(MessageKind::as_str))
        .try_map(|word| MessageKind::written(&word).ok_or("no such kind"))
}

fn receiver() -> impl TypedValueParser<Value = Receiver> {
    PossibleValuesParser::new(Receiver::WRITTEN.map(Receiver::as_str))
        .try_map(|word| Receiver::written(&word).ok_or("no such receiver"))
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra inbox", "List what nobody has read, and who waits for an answer"),
        ("git orchestra inbox --wait && notify-send 'an agent asks'", "Wait for the next message"),
        ("git orchestra inbox read 4f1c", "Show a message in full, and mark it as read"),
        ("git orchestra inbox reply 4f1c 'use the second one'", "Reply to the agent that wrote it"),
        (
            "git orchestra inbox tell --kind question 'which of the two parsers?'",
            "Ask, from the program of an agent",
        ),
        ("git orchestra inbox hear || sleep 5", "Look for messages, from a script that is an agent"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-send", "git-orchestra-status", "git-orchestra-spawn"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request { agents: self.agents.clone(), all: self.all }
    }
}
