//! Finding the transcripts of agent programs, and recording what cannot be read.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConversationFile, Installed, files::modified_nanos, transcript_reading::TranscriptReading};
use crate::model::text;

/// Maximum number of failures that are recorded; further ones are dropped.
const MAX_FAILURES: usize = 200;

/// A file or folder that could not be read.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ReadFailure {
    /// The path of the file or folder.
    pub path: PathBuf,
    /// Why it could not be read.
    pub why: String,
}

/// One entry of a folder.
#[derive(Clone, Debug)]
pub struct FolderEntry {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// Whether it is a folder, or a link to a folder in another place.
    pub is_dir: bool,
    /// Its size, in bytes; 0 for a folder.
    pub size: u64,
    /// When it was written, in nanoseconds since 1970.
    pub written: i64,
}

/// The transcripts that were found, and the failures.
#[derive(Debug, Default)]
pub struct Discovery {
    /// The transcripts.
    pub places: Vec<ConversationFile>,
    /// What could not be read.
    pub troubles: Vec<ReadFailure>,
    /// The installed agent programs, some of which must be run to find their sessions.
    pub installed: Installed,
    /// Whether a program may be run; otherwise cached output of it is used.
    pub may_ask: bool,
    /// Titles that a program stores apart from its transcripts, by session id.
    pub titles: HashMap<String, String>,
    /// Transcripts of subagents whose sessions are gone; they are listed instead of those.
    pub orphans: HashSet<PathBuf>,
    /// The subagents in the folder of a session's transcript, by that transcript.
    siblings: HashMap<PathBuf, Vec<FolderEntry>>,
}

impl Discovery {
    /// Makes an empty discovery.
    pub fn new(installed: Installed) -> Self {
        Self { installed, ..Self::default() }
    }

    /// Returns the entries of a folder, at most `most`. A missing folder has none; what cannot be read is recorded as a failure. A
    /// link to a folder is followed unless that folder is found anyway, so that there are no loops.
    pub fn list(&mut self, folder: &Path, most: usize) -> Vec<FolderEntry> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.add_failure(folder, error.to_string());
                return Vec::new();
            }
        };
        let mut all = Vec::new();
        for entry in entries {
            match entry {
                Ok(_) if all.len() >= most => {
                    self.add_failure(folder, format!("more than {most} entries; the rest is skipped"));
                    break;
                }
                Ok(entry) => all.extend(self.entry(folder, &entry)),
                Err(error) => self.add_failure(folder, error.to_string()),
            }
        }
        all
    }

    fn entry(&mut self, folder: &Path, entry: &fs::DirEntry) -> Option<FolderEntry> {
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            self.add_failure(&path, "its name is not UTF-8");
            return None;
        };
        let kind = entry.file_type().ok()?;
        let folder_entry = |name, path| Some(FolderEntry { name, path, is_dir: true, size: 0, written: 0 });
        if kind.is_dir() {
            return folder_entry(name, path);
        }
        let there = if kind.is_symlink() { fs::metadata(&path) } else { entry.metadata() };
        match there {
            Ok(there) if there.is_file() => Some(FolderEntry {
                name,
                path,
                is_dir: false,
                size: there.len(),
                written: modified_nanos(&there),
            }),
            Ok(there) if there.is_dir() => match must_follow(folder, &path) {
                Ok(true) => folder_entry(name, path),
                Ok(false) => None,
                Err(why) => {
                    self.add_failure(&path, why);
                    None
                }
            },
            Ok(_) => {
                self.add_failure(&path, "it is neither a file nor a folder");
                None
            }
            // It was deleted after the folder was listed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !kind.is_symlink() => None,
            Err(error) => {
                self.add_failure(&path, error.to_string());
                None
            }
        }
    }

    /// Adds the transcript of a session.
    pub fn add(&mut self, program: &'static str, id: &str, entry: &FolderEntry) {
        let FolderEntry { path, size, written, .. } = entry;
        let (path, id) = (path.clone(), id.to_owned());
        self.places.push(ConversationFile { program, id, path, size: *size, written: *written });
    }

    /// Adds the transcript of a subagent whose session is gone.
    pub(crate) fn add_orphan(&mut self, program: &'static str, id: &str, entry: &FolderEntry) {
        self.orphans.insert(entry.path.clone());
        self.add(program, id, entry);
    }

    /// Adds a subagent in the folder of the session's transcript `conversation`.
    pub(crate) fn add_sibling(&mut self, conversation: PathBuf, entry: FolderEntry) {
        self.siblings.entry(conversation).or_default().push(entry);
    }

    /// Returns the subagents in the folder of a session's transcript.
    pub(crate) fn siblings(&self, conversation: &Path) -> &[FolderEntry] {
        self.siblings.get(conversation).map_or(&[], Vec::as_slice)
    }

    /// Adds another discovery.
    pub(crate) fn join(&mut self, more: Self) {
        self.places.extend(more.places);
        self.orphans.extend(more.orphans);
        self.siblings.extend(more.siblings);
        let room = MAX_FAILURES.saturating_sub(self.troubles.len());
        self.troubles.extend(more.troubles.into_iter().take(room));
    }

    /// Records the lines of a transcript that could not be read: lines that are too long, and lines that are not JSON.
    pub fn unread_lines(&mut self, path: &Path, reading: &TranscriptReading) {
        if reading.passed_over > 0 {
            self.add_failure(path, format!("a line of {} bytes is skipped", reading.passed_over));
        }
        if reading.unreadable > 0 {
            self.add_failure(path, format!("{} cannot be read", text::count(reading.unreadable, "line")));
        }
        if reading.is_torn {
            self.add_failure(path, "its last line is cut off");
        }
    }

    /// Records a failure.
    pub fn add_failure(&mut self, path: &Path, why: impl Into<String>) {
        if self.troubles.len() < MAX_FAILURES {
            self.troubles.push(ReadFailure { path: path.to_owned(), why: why.into() });
        }
    }
}

/// Returns whether a link in a folder must be followed: its target is not below the same folder, where it is found anyway.
///
/// # Errors
/// The link cannot be resolved, or leads to a folder above, which would be a loop.
fn must_follow(folder: &Path, link: &Path) -> Result<bool, String> {
    let whole = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
    let (folder, target) = (whole(folder)?, whole(link)?);
    if folder.starts_with(&target) {
        return Err("the link leads to a folder that contains it".to_owned());
    }
    Ok(!target.starts_with(&folder))
}
