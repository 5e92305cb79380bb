//! What differs between two trees, by the trees alone.

use gix::diff::tree::{recorder::Change, visit::Relation};

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo},
};

/// Returns the differences of two trees, one for each path, folders included.
///
/// # Errors
/// A tree cannot be read.
pub(super) fn differences(repo: &Repo, old: Oid, new: Oid) -> Result<Vec<Change>> {
    let cannot = || format!("cannot compare trees {} and {}", old.short(), new.short());
    let old = repo.gix.find_tree(old.gix()).context(Kind::Internal, cannot)?;
    let new = repo.gix.find_tree(new.gix()).context(Kind::Internal, cannot)?;
    let kind = repo.gix.object_hash();
    let iterate = |data| gix::objs::TreeRefIter::from_bytes(data, kind);
    let mut recorder = gix::diff::tree::Recorder::default();
    let mut state = gix::diff::tree::State::default();
    gix::diff::tree(iterate(&old.data), iterate(&new.data), &mut state, &repo.gix.objects, &mut recorder)
        .context(Kind::Internal, cannot)?;
    Ok(recorder.records)
}

/// Counts the paths that differ, as `git status` lists them: a folder that `old` does not have counts as one.
///
/// # Errors
/// A tree cannot be read.
pub fn count_differences(repo: &Repo, old: Oid, new: Oid) -> Result<usize> {
    let is_listed = |change: &Change| match change {
        Change::Addition { relation, .. } => !matches!(relation, Some(Relation::ChildOfParent(_))),
        Change::Deletion { entry_mode, .. } | Change::Modification { entry_mode, .. } => {
            !entry_mode.is_tree()
        }
    };
    Ok(differences(repo, old, new)?.iter().filter(|change| is_listed(change)).count())
}
