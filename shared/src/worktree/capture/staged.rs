//! What is only staged: in a worktree's index, but neither in its commit nor in its files. Saving the work replaces the index, so it is
//! kept before that, as a point to which the agent can be rewound.

use std::collections::HashSet;

use super::{CapturePlace, CaptureTarget};
use crate::{
    Error, Result,
    git::{Oid, Repo, command, index_entries::IndexEntries},
    store::points::{self, Point, PointKind},
    worktree::index_copy,
};

/// The name of the copy of the index, beside the isolated one.
const COPY: &str = "staged";
/// Maximum number of paths that are compared. With more of them, the whole index is kept without looking at each.
const MAX_PATHS: usize = 100_000;
/// What such a point is about.
const ABOUT: &str = "what was staged and not in the files";

/// Keeps the index of the worktree as a point if it holds content that neither `head` nor the tree of the files has. Does nothing if
/// the index cannot be read, as git could not use it either.
///
/// # Errors
/// It cannot be kept.
pub(super) fn keep(
    repo: &Repo,
    target: &CaptureTarget<'_>,
    place: &CapturePlace<'_>,
    head: Oid,
    files: Oid,
) -> Result<()> {
    let isolated = place.isolated;
    let copy = isolated.index().with_file_name(COPY);
    let isolated_repo = isolated.repo()?;
    if index_copy::copy_index(place.worktree, &copy).is_err() {
        return Ok(());
    }
    let Ok(entries) = IndexEntries::read(&isolated_repo, &copy) else { return Ok(()) };
    let committed = repo.tree_of(head)?;
    if !has_content_beyond(&entries, &isolated_repo, committed, files)? {
        return Ok(());
    }
    let git = isolated.git_without_files("write-tree").arg("--missing-ok");
    let line = git.env("GIT_INDEX_FILE", copy.as_os_str()).limit(command::LONG_LIMIT).line()?;
    let tree = Oid::parse(&line).ok_or_else(|| Error::internal("git write-tree gave no tree"))?;
    if tree == committed || tree == files {
        return Ok(());
    }
    repo.require_complete(tree, Some(files))?;
    let point = |kind, tree, head| Point {
        number: 0,
        at: repo.now(),
        kind,
        tree,
        head,
        session: None,
        transcript_bytes: None,
        about: (kind == PointKind::Staged).then(|| ABOUT.to_owned()),
    };
    let mut new = vec![point(PointKind::Staged, tree, head)];
    if points::read(repo, target.id).is_ok_and(|known| known.is_empty()) {
        new.insert(0, point(PointKind::Start, repo.tree_of(target.base)?, target.base));
    }
    points::add(repo, target.id, new)
}

/// Returns whether an entry of the index has content that two trees do not have at its path. Where only a removal is staged, or a file
/// is only intended to be added, there is nothing to lose.
fn has_content_beyond(entries: &IndexEntries, repo: &Repo, head: Oid, files: Oid) -> Result<bool> {
    let staged = entries.staged_since(repo, head, MAX_PATHS)?;
    if staged.is_empty() || staged.len() >= MAX_PATHS {
        return Ok(!staged.is_empty());
    }
    let beyond: HashSet<Vec<u8>> = entries.staged_since(repo, files, MAX_PATHS)?;
    let has_content = |path: &&Vec<u8>| {
        let range = entries.of_path(path).unwrap_or_default();
        range.into_iter().any(|at| repo.kind_of(entries.id(at)).is_some())
    };
    Ok(staged.iter().filter(|path| beyond.contains(*path)).any(|path| has_content(&path)))
}
