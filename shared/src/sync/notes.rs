//! Notes of two clones put together: of every commit all that either says. The result depends on what is said alone, so that
//! all clones end with the same object.

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

/// More commits with notes than any repository of ours has.
const MOST: usize = 200_000;
/// Longest note, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;
/// Notes that differ, of both sides together, in bytes.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// Trees that may lead to few notes. Git makes a folder only where there are many notes: one that leads to none, or a few that lead
/// to themselves again and again, are not its work.
const SPARE_TREES: usize = 1_024;
/// Up to here, the notes of a repository stand in one tree.
const FLAT: usize = 256;

/// Why notes could not be put together.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotesError {
    /// They are no notes, or more than anybody has: nothing will change that.
    #[error("{0}")]
    Unusable(String),
    /// They could not be read or written this time.
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

/// Commit → note.
type Notes = BTreeMap<Oid, Oid>;

/// The notes that hold both. A line that is not as we write it (canonical JSON) is not taken from them: git shows notes raw.
///
/// # Errors
/// Either cannot be read, or nothing can be written.
pub(super) fn merge(repo: &Repo, ours: Option<Oid>, theirs: Oid) -> Result<Oid, NotesError> {
    let mine = ours.map(|ours| read(repo, ours)).transpose()?.unwrap_or_default();
    let foreign = read(repo, theirs)?;
    let follows = |new: Oid, old: Option<Oid>| old.map_or(Ok(true), |old| repo.contains(new, old));
    let (after, before) =
        (follows(theirs, ours)?, ours.map_or(Ok(false), |ours| repo.contains(ours, theirs))?);
    if before {
        return Ok(ours.unwrap_or(theirs));
    }
    let mut all = if after { Notes::new() } else { mine.clone() };
    let mut bytes = 0;
    for (commit, note) in &foreign {
        let known = mine.get(commit);
        let kept = if known == Some(note) {
            Some(*note)
        } else {
            bytes += repo.blob_size(*note).unwrap_or(0).min(LONGEST);
            if bytes > MOST_BYTES {
                return Err(NotesError::Unusable(format!("its notes have more than {MOST_BYTES} bytes")));
            }
            one(repo, known.copied().filter(|_| !after), *note)?
        };
        all.extend(kept.map(|kept| (*commit, kept)));
    }
    match ours {
        Some(ours) if all == mine && all == foreign => Ok(ours.min(theirs)),
        Some(ours) if all == mine => Ok(ours),
        _ if all == foreign => Ok(theirs),
        _ => Ok(write(repo, &all, ours, theirs)?),
    }
}

/// The notes with every text changed by `by`; the same commit where that changes nothing.
///
/// # Errors
/// They cannot be read or written.
pub fn change(repo: &Repo, tip: Oid, by: &dyn Fn(&str) -> String) -> Result<Oid> {
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

fn read(repo: &Repo, tip: Oid) -> Result<Notes, NotesError> {
    let mut notes = Notes::new();
    let mut trees = 0;
    let mut open = vec![(String::new(), repo.tree_of(tip)?)];
    while let Some((prefix, tree)) = open.pop() {
        trees += 1;
        if trees > SPARE_TREES + 2 * notes.len() {
            let why = "its folders lead to no notes, or to the same ones again and again";
            return Err(NotesError::Unusable(why.to_owned()));
        }
        for entry in repo.entries_of(tree)? {
            let name = format!("{prefix}{}", String::from_utf8_lossy(&entry.name));
            match entry.sort {
                TreeEntryKind::Tree if name.len() < 40 && is_part(&entry.name) => open.push((name, entry.id)),
                TreeEntryKind::File => notes.extend(Oid::parse(&name).map(|commit| (commit, entry.id))),
                _ => {}
            }
        }
        if notes.len() > MOST || open.len() > MOST {
            return Err(NotesError::Unusable(format!("more than {MOST} commits have notes")));
        }
    }
    Ok(notes)
}

/// A folder of git's: two digits of the id.
fn is_part(name: &[u8]) -> bool {
    name.len() == 2 && name.iter().all(u8::is_ascii_hexdigit)
}

/// All lines of both; none are left: no note.
fn one(repo: &Repo, ours: Option<Oid>, theirs: Oid) -> Result<Option<Oid>> {
    if repo.blob_size(theirs).is_none_or(|size| size > LONGEST) {
        return Ok(ours);
    }
    let foreign = repo.read_blob(theirs)?;
    let mine = ours.map(|ours| repo.read_blob(ours)).transpose()?.unwrap_or_default();
    let text = union(&String::from_utf8_lossy(&mine), &String::from_utf8_lossy(&foreign));
    if text.as_bytes() == foreign.as_slice() {
        return Ok(Some(theirs));
    }
    if text.is_empty() { Ok(ours) } else { repo.write_blob(text.as_bytes()).map(Some) }
}

/// Sorted; of the results of one agent, the one of its highest attempt.
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

/// One commit without a past; date and identity are theirs whose id is the smaller.
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

fn write_tree(repo: &Repo, notes: &Notes) -> Result<Oid> {
    let file = |name: String, note: Oid| TreeEntry::new(name, TreeEntryKind::File, note);
    if notes.len() <= FLAT {
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
    fn all_that_either_says_and_of_results_the_newest() {
        let result = |attempt, phase| {
            format!("{{\"agent\":\"a\",\"attempt\":{attempt},\"phase\":\"{phase}\",\"t\":\"result\"}}")
        };
        let landed = "{\"into\":\"main\",\"t\":\"landed\"}";
        let (old, new) = (result(1, "failed"), result(2, "done"));
        let both = union(&format!("{old}\n"), &format!("{new}\n{landed}\n"));
        assert_eq!(both, format!("{new}\n{landed}\n"));
        assert_eq!(union(&both, &format!("{old}\n")), both);
        // What a terminal would obey is no line of ours.
        assert_eq!(union("", "\u{1b}[2J\n{\"a\": 1}\n{\"t\":\"x\"}\n"), "{\"t\":\"x\"}\n");
    }
}
