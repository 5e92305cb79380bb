//! Merges the notes of two clones: for every commit, the lines of both. The result depends only on those lines, so all clones end
//! with the same object.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    Code, Error, Result,
    git::{
        Oid, Repo,
        objects::{Commit, TreeEntry, TreeEntryKind},
    },
    model::canonical,
};

/// The maximum number of commits with notes.
const MAX_COMMITS: usize = 200_000;
/// The maximum size of a note, in bytes.
const MAX_NOTE: u64 = 4 * 1024 * 1024;
/// The maximum total size of remote notes that differ from local ones, in bytes.
const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// The number of trees that are read however few notes they contain. Git makes folders only for many notes, so many folders with
/// few notes are an attempt to exhaust the reader.
const SPARE_TREES: usize = 1_024;
/// The number of notes up to which they are stored in one tree, without folders.
const MAX_FLAT: usize = 256;

/// Why notes could not be merged.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotesError {
    /// The remote notes are not notes, or exceed a limit. This stays so as long as they are the same.
    #[error("{0}")]
    Unusable(String),
    /// They could not be read or written; another attempt may succeed.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<NotesError> for Error {
    fn from(error: NotesError) -> Self {
        match error {
            NotesError::Unusable(why) => Self::new(Code::NotesUnusable, why),
            NotesError::Failed(error) => error,
        }
    }
}

/// The blob of the note of each commit.
pub(super) type Notes = BTreeMap<Oid, Oid>;

/// Merges local and remote notes. Remote lines that are not canonical JSON are dropped, because git prints notes unescaped.
///
/// # Errors
/// Notes cannot be read, or an object cannot be written.
pub(super) fn merge(repo: &Repo, ours: Option<Oid>, theirs: Oid) -> Result<Oid, NotesError> {
    let local = ours.map(|ours| read(repo, ours)).transpose()?.unwrap_or_default();
    let remote = read(repo, theirs)?;
    let follows = |new: Oid, old: Option<Oid>| old.map_or(Ok(true), |old| repo.contains(new, old));
    let (after, before) =
        (follows(theirs, ours)?, ours.map_or(Ok(false), |ours| repo.contains(ours, theirs))?);
    if before {
        return Ok(ours.unwrap_or(theirs));
    }
    let mut all = if after { Notes::new() } else { local.clone() };
    let mut bytes = 0;
    for (commit, note) in &remote {
        let known = local.get(commit);
        let kept = if known == Some(note) {
            Some(*note)
        } else {
            bytes += repo.blob_size(*note).unwrap_or(0).min(MAX_NOTE);
            if bytes > MAX_BYTES {
                return Err(NotesError::Unusable(format!("its notes are larger than {MAX_BYTES} bytes")));
            }
            merge_note(repo, known.copied().filter(|_| !after), *note)?
        };
        all.extend(kept.map(|kept| (*commit, kept)));
    }
    match ours {
        Some(ours) if all == local && all == remote => Ok(ours.min(theirs)),
        Some(ours) if all == local => Ok(ours),
        _ if all == remote => Ok(theirs),
        _ => Ok(write(repo, &all, ours, theirs)?),
    }
}

/// Applies `by` to the text of every note. Returns the same commit if nothing changes.
///
/// # Errors
/// The notes cannot be read or written.
pub fn rewrite(repo: &Repo, tip: Oid, by: &dyn Fn(&str) -> String) -> Result<Oid> {
    let mut notes = read(repo, tip)?;
    let before = notes.clone();
    for note in notes.values_mut() {
        let text = String::from_utf8_lossy(&repo.read_blob(*note)?).into_owned();
        let changed = by(&text);
        if changed != text {
            *note = repo.write_blob(changed.as_bytes())?;
        }
    }
    if notes == before { Ok(tip) } else { write(repo, &notes, None, tip) }
}

/// Reads the notes of a commit.
pub(super) fn read(repo: &Repo, tip: Oid) -> Result<Notes, NotesError> {
    let mut notes = Notes::new();
    let mut trees = 0;
    let mut open = vec![(String::new(), repo.tree_of(tip)?)];
    while let Some((prefix, tree)) = open.pop() {
        trees += 1;
        if trees > SPARE_TREES + 2 * notes.len() {
            let why = "it has many folders with few notes";
            return Err(NotesError::Unusable(why.to_owned()));
        }
        for entry in repo.entries_of(tree)? {
            let name = format!("{prefix}{}", String::from_utf8_lossy(&entry.name));
            match entry.kind {
                TreeEntryKind::Tree if name.len() < 40 && is_fan_out(&entry.name) => {
                    open.push((name, entry.id));
                }
                TreeEntryKind::File => notes.extend(Oid::parse(&name).map(|commit| (commit, entry.id))),
                _ => {}
            }
        }
        if notes.len() > MAX_COMMITS || open.len() > MAX_COMMITS {
            return Err(NotesError::Unusable(format!("more than {MAX_COMMITS} commits have notes")));
        }
    }
    Ok(notes)
}

