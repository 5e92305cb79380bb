//! What a branch changed, and where two branches overlap.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use gix::objs::tree::{EntryKind, EntryMode};

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo},
};

/// One version of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FileVersion {
    pub(super) id: gix::ObjectId,
    pub(super) mode: EntryMode,
}

/// A changed file before and after; `None` if it does not exist.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FileChange {
    pub(super) old: Option<FileVersion>,
    pub(super) new: Option<FileVersion>,
}

/// All changes of a branch, by path. A rename is a deletion and an addition here.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct BranchChanges {
    paths: HashMap<Vec<u8>, FileChange>,
    /// Every folder above a changed path.
    changed_folders: HashSet<Vec<u8>>,
    /// Every folder above a deleted path that is gone: one that still exists was not renamed.
    deleted_folders: HashSet<Vec<u8>>,
    /// Every folder above an added path.
    added_folders: HashSet<Vec<u8>>,
    /// The contents of the added files and links.
    additions: Arc<HashSet<gix::ObjectId>>,
    /// Whether a path was added.
    has_additions: bool,
}

/// A file whose content both branches changed differently.
#[derive(Clone, Debug)]
pub(super) struct DivergedFile {
    pub(super) path: Vec<u8>,
    pub(super) base: gix::ObjectId,
    pub(super) ours: gix::ObjectId,
    pub(super) theirs: gix::ObjectId,
}

/// A file that one branch deleted and the other changed, or that both deleted.
#[derive(Clone, Debug)]
pub(super) struct DeletedFile {
    pub(super) path: Vec<u8>,
    pub(super) base: gix::ObjectId,
    /// For each branch that deleted it, the contents that the branch added: any may be the renamed file.
    pub(super) additions: Vec<Arc<HashSet<gix::ObjectId>>>,
    /// Whether only one branch deleted it.
    pub(super) is_conflict: bool,
}

/// What two branches have in common, if everything else merges.
#[derive(Clone, Debug, Default)]
pub(super) struct CommonFiles {
    pub(super) diverged: Vec<DivergedFile>,
    pub(super) deleted: Vec<DeletedFile>,
}

impl CommonFiles {
    pub(super) fn paths(&self) -> impl Iterator<Item = &[u8]> {
        let diverged = self.diverged.iter().map(|file| file.path.as_slice());
        diverged.chain(self.deleted.iter().map(|file| file.path.as_slice()))
    }
}

/// Where two branches overlap.
#[derive(Clone, Debug)]
pub(super) enum Overlap {
    /// Nowhere: they merge cleanly, whatever was renamed.
    Nowhere,
    /// Only in these regular files.
    Files(CommonFiles),
    /// In some other way, which git must judge.
    NeedsGit,
}

impl BranchChanges {
    pub(super) fn between(repo: &Repo, base: Oid, tree: Oid) -> Result<Self> {
        let cannot = || format!("cannot compare trees {} and {}", base.short(), tree.short());
        let base = repo.gix.find_tree(base.gix()).context(Kind::Internal, cannot)?;
        let tree = repo.gix.find_tree(tree.gix()).context(Kind::Internal, cannot)?;
        let mut recorder = gix::diff::tree::Recorder::default();
        let mut state = gix::diff::tree::State::default();
        let kind = repo.gix.object_hash();
        let (old, new) = (
            gix::objs::TreeRefIter::from_bytes(&base.data, kind),
            gix::objs::TreeRefIter::from_bytes(&tree.data, kind),
        );
        gix::diff::tree(old, new, &mut state, &repo.gix.objects, &mut recorder)
            .context(Kind::Internal, cannot)?;
        let mut changes = Self::default();
        for record in recorder.records {
            let (path, change) = of_record(record);
            changes.add(path, change);
        }
        changes.complete(|folder| !is_folder(&tree, folder));
        Ok(changes)
    }

    /// Adds the change of a path; without a file before and after, there is none.
    pub(super) fn add(&mut self, path: Vec<u8>, change: FileChange) {
        let FileChange { old, new } = change;
        if old.is_none() && new.is_none() {
            return;
        }
        let folders: Vec<Vec<u8>> = folders_above(&path).map(<[u8]>::to_vec).collect();
        if new.is_none() {
            self.deleted_folders.extend(folders.iter().cloned());
        }
        if old.is_none() {
            self.has_additions = true;
            self.added_folders.extend(folders.iter().cloned());
        }
        self.changed_folders.extend(folders);
        self.paths.insert(path, change);
    }

    /// Completes the changes after all paths were added. `is_gone` says whether the branch has no folder at a path any more.
    pub(super) fn complete(&mut self, is_gone: impl Fn(&[u8]) -> bool) {
        let added = self.paths.values().filter(|change| change.old.is_none());
        let content =
            |change: &FileChange| change.new.filter(|file| !file.mode.is_commit()).map(|file| file.id);
        self.additions = Arc::new(added.filter_map(content).collect());
        // Without an addition, nothing was renamed.
        if self.has_additions {
            self.deleted_folders.retain(|folder| is_gone(folder));
        }
    }

