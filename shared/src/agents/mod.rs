//! The agent programs: one folder each, behind one trait.
//!
//! | file | holds |
//! |---|---|
//! | [`program`](AgentProgram) | what is asked of a program |
//! | [`registry`](program()) | looking a program up by its name |
//! | [`configured`](launch()) | the program behind a name, the user's own commands included |
//! | [`protocol`](Protocol), [`event`](StreamEvent), [`summary`](StreamSummary) | its stream, in words that all programs share |
//! | [`limit`] | usage limits, and when they end |
//! | `claude`, `codex`, `gemini`, `opencode`, `sh` | all that is known of that program, and nowhere else |
//! | `custom` | a command of the user's own |
//!
//! A new program is a folder here with an [`AgentProgram`] in its `mod.rs`, and a line in `PROGRAMS`; the compiler asks for the
//! rest. One that can be started has a [`Launcher`] and, where its output is structured, a [`ProtocolKind`] with an [`Exchange`].
//! One whose sessions can be read has a [`SessionReader`](crate::conversation::SessionReader).
//!
//! Commands come only from this program or from the user's own git config.

mod claude;
mod codex;
mod configured;
mod custom;
mod event;
mod gemini;
mod input;
mod launch;
pub mod limit;
mod opencode;
mod options;
mod program;
mod protocol;
mod registry;
mod sh;
mod summary;

pub use configured::{check_prose, launch, protocol_of, ready};
pub use event::{FailureKind, Question, QuestionKind, StreamEvent, Turn, TurnFailure};
pub use input::{Reads, Words};
pub use launch::{Launch, Session, Stdin};
pub use options::Options;
pub use program::{AgentProgram, Launcher, SessionFiles};
pub use protocol::{Answer, Exchange, Protocol, ProtocolKind};
pub use registry::{
    manual_resume_command, missing_session_folders, program, session_files, session_reader, session_readers,
    usage_limit_in_output,
};
pub use summary::{ApiError, StreamSummary, relative_to};

/// Every agent program that is known, in the order in which they are listed.
static PROGRAMS: &[&dyn AgentProgram] =
    &[&claude::Claude, &codex::Codex, &gemini::Gemini, &opencode::Opencode, &sh::Sh];
