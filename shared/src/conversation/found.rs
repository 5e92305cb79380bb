//! What is found of the conversations of programs, and what stood in the way.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConversationFile, Installed, files::written, transcript_reading::TranscriptReading};
use crate::model::text;

/// Troubles that are remembered; more are counted.
const MOST_TROUBLES: usize = 200;

/// What could not be read, and why.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ReadFailure {
    /// The file or folder.
    pub path: PathBuf,
    /// Why it could not be read.
    pub why: String,
}

/// One entry of a folder.
#[derive(Clone, Debug)]
pub struct FolderEntry {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// A folder, or a link to one that lies elsewhere.
    pub is_dir: bool,
    /// Bytes.
    pub size: u64,
    /// When it was written, in nanoseconds since 1970.
    pub written: i64,
}

/// What was found, and what stood in the way.
#[derive(Debug, Default)]
pub struct Discovery {
    /// The conversations.
    pub places: Vec<ConversationFile>,
    /// What could not be read.
    pub troubles: Vec<ReadFailure>,
    /// Where programs are that have to be asked.
    pub installed: Installed,
    /// Whether the next one may be asked; else what is remembered of its answers must do.
    pub may_ask: bool,
    /// Titles that a program keeps apart from its conversations, by their ids.
    pub titles: HashMap<String, String>,
    /// Files of sub-agents whose conversations are gone; they are listed in their place.
    pub orphans: HashSet<PathBuf>,
    /// Sub-agents that lie beside their conversations, by the file of the conversation.
    beside: HashMap<PathBuf, Vec<FolderEntry>>,
}

impl Discovery {
    /// Nothing yet.
    pub fn new(installed: Installed) -> Self {
        Self { installed, ..Self::default() }
    }

    /// The entries of a folder, at most so many. A folder that is not there has none; what cannot be read is a trouble. A link to a
    /// folder is followed unless it leads to what is found anyway, so that no folder leads into itself.
    pub fn list(&mut self, folder: &Path, most: usize) -> Vec<FolderEntry> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.trouble(folder, error.to_string());
                return Vec::new();
            }
        };
        let mut all = Vec::new();
        for entry in entries {
            match entry {
                Ok(_) if all.len() >= most => {
                    self.trouble(folder, format!("more than {most} entries; the rest is passed over"));
                    break;
                }
                Ok(entry) => all.extend(self.entry(folder, &entry)),
                Err(error) => self.trouble(folder, error.to_string()),
            }
        }
        all
    }

    fn entry(&mut self, folder: &Path, entry: &fs::DirEntry) -> Option<FolderEntry> {
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            self.trouble(&path, "its name is not UTF-8");
            return None;
        };
        let kind = entry.file_type().ok()?;
        let folder_entry = |name, path| Some(FolderEntry { name, path, is_dir: true, size: 0, written: 0 });
        if kind.is_dir() {
            return folder_entry(name, path);
        }
        let there = if kind.is_symlink() { fs::metadata(&path) } else { entry.metadata() };
        match there {
            Ok(there) if there.is_file() => {
                Some(FolderEntry { name, path, is_dir: false, size: there.len(), written: written(&there) })
            }
            Ok(there) if there.is_dir() => match leads_elsewhere(folder, &path) {
                Ok(true) => folder_entry(name, path),
                Ok(false) => None,
                Err(why) => {
                    self.trouble(&path, why);
                    None
                }
            },
            Ok(_) => {
                self.trouble(&path, "it is neither a file nor a folder");
                None
            }
            // Gone between two looks.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !kind.is_symlink() => None,
            Err(error) => {
                self.trouble(&path, error.to_string());
                None
            }
        }
    }

    /// Adds a conversation.
    pub fn add(&mut self, program: &'static str, id: &str, entry: &FolderEntry) {
        let FolderEntry { path, size, written, .. } = entry;
        let (path, id) = (path.clone(), id.to_owned());
        self.places.push(ConversationFile { program, id, path, size: *size, written: *written });
    }

    /// Adds a sub-agent whose conversation is gone.
    pub(crate) fn add_orphan(&mut self, program: &'static str, id: &str, entry: &FolderEntry) {
        self.orphans.insert(entry.path.clone());
        self.add(program, id, entry);
    }

    /// Adds a sub-agent that lies in the folder of its conversation, by the file of that.
    pub(crate) fn add_beside(&mut self, conversation: PathBuf, entry: FolderEntry) {
        self.beside.entry(conversation).or_default().push(entry);
    }

    /// The sub-agents that lie beside the file of their conversation.
    pub(crate) fn beside(&self, conversation: &Path) -> &[FolderEntry] {
        self.beside.get(conversation).map_or(&[], Vec::as_slice)
    }

    /// Adds what was found elsewhere.
    pub(crate) fn join(&mut self, more: Self) {
        self.places.extend(more.places);
        self.orphans.extend(more.orphans);
        self.beside.extend(more.beside);
        let room = MOST_TROUBLES.saturating_sub(self.troubles.len());
        self.troubles.extend(more.troubles.into_iter().take(room));
    }

    /// Adds what of a file that was read could not be: lines too long to be held, and lines that are not JSON.
    pub fn unread_lines(&mut self, path: &Path, reading: &TranscriptReading) {
        if reading.passed_over > 0 {
            self.trouble(path, format!("a line of {} bytes is passed over", reading.passed_over));
        }
        if reading.unreadable > 0 {
            self.trouble(path, format!("{} cannot be read", text::count(reading.unreadable, "line")));
        }
        if reading.is_torn {
            self.trouble(path, "its last line is cut off");
        }
    }

    /// Adds what could not be read.
    pub fn trouble(&mut self, path: &Path, why: impl Into<String>) {
        if self.troubles.len() < MOST_TROUBLES {
            self.troubles.push(ReadFailure { path: path.to_owned(), why: why.into() });
        }
    }
}

/// Whether a link in a folder leads to a folder that is not found without it: what lies in the same folder is, and a folder above
/// would be looked at again without end.
///
/// # Errors
/// Why it is not followed, if somebody should know.
fn leads_elsewhere(folder: &Path, link: &Path) -> Result<bool, String> {
    let whole = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
    let (folder, target) = (whole(folder)?, whole(link)?);
    if folder.starts_with(&target) {
        return Err("the link leads to a folder in which it lies".to_owned());
    }
    Ok(!target.starts_with(&folder))
}