    /// Iterates over the changed paths.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&Vec<u8>, &FileChange)> {
        self.paths.iter()
    }

    /// Iterates over the folders above a deleted path that are gone; if nothing was added, over all above a deleted path.
    pub(super) fn deleted_folders(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.deleted_folders.iter()
    }

    /// Returns the blobs before and after of every path.
    pub(super) fn contents(&self) -> Vec<(Option<Oid>, Option<Oid>)> {
        let id = |file: Option<FileVersion>| {
            file.filter(|file| file.mode.is_blob()).map(|file| Oid::from(file.id))
        };
        self.paths.values().map(|change| (id(change.old), id(change.new))).collect()
    }

    /// Returns whether every path that another branch changed changed here as well.
    pub(super) fn has_all_paths_of(&self, other: &Self) -> bool {
        other.paths.keys().all(|path| self.paths.contains_key(path))
    }

    /// Iterates over every folder above a changed path, without the root.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.changed_folders.iter()
    }

    /// Returns whether a file of this name changed, in any folder.
    pub(super) fn has_file_named(&self, name: &str) -> bool {
        let has_name = |path: &Vec<u8>| path.rsplit(|byte| *byte == b'/').next() == Some(name.as_bytes());
        self.paths.keys().any(has_name)
    }

    /// Returns where two branches with the same base overlap. A rename matters to git only if the other branch changes the old or
    /// the new path, and then both have that path in common; or if a whole folder was renamed and the other branch adds something
    /// in it.
    pub(super) fn overlap(&self, other: &Self) -> Overlap {
        let (few, many) = if self.paths.len() <= other.paths.len() { (self, other) } else { (other, self) };
        if self.may_move_additions_of(other) || other.may_move_additions_of(self) {
            return Overlap::NeedsGit;
        }
        let is_obstructed = few.paths.keys().any(|path| many.changed_folders.contains(path))
            || many.paths.keys().any(|path| few.changed_folders.contains(path));
        if is_obstructed {
            return Overlap::NeedsGit;
        }
        let mut common = CommonFiles::default();
        for path in few.paths.keys() {
            let (Some(ours), Some(theirs)) = (self.paths.get(path), other.paths.get(path)) else { continue };
            match CommonChange::of(path, ours, theirs) {
                CommonChange::Same => {}
                CommonChange::Content(content) => common.diverged.push(content),
                CommonChange::Deleted(base) => common.deleted.push(DeletedFile {
                    path: path.clone(),
                    base,
                    additions: [(self, ours), (other, theirs)]
                        .into_iter()
                        .filter(|(_, change)| change.new.is_none())
                        .map(|(branch, _)| Arc::clone(&branch.additions))
                        .collect(),
                    is_conflict: ours.new.is_some() || theirs.new.is_some(),
                }),
                CommonChange::Other => return Overlap::NeedsGit,
            }
        }
        if common.diverged.is_empty() && common.deleted.is_empty() {
            return Overlap::Nowhere;
        }
        Overlap::Files(common)
    }

    /// Returns whether a folder may have been renamed in which the other branch adds something: git would move that along.
    fn may_move_additions_of(&self, other: &Self) -> bool {
        self.has_additions && !self.deleted_folders.is_disjoint(&other.added_folders)
    }
}

/// Returns the change of one path. A folder does not count: the paths below it have records of their own.
fn of_record(record: gix::diff::tree::recorder::Change) -> (Vec<u8>, FileChange) {
    use gix::diff::tree::recorder::Change as Record;
    let file = |mode: EntryMode, id| (!mode.is_tree()).then_some(FileVersion { id, mode });
    match record {
        Record::Addition { entry_mode, oid, path, .. } => {
            (path.into(), FileChange { old: None, new: file(entry_mode, oid) })
        }
        Record::Deletion { entry_mode, oid, path, .. } => {
            (path.into(), FileChange { old: file(entry_mode, oid), new: None })
        }
        Record::Modification { previous_entry_mode, previous_oid, entry_mode, oid, path } => (
            path.into(),
            FileChange { old: file(previous_entry_mode, previous_oid), new: file(entry_mode, oid) },
        ),
    }
}

/// Returns whether a tree has a folder at a path. One that cannot be looked up counts as gone; then git judges.
fn is_folder(tree: &gix::Tree<'_>, path: &[u8]) -> bool {
    let found = tree.lookup_entry(path.split(|byte| *byte == b'/'));
    found.ok().flatten().is_some_and(|entry| entry.mode().is_tree())
}

/// What two branches did to a path that both changed.
enum CommonChange {
    /// The same, and the path still exists.
    Same,
    /// Both changed the content of a regular file.
    Content(DivergedFile),
    /// One or both deleted a regular file with this content; the other may have changed the content.
    Deleted(gix::ObjectId),
    Other,
}

impl CommonChange {
    fn of(path: &[u8], ours: &FileChange, theirs: &FileChange) -> Self {
        let is_regular =
            |file: &FileVersion| matches!(file.mode.kind(), EntryKind::Blob | EntryKind::BlobExecutable);
        let Some(base) = ours.old else { return Self::Other };
        let (ours, theirs) = match (ours.new, theirs.new) {
            (Some(ours), Some(theirs)) => (ours, theirs),
            (Some(kept), None) | (None, Some(kept)) => {
                let is_changed = kept.mode == base.mode && kept.id != base.id;
                return if is_regular(&base) && is_changed { Self::Deleted(base.id) } else { Self::Other };
            }
            (None, None) if is_regular(&base) => return Self::Deleted(base.id),
            (None, None) => return Self::Other,
        };
        if ours == theirs && !ours.mode.is_commit() {
            return Self::Same;
        }
        if !is_regular(&base) || ours.mode != base.mode || theirs.mode != base.mode {
            return Self::Other;
        }
        Self::Content(DivergedFile { path: path.to_vec(), base: base.id, ours: ours.id, theirs: theirs.id })
    }
}

/// Returns the folders above a path: `a/b` and `a` for `a/b/c`.
fn folders_above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    ends.map(move |at| &path[..at])
}
