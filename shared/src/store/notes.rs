//! Notes on commits, for programs that know git alone: events as lines of JSON. `git notes` writes only below `refs/notes`, so `git fast-import`
//! writes them, in a separate git directory: if it is killed, it leaves no lock on a ref of the repository.

use std::{fs, path::Path};

use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, command, refs::RefEdit, repo::Identity},
};

/// How often to try if other programs keep changing the ref.
const ATTEMPTS: u32 = 5;

/// Writes notes on commits, all in one commit on the ref `name`. Existing notes on these commits are replaced; an empty text removes one.
///
/// # Errors
/// There is no identity, git fails, or other programs keep changing the ref (4).
pub fn write(repo: &Repo, name: &str, subject: &str, notes: &[(Oid, String)]) -> Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    for attempt in 1.. {
        let old = repo.find_ref(name)?;
        if let Some(old) = old
            && has_all(repo, old, notes)?
        {
            return Ok(());
        }
        let new = write_notes_commit(repo, name, old, subject, notes)?;
        if let Some(old) = old
            && repo.tree_of(old)? == repo.tree_of(new)?
        {
            return Ok(());
        }
        match repo.edit_refs(&[RefEdit { name: name.to_owned(), old, new }], "orchestra: notes") {
            Err(error) if error.is_race() && attempt < ATTEMPTS && repo.find_ref(name)? != old => {}
            other => return Ok(other?),
        }
    }
    Ok(())
}

/// Returns whether a commit on a ref of notes has exactly these notes, so that writing them would change nothing.
fn has_all(repo: &Repo, tip: Oid, notes: &[(Oid, String)]) -> Result<bool> {
    for (commit, text) in notes {
        let mut found = Vec::new();
        for place in places(*commit) {
            found.extend(repo.read_blob_of(tip, &place)?);
        }
        let expected = (!text.is_empty()).then_some(text.as_bytes());
        if found != Vec::from_iter(expected) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the note on one commit, in the notes of which `tip` is the newest commit.
///
/// # Errors
/// The notes cannot be read.
pub fn read_one(repo: &Repo, tip: Oid, commit: Oid) -> Result<Option<Vec<u8>>> {
    for place in places(commit) {
        if let Some(note) = repo.read_blob_of(tip, &place)? {
            return Ok(Some(note));
        }
    }
    Ok(None)
}

/// Returns the paths that a note can have: git moves notes into folders as they become many.
fn places(commit: Oid) -> [String; 3] {
    let hex = commit.to_string();
    let in_folder = format!("{}/{}", &hex[..2], &hex[2..]);
    let in_two = format!("{}/{}/{}", &hex[..2], &hex[2..4], &hex[4..]);
    [hex, in_folder, in_two]
}

/// Writes the commit with the notes, which no ref names yet.
fn write_notes_commit(
    repo: &Repo,
    name: &str,
    tip: Option<Oid>,
    subject: &str,
    notes: &[(Oid, String)],
) -> Result<Oid> {
    let Identity { name: who, email } = repo.identity()?;
    let now = repo.now().as_second();
    let mut commands = format!(
        "commit {name}\nmark :1\ncommitter {who} <{email}> {now} +0000\ndata {}\n{subject}\n",
        subject.len()
    );
    if let Some(tip) = tip {
        commands.push_str(&format!("from {tip}\n"));
    }
    for (commit, text) in notes {
        if text.is_empty() {
            commands.push_str(&format!("N {} {commit}\n", Oid::NULL));
            continue;
        }
        commands.push_str(&format!("N inline {commit}\ndata {}\n{text}\n", text.len()));
    }
    commands.push_str("get-mark :1\ndone\n");
    let place = tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
    let common = repo.common_dir()?;
    make_git_dir(place.path())?;
    let git = repo.git_in(place.path(), "fast-import").args(["--quiet", "--done"]);
    let git = git.env("GIT_DIR", place.path()).env("GIT_OBJECT_DIRECTORY", common.join("objects"));
    let output = git.input(commands.into_bytes()).limit(command::LONG_LIMIT).line()?;
    let new = Oid::parse(output.trim()).ok_or_else(|| Error::internal("git fast-import gave no commit"))?;
    repo.require_complete(repo.tree_of(new)?, tip.map(|tip| repo.tree_of(tip)).transpose()?)?;
    Ok(new)
}

/// Makes a git directory with the minimum that git requires.
fn make_git_dir(place: &Path) -> Result<()> {
    let cannot = || format!("cannot write '{}'", place.display());
    fs::create_dir(place.join("refs")).context(Kind::External, cannot)?;
    fs::create_dir(place.join("objects")).context(Kind::External, cannot)?;
    fs::write(place.join("HEAD"), "ref: refs/heads/none\n").context(Kind::External, cannot)?;
    let config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
    fs::write(place.join("config"), config).context(Kind::External, cannot)
}
