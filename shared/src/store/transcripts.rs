//! Stored transcripts: each is the tree of a commit, whose parent is the version before it, so that storing a transcript again
//! loses nothing.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{
        Oid, Repo,
        objects::{Commit, TreeEntry, TreeEntryKind},
        refs::RefEdit,
    },
    store::layout,
};

/// The file with the metadata of a session.
const METADATA: &str = "about.json";
/// The transcript, byte for byte.
const TRANSCRIPT: &str = "transcript.jsonl";
/// The directory with the files of its subagents.
const SUBAGENTS: &str = "subagents";

/// The metadata of a stored session, from which it can be listed without reading its transcript.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct TranscriptMeta {
    /// The version of the format.
    pub v: u32,
    /// The name of its agent program.
    pub program: String,
    /// The program's own id.
    pub id: String,
    /// Its path below the folder of the program's transcripts.
    pub path: String,
    /// Its size, in bytes.
    pub size: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub written: i64,
    /// The orchestra agent it belongs to.
    #[serde(default)]
    pub agent: Option<String>,
    /// The facts from its lines, as [`crate::conversation::ConversationFacts`] in JSON.
    pub facts: Value,
    /// Its subagents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inner: Vec<SubagentMeta>,
}

/// The metadata of a subagent of a stored session.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SubagentMeta {
    /// Its id within the session.
    pub id: String,
    /// The facts from its lines.
    pub facts: Value,
    /// The name of its file among those of the subagents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The kind of subagent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its task, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Its size, in bytes.
    #[serde(default)]
    pub size: u64,
}

impl SubagentMeta {
    /// Returns whether a file among those of the subagents is its own. Earlier versions did not record the name of the file.
    fn is_in(&self, name: &[u8]) -> bool {
        match &self.file {
            Some(file) => name == file.as_bytes(),
            None => name.strip_suffix(b".jsonl").is_some_and(|stem| stem.ends_with(self.id.as_bytes())),
        }
    }
}

/// One stored session.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTranscript {
    /// The commit that holds the work.
    pub tip: Oid,
    /// Its metadata.
    pub about: TranscriptMeta,
}

/// A file to be stored.
#[derive(Clone, Debug)]
pub struct TranscriptSource {
    /// Its name among the files of the subagents; ignored for the transcript itself.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// Its approximate size, in bytes.
    pub size: u64,
}

/// Stores a session. Returns whether there was anything new to store.
///
/// # Errors
/// A file cannot be read, or an object or the ref cannot be written.
pub fn store(
    repo: &Repo,
    about: &TranscriptMeta,
    transcript: &TranscriptSource,
    inner: &[TranscriptSource],
) -> Result<bool> {
    let name = layout::transcript_ref(&about.id);
    let old = repo.find_ref(&name)?;
    let blob = repo.store_file(&transcript.path, transcript.size)?;
    let folder = inner.iter().map(|one| {
        Ok(TreeEntry::new(one.name.clone(), TreeEntryKind::File, repo.store_file(&one.path, one.size)?))
    });
    let folder = folder.collect::<Result<Vec<TreeEntry>>>()?;
    let folder = if folder.is_empty() { None } else { Some(repo.write_entries(folder)?) };
    if let Some(old) = old {
        let known = |name| entry(repo, old, name).map(|entry| entry.map(|entry| entry.id));
        if known(TRANSCRIPT)? == Some(blob) && known(SUBAGENTS)? == folder {
            return Ok(false);
        }
    }
    let text = serde_json::to_vec(about).context(Kind::Internal, || "cannot write the metadata".into())?;
    let mut entries = vec![
        TreeEntry::new(METADATA, TreeEntryKind::File, repo.write_blob(&text)?),
        TreeEntry::new(TRANSCRIPT, TreeEntryKind::File, blob),
    ];
    entries.extend(folder.map(|folder| TreeEntry::new(SUBAGENTS, TreeEntryKind::Tree, folder)));
    let tree = repo.write_entries(entries)?;
    let message = format!("conversation {} of {}\n", about.id, about.program);
    let parents = old.into_iter().collect();
    let commit = Commit::by(&repo.identity()?, repo.now().as_second(), tree, parents, message);
    let new = repo.write_commit(&commit)?;
    repo.edit_refs(&[RefEdit { name, old, new }], "orchestra: conversation kept")?;
    Ok(true)
}

