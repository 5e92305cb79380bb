//! Whether a submodule in a worktree holds changes that are in none of its commits. They are never part of an agent's work, so they are
//! named as left out. Nothing in the submodule runs: its files are compared with its index, and that with its commit.

use std::path::Path;

use super::{SurveyOptions, survey_at_depth};
use crate::{
    Result,
    git::{Oid, Repo, index_entries::IndexEntries, submodule},
    worktree::root::WorktreeRoot,
};

/// How many repositories in each other are looked at.
const MAX_DEPTH: usize = 10;
/// Why changes in a submodule are left out.
const CHANGED: &str = "a submodule with changes that are in no commit";
/// Why a submodule is named of which nothing can be said.
const UNKNOWN: &str = "a submodule whose files cannot be compared";

/// Returns why a submodule is named as left out; `None`: it holds no changes. `depth` is the number of repositories around it.
pub(super) fn why_left_out(folder: &Path, outer: &SurveyOptions<'_>, depth: usize) -> Option<&'static str> {
    if depth > MAX_DEPTH {
        return None;
    }
    match has_changes(folder, outer, depth) {
        Ok(true) => Some(CHANGED),
        Ok(false) => None,
        Err(_) => Some(UNKNOWN),
    }
}

fn has_changes(folder: &Path, outer: &SurveyOptions<'_>, depth: usize) -> Result<bool> {
    let (Some(git_dir), Some(head)) = (submodule::git_dir(folder), submodule::checked_out_commit(folder))
    else {
        return Ok(false);
    };
    let repo = Repo::open_isolated(outer.repo.environment(), &git_dir, folder)?;
    let entries = IndexEntries::read(&repo, &git_dir.join("index"))?;
    let root = WorktreeRoot::open(folder).map_err(|error| crate::Error::internal(error.to_string()))?;
    let SurveyOptions { max_file, deadline, .. } = *outer;
    let options = SurveyOptions { repo: &repo, entries: &entries, max_file, deadline };
    let found = survey_at_depth(&root, &options, depth)?;
    Ok(!found.is_unchanged() || !found.left_out.is_empty() || is_staged(&repo, &entries, head)?)
}

/// Returns whether something is staged that the commit does not have.
fn is_staged(repo: &Repo, entries: &IndexEntries, head: Oid) -> Result<bool> {
    Ok(!entries.staged_since(repo, repo.tree_of(head)?, 1)?.is_empty())
}
