//! What a person noted about the work of an agent before the verdict: remarks, a text, and the files that were read. It is one private
//! file of this clone for each agent, which is never sent, so that a window that ends loses nothing. The verdict removes what it says.

use std::{collections::BTreeMap, fs, io, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Kind, Result,
    error::ErrorContext as _,
    git::{Oid, Repo, careful},
    lock::Lock,
    model::{AgentId, verdict::Comment},
    ops::named,
    private_files,
    store::{self, Listing, layout},
};

/// How long a window waits for another one that changes a draft.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
/// What follows the id of the agent in the name of a draft.
const SUFFIX: &str = ".json";

/// What was noted.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Draft {
    /// The head of the work that was looked at.
    #[serde(default)]
    head: Option<String>,
    /// Remarks on lines of that head.
    #[serde(default)]
    pub remarks: Vec<Comment>,
    /// The files that were read.
    #[serde(default)]
    pub read: Vec<ReadFile>,
    /// What is to be said of the whole work.
    #[serde(default)]
    pub text: Option<String>,
}

/// A file that was read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReadFile {
    /// Its path.
    pub file: String,
    /// Whether only what changed since the last review was read.
    #[serde(default)]
    pub since_review: bool,
    /// The [`fingerprint`] of its lines in the diff: the mark holds as long as they are the same.
    pub lines: String,
}

/// A change of a draft.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Edit {
    /// Remarks on a line, instead of what was remarked on it before. An empty text removes that.
    Remark(Comment),
    /// Replaces all remarks.
    Remarks(Vec<Comment>),
    /// Marks a file as read.
    Read(ReadFile),
    /// Removes the mark of a file.
    Unread {
        /// Its path.
        file: String,
        /// Whether the mark is that of what changed since the last review.
        since_review: bool,
    },
    /// Replaces what is to be said of the whole work.
    Text(Option<String>),
}

impl Draft {
    /// Whether nothing is noted.
    pub fn is_empty(&self) -> bool {
        self.remarks.is_empty() && self.read.is_empty() && self.text.is_none()
    }

    fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Remark(remark) => {
                self.remarks.retain(|other| (&other.file, other.line) != (&remark.file, remark.line));
                self.remarks.extend(Some(remark).filter(|remark| !remark.text.is_empty()));
            }
            Edit::Remarks(remarks) => self.remarks = remarks,
            Edit::Read(read) => {
                self.forget(&read.file, read.since_review);
                self.read.push(read);
            }
            Edit::Unread { file, since_review } => self.forget(&file, since_review),
            Edit::Text(text) => self.text = text,
        }
    }

    fn forget(&mut self, file: &str, since_review: bool) {
        self.read.retain(|one| one.file != file || one.since_review != since_review);
    }

    /// Moves the remarks whose lines the work no longer has into the text: nobody can be sent there, but they are still said.
    fn brought_to(mut self, repo: &Repo, head: Option<Oid>) -> Self {
        let Some(head) = head.filter(|head| self.head.as_ref() != Some(&head.to_string())) else {
            return self;
        };
        let (there, gone): (Vec<_>, Vec<_>) =
            self.remarks.into_iter().partition(|remark| has_line(repo, head, remark));
        self.remarks = there;
        let said = gone.into_iter().map(|remark| format!("{}:{}: {}", remark.file, remark.line, remark.text));
        let said: Vec<String> = self.text.take().into_iter().chain(said).collect();
        self.text = Some(said.join("\n")).filter(|text| !text.is_empty());
        self
    }
}

fn has_line(repo: &Repo, head: Oid, remark: &Comment) -> bool {
    let content = repo.read_blob_of(head, &remark.file).ok().flatten();
    let lines = content.map_or(0, |content| content.split_inclusive(|byte| *byte == b'\n').count());
    remark.line > 0 && remark.line as usize <= lines
}

/// Returns what two versions of the lines of a file have in common only if they are the same.
pub fn fingerprint<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut digest = Sha256::new();
    for line in lines {
        digest.update((line.len() as u64).to_le_bytes());
        digest.update(line);
    }
    faster_hex::hex_string(&digest.finalize())
}

fn folder(repo: &Repo) -> Result<PathBuf> {
    Ok(layout::PrivateDir::new(repo.private_dir()?).drafts())
}