/// Returns all stored sessions that can be read.
///
/// # Errors
/// The refs cannot be read.
pub fn all(repo: &Repo) -> Result<Vec<StoredTranscript>> {
    let refs = repo.refs_below(layout::TRANSCRIPTS)?;
    Ok(refs.into_iter().filter_map(|(_, tip)| read(repo, tip).ok().flatten()).collect())
}

/// Returns the stored session with that id, if there is one.
///
/// # Errors
/// It cannot be read.
pub fn find(repo: &Repo, id: &str) -> Result<Option<StoredTranscript>> {
    match repo.find_ref(&layout::transcript_ref(id))? {
        Some(tip) => read(repo, tip),
        None => Ok(None),
    }
}

/// Returns the stored session that a commit holds, if it holds one.
///
/// # Errors
/// The commit or its metadata cannot be read.
pub fn read(repo: &Repo, tip: Oid) -> Result<Option<StoredTranscript>> {
    let Some(bytes) = repo.read_blob_of(tip, METADATA)? else { return Ok(None) };
    let about: TranscriptMeta = serde_json::from_slice(&bytes)
        .context(Code::StateDamaged, || format!("commit {} does not hold a session", tip.short()))?;
    Ok(Some(StoredTranscript { tip, about }))
}

/// Returns the blob with the transcript of a stored session.
///
/// # Errors
/// The tree cannot be read, or holds no transcript.
pub fn transcript(repo: &Repo, kept: &StoredTranscript) -> Result<Oid> {
    let found = entry(repo, kept.tip, TRANSCRIPT)?;
    found.map(|entry| entry.id).ok_or_else(|| {
        Error::new(Code::StateDamaged, format!("commit {} does not hold a transcript", kept.tip))
    })
}

/// Returns the files of the subagents of a stored session.
///
/// # Errors
/// A tree cannot be read.
pub fn subagent_files(repo: &Repo, kept: &StoredTranscript) -> Result<Vec<TreeEntry>> {
    match entry(repo, kept.tip, SUBAGENTS)? {
        Some(folder) => repo.entries_of(folder.id),
        None => Ok(Vec::new()),
    }
}

/// Returns the blob with the transcript of one subagent.
///
/// # Errors
/// It is not stored, or a tree cannot be read.
pub fn subagent_transcript(repo: &Repo, kept: &StoredTranscript, id: &str) -> Result<Oid> {
    let about = kept.about.inner.iter().find(|one| one.id == id);
    let entries = subagent_files(repo, kept)?;
    let found = about.and_then(|about| entries.iter().find(|entry| about.is_in(&entry.name)));
    found.map(|entry| entry.id).ok_or_else(|| {
        Error::new(Code::TranscriptMissing, format!("the transcript of subagent '{id}' is not stored"))
    })
}

/// Deletes a stored session with all its versions. Returns whether there was one.
///
/// # Errors
/// The ref was changed by another program (4), or cannot be deleted.
pub fn delete(repo: &Repo, id: &str) -> Result<bool> {
    let name = layout::transcript_ref(id);
    match repo.find_ref(&name)? {
        Some(tip) => {
            repo.delete_refs(&[(name, tip)])?;
            Ok(true)
        }
        None => Ok(false),
    }
}

fn entry(repo: &Repo, commit: Oid, name: &str) -> Result<Option<TreeEntry>> {
    let entries = repo.entries_of(repo.tree_of(commit)?)?;
    Ok(entries.into_iter().find(|entry| entry.name == name.as_bytes()))
}
