//! The conversations of coding agents, as their programs keep them: found, read in bounded memory, remembered.
//!
//! Every agent program has its own [`SessionReader`], in its folder below `agents`: where its transcripts lie and what a line of them
//! means. All else is the same for every program and lies here: what is known of a conversation is folded from its lines
//! ([`ConversationFacts`]); a list reads the beginning and the end of a file ([`reading`]) and remembers what it read ([`Index`]). A program
//! that keeps no files is asked, and what it said is copied. Nothing here writes but the index and the copies.

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
mod transcript_reading;

pub use facts::{ConversationFacts, Share, day_of, model_of};
pub use found::{Discovery, FolderEntry, ReadFailure};
pub use index::{Index, IndexRecord, Known};
pub use installed::Installed;
pub use piece::{ItemKind, TranscriptItem};
pub use place::{ConversationFile, RunningSession, Subagent, is_id};
pub use reader::{Activity, SessionImport, SessionReader, Storage, SubagentFiles};
pub use transcript::Transcript;
pub use transcript_reading::TranscriptReading;
