//! The sessions of coding agents, as their programs store them: found, read in bounded memory, and indexed.
//!
//! Every agent program has its own [`SessionReader`], in its folder below `agents`, which knows where its transcripts are and what
//! their lines mean. Everything that is the same for all programs is here: the facts of a session are folded from its lines
//! ([`ConversationFacts`]); a list reads the beginning and the end of a file ([`reading`]) and caches what it read ([`Index`]). A
//! program that has no transcript files is run, and its output is copied. Only the index and these copies are ever written.

pub mod edit;
pub(crate) mod facts;
pub(crate) mod files;
pub(crate) mod folders;
mod found;
mod index;
mod installed;
pub(crate) mod json;
pub mod lines;
pub mod open;
mod piece;
mod place;
mod reader;
pub mod reading;
pub mod session_lock;
mod transcript;

pub use facts::{ConversationFacts, Share, day_of, model_of};
pub use found::{Discovery, FolderEntry, ReadFailure};
pub use index::{Index, IndexRecord, Known};
pub use installed::Installed;
pub use piece::{ItemKind, TranscriptItem};
pub use place::{ConversationFile, RunningSession, Subagent, is_id};
pub use reader::{Activity, SessionImport, SessionReader, Storage, SubagentFiles};
pub use transcript::Transcript;
