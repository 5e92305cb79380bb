//! The command line of `mcp`.

use clap::{
    Parser, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use orchestra::ops::mcp::{Request, WriteClass};
use orchestra_terminal::pages::Page;

/// Let your own agent program watch, start and direct agents, by the Model Context Protocol
///
/// Your agent program starts this command and talks to it over standard input and output; it ends with
/// that program, and the agents keep running. Without --write it only reads: agents, their output, their
/// changes and their messages. --print shows how to register it, and writes nothing.
///
/// Landing work, reviews, permissions, money and the configuration are for people: no tool does anything
/// about them. No task from a tool is given to a program that would run it as a script, such as sh. If the
/// program that starts this command is itself an agent's, it directs only agents that it started, and
/// starts none that may do more than it.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-mcp", version)]
pub(crate) struct Cli {
    /// What the program may do besides reading: spawn, send, control; several are separated by commas
    ///
    /// spawn: start agents, which costs money. send: send messages to agents. control: pause, resume and
    /// stop them.
    #[arg(
        long,
        value_name = "CLASSES",
        value_delimiter = ',',
        require_equals = true,
        num_args = 1..,
        value_parser = class(),
        hide_possible_values = true
    )]
    pub(crate) write: Vec<WriteClass>,
    /// Show how to register it in a program: claude, codex, gemini or opencode
    #[arg(long, value_name = "PROGRAM", value_enum, hide_possible_values = true)]
    pub(crate) print: Option<Client>,
}

/// An agent program whose registration is known.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Client {
    Claude,
    Codex,
    Gemini,
    Opencode,
}

fn class() -> impl TypedValueParser<Value = WriteClass> {
    PossibleValuesParser::new(WriteClass::ALL.map(WriteClass::as_str))
        .try_map(|word| WriteClass::parse(&word).ok_or("no such class"))
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra mcp --write=spawn,send --print claude", "Show how to register it in Claude Code"),
        ("claude mcp add orchestra -- git orchestra mcp", "Register it in Claude Code, to read only"),
        (
            "codex mcp add orchestra -- git orchestra mcp --write=spawn",
            "Register it in Codex, which may start agents",
        ),
    ],
    sections: &[(
        "PROGRAMS",
        &[
            "What was seen with these versions: Claude Code 2.1.329, Codex 0.169.0, Gemini CLI 0.61.0, opencode 1.18.33. \
             Each registers the server as --print shows, lists its tools and calls them, waits 90 seconds in two \
             calls of agents_wait, reads a long answer page by page, and calls tools again in a conversation that \
             it resumes.",
            "One call waits 45 seconds at most, because some programs cut a call off after 60, and one answer has at \
             most 10,000 bytes, because Codex passes only 12 kB on to the model: a cursor continues both. Every five \
             seconds the server says that a call still runs, which opencode needs. If a program cancels a call, or \
             ends, the agents keep running.",
            "Claude Code names a tool mcp__orchestra__agents_wait, Gemini CLI mcp_orchestra_agents_wait, opencode \
             orchestra_agents_wait, and Codex agents_wait in the namespace mcp__orchestra.",
            "What a program changes through the tools is recorded with 'via: mcp'.",
        ],
    )],
    configuration: false,
    see_also: &["git-orchestra-inbox", "git-orchestra-spawn", "git-orchestra-status"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request { write: self.write.clone() }
    }
}