/// Returns the drafts of all agents that are known here. Those of agents that are gone for good are removed.
///
/// # Errors
/// The folder cannot be read.
pub fn all(repo: &Repo) -> Result<BTreeMap<AgentId, Draft>> {
    let folder = folder(repo)?;
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries.context(Kind::External, || format!("cannot read '{}'", folder.display()))?,
    };
    let mut drafts = BTreeMap::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| AgentId::parse(name.strip_suffix(SUFFIX)?).ok());
        let Some(id) = id else { continue };
        if store::agent(repo, &id).is_ok() {
            drafts.insert(id.clone(), read(repo, &id));
        } else if is_gone(repo, &id) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(drafts)
}

/// Whether an agent is neither known nor archived.
fn is_gone(repo: &Repo, id: &AgentId) -> bool {
    let found = Listing::of_name(repo, id).map(|listing| named::find(repo, &listing, id));
    matches!(found, Ok(Err(error)) if error.code == crate::Code::AgentUnknown)
}

/// Returns the draft of an agent, for its work as it is now; an empty one if there is none, or it cannot be read.
pub fn read(repo: &Repo, id: &AgentId) -> Draft {
    stored(repo, id).brought_to(repo, head(repo, id))
}

fn stored(repo: &Repo, id: &AgentId) -> Draft {
    let bytes = folder(repo).ok().and_then(|folder| careful::read(folder.join(name(id))).ok());
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn head(repo: &Repo, id: &AgentId) -> Option<Oid> {
    store::agent(repo, id).ok()?.head_commit()
}

fn name(id: &AgentId) -> String {
    format!("{id}{SUFFIX}")
}

/// Changes the draft of an agent.
///
/// # Errors
/// It cannot be written.
pub fn change(repo: &Repo, id: &AgentId, edit: Edit) -> Result<()> {
    changed(repo, id, |draft| draft.apply(edit))
}

/// Removes what a verdict on the work says from the draft, and the marks of the files: the next review is of other work.
///
/// # Errors
/// It cannot be written.
pub(super) fn said(repo: &Repo, id: &AgentId, comments: &[Comment]) -> Result<()> {
    if !folder(repo)?.join(name(id)).exists() {
        return Ok(());
    }
    changed(repo, id, |draft| {
        draft.remarks.retain(|remark| !comments.contains(remark));
        draft.read.clear();
        draft.text = None;
    })
}

fn changed(repo: &Repo, id: &AgentId, change: impl FnOnce(&mut Draft)) -> Result<()> {
    let folder = folder(repo)?;
    let cannot = || format!("cannot keep the draft of the review of '{id}'");
    private_files::create_dir(&folder).context(Kind::External, cannot)?;
    let private = layout::PrivateDir::new(repo.private_dir()?);
    let _lock = Lock::require(&private.drafts_lock(), LOCK_LIMIT)?;
    let mut draft = read(repo, id);
    change(&mut draft);
    draft.head = head(repo, id).map(|head| head.to_string());
    let path = folder.join(name(id));
    let written = if draft.is_empty() {
        fs::remove_file(&path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
    } else {
        serde_json::to_vec(&draft).map_err(io::Error::other).and_then(|text| {
            // Also after a power failure: nobody types a review twice.
            private_files::replace_durably(&path, text)
        })
    };
    written.context(Kind::External, cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(line: u32, text: &str) -> Comment {
        Comment { file: "a".to_owned(), line, text: text.to_owned() }
    }

    #[test]
    fn each_line_has_one_remark_and_each_file_one_mark() {
        let mut draft = Draft::default();
        let read = |lines: &str| ReadFile { file: "a".into(), since_review: false, lines: lines.into() };
        for edit in [
            Edit::Remark(remark(1, "why?")),
            Edit::Remark(remark(2, "no")),
            Edit::Remark(remark(1, "because")),
            Edit::Read(read("one")),
            Edit::Read(read("two")),
        ] {
            draft.apply(edit);
        }
        assert_eq!(draft.remarks, [remark(2, "no"), remark(1, "because")]);
        assert_eq!(draft.read, [read("two")]);
        for edit in [
            Edit::Remark(remark(1, "")),
            Edit::Remark(remark(2, "")),
            Edit::Unread { file: "a".into(), since_review: true },
            Edit::Unread { file: "a".into(), since_review: false },
        ] {
            assert!(!draft.is_empty());
            draft.apply(edit);
        }
        assert!(draft.is_empty());
    }

    #[test]
    fn lines_have_the_same_fingerprint_only_if_they_are_the_same() {
        assert_eq!(fingerprint(["a", "b"]), fingerprint(["a", "b"]));
        for other in [&["ab"][..], &["a", "b", ""], &["b", "a"], &[]] {
            assert_ne!(fingerprint(["a", "b"]), fingerprint(other.iter().copied()), "{other:?}");
        }
    }
}
