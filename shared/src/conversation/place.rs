//! Where conversations lie, and which of them their programs say they are in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::files::written;

/// Longest id of a conversation.
const LONGEST_ID: usize = 100;

/// Where a conversation lies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConversationFile {
    /// The name of its program.
    pub program: &'static str,
    /// The program's own id.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// Its size, in bytes.
    pub size: u64,
    /// When it was written, in nanoseconds since 1970.
    pub written: i64,
}

impl ConversationFile {
    /// A conversation whose file is known.
    ///
    /// # Errors
    /// It is not there.
    pub fn at(program: &'static str, id: &str, path: &Path) -> std::io::Result<Self> {
        let there = fs::metadata(path)?;
        let (id, path, size) = (id.to_owned(), path.to_owned(), there.len());
        Ok(Self { program, id, path, size, written: written(&there) })
    }
}

/// A conversation that another one started.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Subagent {
    /// The program's own id.
    pub id: String,
    /// Which kind of sub-agent.
    pub kind: Option<String>,
    /// What it was for, in a few words.
    pub about: Option<String>,
    /// The file.
    pub path: PathBuf,
    /// Its size, in bytes.
    pub size: u64,
    /// When it was written, in nanoseconds since 1970.
    pub written: i64,
}

impl Subagent {
    /// Where it lies, as a conversation of this program.
    pub fn place(&self, program: &'static str) -> ConversationFile {
        let Self { id, path, size, written, .. } = self;
        ConversationFile { program, id: id.clone(), path: path.clone(), size: *size, written: *written }
    }
}

/// A conversation that its program says it is in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunningSession {
    /// The conversation.
    pub id: String,
    /// The process.
    pub pid: i32,
    /// When it started, in clock ticks since boot; without it, it cannot be told from a later one.
    pub start: Option<u64>,
}

/// Whether a text can be the id of a conversation: it becomes part of a path and of a ref.
pub fn is_id(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= LONGEST_ID && !text.starts_with('-') && text.bytes().all(word)
}
