//! The agent programs: one folder each, behind one trait.
//!
//! | file | holds |
//! |---|---|
//! | [`program`](AgentProgram) | what is asked of a program |
//! | [`registry`](program()) | every program; a new one is a folder here and a line there |
//! | [`configured`](launch()) | the program behind a name, the user's own commands included |
//! | [`protocol`](Protocol), [`event`](StreamEvent), [`summary`](StreamSummary) | its stream, in words that all programs share |
//! | [`limit`] | usage limits, and when they end |
//! | `claude`, `codex`, `gemini`, `opencode`, `sh` | all that is known of that program, and nowhere else |
//! | `custom` | a command of the user's own |
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

pub use configured::{launch, protocol_of, ready};
pub use event::{FailureKind, Question, QuestionKind, StreamEvent, Turn, TurnFailure};
pub use input::{Reads, Words, check_prose};
pub use launch::{Launch, Session, Stdin};
pub use options::Options;
pub use program::{AgentProgram, Launcher, SessionFiles};
pub use protocol::{Answer, Exchange, Protocol, ProtocolKind};
pub use registry::{
    manual_resume_command, missing_session_folders, program, session_files, session_reader, session_readers,
    usage_limit_in_output,
};
pub use summary::{ApiError, StreamSummary, relative_to};
