//! The conversations of coding agents, as their programs keep them: found, read in bounded memory, remembered.
//!
//! A program is one file behind [`Program`]: where its transcripts lie and what a line of them means. All else is the same
//! for every program: what is known of a conversation is folded from its lines ([`Facts`]); a list reads the beginning and
//! the end of a file ([`reading`]) and remembers what it read ([`Index`]). A program that keeps no files is asked, and what it said
//! is copied. Nothing here writes but the index and the copies.

use std::path::PathBuf;

pub mod claude;
mod codex;
pub mod edit;
mod facts;
mod found;
mod gemini;
pub mod holding;
mod index;
mod installed;
mod json;
pub mod lines;
pub mod open;
mod opencode;
mod piece;
mod program;
pub mod reading;
mod transcript;

pub use facts::{Facts, Share, day_of, model_of};
pub use found::{Entry, Found, Trouble};
pub use index::{Index, Known, Record};
pub use installed::Installed;
pub use piece::{Piece, What};
pub use program::{Inner, Place, Program, Running, is_id};
pub use transcript::Transcript;

/// Every program whose conversations can be read.
pub const PROGRAMS: &[&dyn Program] = &[&claude::Claude, &codex::Codex, &gemini::Gemini, &opencode::Opencode];

/// The program of that name.
pub fn program(name: &str) -> Option<&'static dyn Program> {
    PROGRAMS.iter().copied().find(|program| program.name() == name)
}

/// The folders that environment variables name for programs and that are not there, each with its variable.
pub fn missing_folders() -> Vec<(&'static str, PathBuf)> {
    let named = PROGRAMS.iter().filter_map(|program| program.named_folders());
    let all = named.flat_map(|(variable, folders)| folders.into_iter().map(move |folder| (variable, folder)));
    all.filter(|(_, folder)| !folder.is_dir()).collect()
}
