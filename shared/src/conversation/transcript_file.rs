//! The transcript files of sessions and subagents, and the sessions that are running.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::files::modified_nanos;

/// Maximum length of a session's id, in bytes.
const LONGEST_ID: usize = 100;

/// The transcript file of a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConversationFile {
    /// The name of its agent program.
    pub program: &'static str,
    /// The program's own id of the session.
    pub id: String,
    /// The path of the file.
    pub path: PathBuf,
    /// Its size, in bytes.
    pub size: u64,
    /// Its modification time, in nanoseconds since 1970.
    pub written: i64,
}

impl ConversationFile {
    /// Describes a transcript file by its path.
    ///
    /// # Errors
    /// The file does not exist, or cannot be inspected.
    pub fn at(program: &'static str, id: &str, path: &Path) -> std::io::Result<Self> {
        let there = fs::metadata(path)?;
        let (id, path, size) = (id.to_owned(), path.to_owned(), there.len());
        Ok(Self { program, id, path, size, written: modified_nanos(&there) })
    }
}

/// A subagent, which a session started.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Subagent {
    /// The program's own id of the subagent.
    pub id: String,
    /// The kind of subagent.
    pub kind: Option<String>,
    /// Its task, in a few words.
    pub about: Option<String>,
    /// The path of its transcript.
    pub path: PathBuf,
    /// The size of its transcript, in bytes.
    pub size: u64,
    /// The modification time of its transcript, in nanoseconds since 1970.
    pub written: i64,
}

impl Subagent {
    /// Returns its transcript file, as one of a session of `program`.
    pub fn place(&self, program: &'static str) -> ConversationFile {
        let Self { id, path, size, written, .. } = self;
        ConversationFile { program, id: id.clone(), path: path.clone(), size: *size, written: *written }
    }
}

/// A session that its program reports as running.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunningSession {
    /// The id of the session.
    pub id: String,
    /// The id of the process.
    pub pid: i32,
    /// When the process started, in clock ticks since boot; without it, a later process with the same id cannot be distinguished.
    pub start: Option<u64>,
}

/// Returns whether a text can be the id of a session, which becomes part of a path and of a ref.
pub fn is_id(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= LONGEST_ID && !text.starts_with('-') && text.bytes().all(word)
}
