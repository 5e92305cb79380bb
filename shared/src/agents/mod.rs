//! The agent programs: one folder each, behind one trait.
//!
//! | file | contains |
//! |---|---|
//! | [`program`](AgentProgram) | the traits of a program |
//! | [`registry`](program()) | looking a program up by its name |
//! | [`configured`](launch()) | the program of a profile, custom commands included |
//! | [`protocol`](Protocol), [`event`](StreamEvent), [`summary`](StreamSummary) | its output, in the same form for all programs |
//! | [`limit`] | usage limits, and when they end |
//! | `mcp` | the MCP servers that agents get |
//! | `program_home` | a home folder for one start of a program |
//! | `hooks` | commands that a program runs at moments of a conversation |
//! | [`designer`](designer_launch) | starting a program as a designer, in the terminal of a person |
//! | `fields`, `installed` | reading the fields of JSON; finding an installed program |
//! | [`examination`] | how an installed program is asked for its version and its login |
//! | [`api`] | the agent of git orchestra itself, which calls a model's API |
//! | `aider`, `claude`, `codex`, `gemini`, `opencode`, `sh` | everything that is specific to that program |
//! | `custom`, [`OutputPatterns`] | a custom command, and how its output is read |
//! | `acp` | the Agent Client Protocol, and every program that has no folder of its own and speaks it |
//!
//! A new program is a folder here with an [`AgentProgram`] in its `mod.rs`, and a line in `PROGRAMS`; the compiler asks for the
//! rest. A program that can be started has a [`Launcher`] and, if its output is structured, a [`ProtocolKind`] with an [`Exchange`].
//! A program whose sessions can be read has a [`SessionReader`](crate::conversation::SessionReader).
//!
//! Commands come only from this program or from the user's own git config.

mod acp;
mod aider;
pub mod api;
mod claude;
mod codex;
mod configured;
mod custom;
mod designer;
mod designer_options;
mod event;
pub mod examination;
mod fields;
mod gemini;
mod home;
mod hooks;
mod input;
mod installed;
mod launch;
pub mod limit;
mod mcp;
mod mcp_server;
mod opencode;
mod options;
mod output_patterns;
mod profile;
mod program;
mod program_home;
mod protocol;
mod registry;
mod session;
mod sh;
mod summary;

pub use configured::{
    check_prose, for_review, interactive_argv, launch, program_of, prompt_of, protocol_of, ready, variables,
};
pub use designer::{designer_launch, designers, hook_moment};
pub use designer_options::DesignerOptions;
pub use event::{FailureKind, Question, QuestionKind, StreamEvent, Turn, TurnFailure};
pub use home::HomeFolder;
pub use hooks::{HookForm, HookMoment};
pub use input::{TaskHandling, Words};
pub use launch::{COST, Launch, PrivateFile, Stdin};
pub use mcp::{check_server, configured_servers, with_values};
pub use mcp_server::McpServer;
pub use options::Options;
pub use output_patterns::OutputPatterns;
pub use program::{AgentProgram, Launcher, SessionFiles};
pub use protocol::{Answer, Connection, Exchange, Protocol, ProtocolKind, Reported, Standing};
pub use registry::{
    all, manual_resume_command, missing_session_folders, program, session_files, session_reader,
    session_readers, usage_limit_in_output,
};
pub use session::Session;
pub use sh::NAME as SHELL;
pub use summary::{ApiError, LiveUsage, StreamSummary, relative_to};

/// All known agent programs, in the order in which they are listed.
static PROGRAMS: &[&dyn AgentProgram] = &[
    &claude::Claude,
    &claude::AgentTeams,
    &codex::Codex,
    &gemini::Gemini,
    &opencode::Opencode,
    &aider::Aider,
    &api::Api,
    &sh::Sh,
];

/// The protocol `stream-json`, which the agent of git orchestra uses as well.
const STREAM_JSON: Protocol = claude::STREAM_JSON;