/// Returns whether a folder is one of those that git makes: two hexadecimal digits of the id.
fn is_fan_out(name: &[u8]) -> bool {
    name.len() == 2 && name.iter().all(u8::is_ascii_hexdigit)
}

/// Merges two notes on the same commit. Returns `None` if no line is left.
fn merge_note(repo: &Repo, ours: Option<Oid>, theirs: Oid) -> Result<Option<Oid>> {
    if repo.blob_size(theirs).is_none_or(|size| size > MAX_NOTE) {
        return Ok(ours);
    }
    let remote = repo.read_blob(theirs)?;
    let local = ours.map(|ours| repo.read_blob(ours)).transpose()?.unwrap_or_default();
    let text = union(&String::from_utf8_lossy(&local), &String::from_utf8_lossy(&remote));
    if text.as_bytes() == remote.as_slice() {
        return Ok(Some(theirs));
    }
    if text.is_empty() { Ok(ours) } else { repo.write_blob(text.as_bytes()).map(Some) }
}

/// Returns the lines of both texts, sorted. Of the results of one agent, only that of the highest attempt is kept.
fn union(ours: &str, theirs: &str) -> String {
    let lines: Vec<&str> =
        ours.lines().chain(theirs.lines().filter(|line| canonical::read(line).is_some())).collect();
    if theirs.lines().eq(lines.iter().copied()) {
        return theirs.to_owned();
    }
    let mut results: BTreeMap<String, (u64, &str)> = BTreeMap::new();
    let mut all: BTreeSet<&str> = BTreeSet::new();
    for line in lines {
        match result_of(line) {
            Some((agent, attempt)) => {
                let known = results.entry(agent).or_insert((attempt, line));
                *known = (*known).max((attempt, line));
            }
            None => drop(all.insert(line)),
        }
    }
    all.extend(results.values().map(|(_, line)| *line));
    all.iter().map(|line| format!("{line}\n")).collect()
}

fn result_of(line: &str) -> Option<(String, u64)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let is_result = value.get("t")?.as_str()? == "result";
    is_result.then_some((value.get("agent")?.as_str()?.to_owned(), value.get("attempt")?.as_u64()?))
}

/// Writes notes as a commit without parents. Its identity is that of the tip with the smaller id, its date the later one.
fn write(repo: &Repo, notes: &Notes, ours: Option<Oid>, theirs: Oid) -> Result<Oid> {
    let (first, second) = (theirs.min(ours.unwrap_or(theirs)), theirs.max(ours.unwrap_or(theirs)));
    let (first, second) = (repo.read_commit(first)?, repo.read_commit(second)?);
    repo.write_commit(&Commit {
        tree: write_tree(repo, notes)?,
        parents: Vec::new(),
        name: first.name,
        email: first.email,
        seconds: first.seconds.max(second.seconds),
        message: "notes of several clones\n".to_owned(),
    })
}

/// Writes the tree with notes.
pub(super) fn write_tree(repo: &Repo, notes: &Notes) -> Result<Oid> {
    let file = |name: String, note: Oid| TreeEntry::new(name, TreeEntryKind::File, note);
    if notes.len() <= MAX_FLAT {
        return repo
            .write_entries(notes.iter().map(|(commit, note)| file(commit.to_string(), *note)).collect());
    }
    let mut folders: BTreeMap<String, Vec<TreeEntry>> = BTreeMap::new();
    for (commit, note) in notes {
        let mut name = commit.to_string();
        let rest = name.split_off(2);
        folders.entry(name).or_default().push(file(rest, *note));
    }
    let mut entries = Vec::with_capacity(folders.len());
    for (name, files) in folders {
        entries.push(TreeEntry::new(name, TreeEntryKind::Tree, repo.write_entries(files)?));
    }
    repo.write_entries(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn union_keeps_all_lines_and_the_newest_results() {
        let result = |attempt, phase| {
            format!("{{\"agent\":\"a\",\"attempt\":{attempt},\"phase\":\"{phase}\",\"t\":\"result\"}}")
        };
        let landed = "{\"into\":\"main\",\"t\":\"landed\"}";
        let (old, new) = (result(1, "failed"), result(2, "done"));
        let both = union(&format!("{old}\n"), &format!("{new}\n{landed}\n"));
        assert_eq!(both, format!("{new}\n{landed}\n"));
        assert_eq!(union(&both, &format!("{old}\n")), both);
        // Lines that are not canonical JSON, such as terminal escapes, are dropped.
        assert_eq!(union("", "\u{1b}[2J\n{\"a\": 1}\n{\"t\":\"x\"}\n"), "{\"t\":\"x\"}\n");
    }
}
