//! Conversations that are kept: each the tree of a commit, the newest on the ones before, so that none is lost by keeping it
//! again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Code, Error, Kind, Result,
    error::Context,
    git::{
        Oid, Repo,
        objects::{Commit, TreeEntry, TreeEntryKind},
        refs::RefEdit,
    },
    store::layout,
};

/// The file with what is known of a conversation.
const ABOUT: &str = "about.json";
/// The transcript, byte for byte.
const TRANSCRIPT: &str = "transcript.jsonl";
/// The files of what it started.
const INNER: &str = "subagents";

/// What is known of a kept conversation without reading it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct TranscriptMeta {
    /// The format.
    pub v: u32,
    /// The name of its program.
    pub program: String,
    /// The program's own id.
    pub id: String,
    /// Where it lay below the folder of the program's transcripts.
    pub path: String,
    /// Its size, in bytes.
    pub size: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub written: i64,
    /// The orchestra agent it belongs to.
    #[serde(default)]
    pub agent: Option<String>,
    /// What else its lines say.
    pub facts: Value,
    /// What it started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inner: Vec<SubagentMeta>,
}

/// What is known of a sub-agent of a kept conversation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SubagentMeta {
    /// Its id within the conversation.
    pub id: String,
    /// What its lines say.
    pub facts: Value,
    /// The name of its file among those of the sub-agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Which kind of sub-agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Its size, in bytes.
    #[serde(default)]
    pub size: u64,
}

impl SubagentMeta {
    /// Whether a file among those of the sub-agents is its own. Earlier versions did not note which is.
    fn is_in(&self, name: &[u8]) -> bool {
        match &self.file {
            Some(file) => name == file.as_bytes(),
            None => name.strip_suffix(b".jsonl").is_some_and(|stem| stem.ends_with(self.id.as_bytes())),
        }
    }
}

/// One kept conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTranscript {
    /// Where it stands.
    pub tip: Oid,
    /// What is known of it.
    pub about: TranscriptMeta,
}

/// A file to be kept.
#[derive(Clone, Debug)]
pub struct TranscriptSource {
    /// Its name, for one that the conversation started.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// About how long it is, in bytes.
    pub size: u64,
}

/// Keeps a conversation; `true`: there was something new to keep.
///
/// # Errors
/// A file cannot be read, or nothing can be written.
pub fn keep(
    repo: &Repo,
    about: &TranscriptMeta,
    transcript: &TranscriptSource,
    inner: &[TranscriptSource],
) -> Result<bool> {
    let name = layout::transcript_ref(&about.id);
    let old = repo.find_ref(&name)?;
    let blob = repo.keep_file(&transcript.path, transcript.size)?;
    let folder = inner.iter().map(|one| {
        Ok(TreeEntry::new(one.name.clone(), TreeEntryKind::File, repo.keep_file(&one.path, one.size)?))
    });
    let folder = folder.collect::<Result<Vec<TreeEntry>>>()?;
    let folder = if folder.is_empty() { None } else { Some(repo.write_entries(folder)?) };
    if let Some(old) = old {
        let known = |name| entry(repo, old, name).map(|entry| entry.map(|entry| entry.id));
        if known(TRANSCRIPT)? == Some(blob) && known(INNER)? == folder {
            return Ok(false);
        }
    }
    let text = serde_json::to_vec(about).context(Kind::Internal, || "cannot write what is known".into())?;
    let mut entries = vec![
        TreeEntry::new(ABOUT, TreeEntryKind::File, repo.write_blob(&text)?),
        TreeEntry::new(TRANSCRIPT, TreeEntryKind::File, blob),
    ];
    entries.extend(folder.map(|folder| TreeEntry::new(INNER, TreeEntryKind::Tree, folder)));
    let tree = repo.write_entries(entries)?;
    let message = format!("conversation {} of {}\n", about.id, about.program);
    let parents = old.into_iter().collect();
    let commit = Commit::by(&repo.identity()?, repo.now().as_second(), tree, parents, message);
    let new = repo.write_commit(&commit)?;
    repo.edit_refs(&[RefEdit { name, old, new }], "orchestra: conversation kept")?;
    Ok(true)
}

/// All kept conversations; what cannot be read is not among them.
///
/// # Errors
/// The refs cannot be read.
pub fn all(repo: &Repo) -> Result<Vec<StoredTranscript>> {
    let refs = repo.refs_below(layout::TRANSCRIPTS)?;
    Ok(refs.into_iter().filter_map(|(_, tip)| read(repo, tip).ok().flatten()).collect())
}

/// The kept conversation of that id.
///
/// # Errors
/// It cannot be read.
pub fn find(repo: &Repo, id: &str) -> Result<Option<StoredTranscript>> {
    match repo.find_ref(&layout::transcript_ref(id))? {
        Some(tip) => read(repo, tip),
        None => Ok(None),
    }
}

/// The conversation that a commit holds, if it holds one.
///
/// # Errors
/// It cannot be read.
pub fn read(repo: &Repo, tip: Oid) -> Result<Option<StoredTranscript>> {
    let Some(bytes) = repo.read_blob_of(tip, ABOUT)? else { return Ok(None) };
    let about: TranscriptMeta = serde_json::from_slice(&bytes)
        .context(Code::StateDamaged, || format!("commit {} holds no conversation", tip.short()))?;
    Ok(Some(StoredTranscript { tip, about }))
}

/// The transcript itself.
///
/// # Errors
/// It cannot be read.
pub fn transcript(repo: &Repo, kept: &StoredTranscript) -> Result<Oid> {
    let found = entry(repo, kept.tip, TRANSCRIPT)?;
    found
        .map(|entry| entry.id)
        .ok_or_else(|| Error::new(Code::StateDamaged, format!("'{}' holds no transcript", kept.tip)))
}

/// What the conversation started: names and contents.
///
/// # Errors
/// It cannot be read.
pub fn inner(repo: &Repo, kept: &StoredTranscript) -> Result<Vec<TreeEntry>> {
    match entry(repo, kept.tip, INNER)? {
        Some(folder) => repo.entries_of(folder.id),
        None => Ok(Vec::new()),
    }
}

/// The transcript of one sub-agent.
///
/// # Errors
/// It is not kept, or cannot be read.
pub fn transcript_of_inner(repo: &Repo, kept: &StoredTranscript, id: &str) -> Result<Oid> {
    let about = kept.about.inner.iter().find(|one| one.id == id);
    let entries = inner(repo, kept)?;
    let found = about.and_then(|about| entries.iter().find(|entry| about.is_in(&entry.name)));
    found
        .map(|entry| entry.id)
        .ok_or_else(|| Error::new(Code::TranscriptMissing, format!("what sub-agent '{id}' said is not kept")))
}

/// Forgets a kept conversation, and every state of it; `true`: there was one.
///
/// # Errors
/// The ref was changed by another program (4), or cannot be deleted.
pub fn forget(repo: &Repo, id: &str) -> Result<bool> {
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
