//! The sessions of coding agents, as their programs store them: found, read in bounded memory, and indexed.
//!
//! Every agent program has its own [`SessionReader`], in its folder below `agents`, which knows where its transcripts are and what
//! their lines mean. Everything that is the same for all programs is here: the facts of a session are folded from its lines
//! ([`ConversationFacts`]); a list reads the beginning and the end of a file ([`reading`]) and caches what it read ([`Index`]). A
//! program that has no transcript files is run, and its output is copied. Only the index and these copies are ever written.

mod discovery;
pub mod edit;
pub(crate) mod facts;
pub(crate) mod files;
pub(crate) mod folders;
mod index;
mod installed;
mod item;
pub(crate) mod json;
pub mod lines;
pub mod open;
mod reader;
pub mod reading;
pub(crate) mod scan;
pub mod session_lock;
mod transcript;
mod transcript_file;
mod transcript_reading;

pub use discovery::{Discovery, FolderEntry, ReadFailure};
pub(crate) use facts::MAX_PROMPT;
pub use facts::{ConversationFacts, DayUsage, day_of, model_of};
pub use index::{Index, IndexEntry, IndexRecord};
pub use installed::Installed;
pub use item::{ItemKind, TranscriptItem};
pub use reader::{Activity, SessionImport, SessionReader, Storage, SubagentFiles};
pub use transcript::Transcript;
pub use transcript_file::{ConversationFile, RunningSession, Subagent, is_id};
pub use transcript_reading::TranscriptReading;
