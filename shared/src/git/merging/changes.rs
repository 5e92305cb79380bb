//! What a branch changed, and where two branches overlap.

use std::collections::{HashMap, HashSet};

use gix::objs::tree::{EntryKind, EntryMode};

use crate::{
    Kind, Result,
    error::Context,
    git::{Oid, Repo},
};

/// One version of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FileVersion {
    pub(super) id: gix::ObjectId,
    pub(super) mode: EntryMode,
}

/// A changed file before and after; `None` if it does not exist.
#[derive(Clone, Copy, Debug)]
struct Change {
    old: Option<FileVersion>,
    new: Option<FileVersion>,
}

/// All changes of a branch, by path. A rename is a deletion and an addition here.
#[derive(Debug, Default)]
pub(super) struct Changes {
    paths: HashMap<Vec<u8>, Change>,
    /// Every folder above a changed path.
    above: HashSet<Vec<u8>>,
    /// Every folder above a deleted path that is gone: one that still exists was not renamed.
    gone: HashSet<Vec<u8>>,
    /// Every folder above an added path.
    added_below: HashSet<Vec<u8>>,
    /// Whether a path was added.
    adds: bool,
}

/// A file whose content both branches changed differently.
#[derive(Clone, Debug)]
pub(super) struct DivergedFile {
    pub(super) path: Vec<u8>,
    pub(super) base: gix::ObjectId,
    pub(super) ours: gix::ObjectId,
    pub(super) theirs: gix::ObjectId,
}

/// Where two branches overlap.
#[derive(Clone, Debug)]
pub(super) enum Overlap {
    /// Nowhere: they merge cleanly, whatever was renamed.
    Nowhere,
    /// Only in the content of these regular files.
    Contents(Vec<DivergedFile>),
    /// In some other way, which git must judge.
    Doubtful,
}

impl Changes {
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
            changes.add(record);
        }
        // Without an addition, nothing was renamed.
        if changes.adds {
            changes.gone.retain(|folder| !is_folder(&tree, folder));
        }
        Ok(changes)
    }

    fn add(&mut self, record: gix::diff::tree::recorder::Change) {
        use gix::diff::tree::recorder::Change as Record;
        let (path, old, new) = match record {
            Record::Addition { entry_mode, oid, path, .. } => {
                (path, None, Some(FileVersion { id: oid, mode: entry_mode }))
            }
            Record::Deletion { entry_mode, oid, path, .. } => {
                (path, Some(FileVersion { id: oid, mode: entry_mode }), None)
            }
            Record::Modification { previous_entry_mode, previous_oid, entry_mode, oid, path } => (
                path,
                Some(FileVersion { id: previous_oid, mode: previous_entry_mode }),
                Some(FileVersion { id: oid, mode: entry_mode }),
            ),
        };
        let is_tree = |file: Option<FileVersion>| file.is_some_and(|file| file.mode.is_tree());
        // The paths below a folder have records of their own.
        let (old, new) = (old.filter(|file| !file.mode.is_tree()), new.filter(|_| !is_tree(new)));
        if old.is_none() && new.is_none() {
            return;
        }
        let path: Vec<u8> = path.into();
        let folders: Vec<Vec<u8>> = folders_above(&path).map(<[u8]>::to_vec).collect();
        if new.is_none() {
            self.gone.extend(folders.iter().cloned());
        }
        if old.is_none() {
            self.adds = true;
            self.added_below.extend(folders.iter().cloned());
        }
        self.above.extend(folders);
        self.paths.insert(path, Change { old, new });
    }

    /// Returns the blobs before and after of every path.
    pub(super) fn contents(&self) -> Vec<(Option<Oid>, Option<Oid>)> {
        let id = |file: Option<FileVersion>| {
            file.filter(|file| file.mode.is_blob()).map(|file| Oid::from(file.id))
        };
        self.paths.values().map(|change| (id(change.old), id(change.new))).collect()
    }

    /// Iterates over every folder above a changed path, without the root.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.above.iter()
    }

    /// Returns whether a file of this name changed, in any folder.
    pub(super) fn has_file_named(&self, name: &str) -> bool {
        let is_it = |path: &Vec<u8>| path.rsplit(|byte| *byte == b'/').next() == Some(name.as_bytes());
        self.paths.keys().any(is_it)
    }

    /// Returns where two branches with the same base overlap. A rename matters to git only if the other branch changes the old or
    /// the new path, and then both have that path in common; or if a whole folder was renamed and the other branch adds something
    /// in it.
    pub(super) fn overlap(&self, other: &Self) -> Overlap {
        let (few, many) = if self.paths.len() <= other.paths.len() { (self, other) } else { (other, self) };
        if self.may_move_what_is_added_by(other) || other.may_move_what_is_added_by(self) {
            return Overlap::Doubtful;
        }
        let stands_in_the_way = few.paths.keys().any(|path| many.above.contains(path))
            || many.paths.keys().any(|path| few.above.contains(path));
        if stands_in_the_way {
            return Overlap::Doubtful;
        }
        let mut contents = Vec::new();
        for path in few.paths.keys() {
            let (Some(ours), Some(theirs)) = (self.paths.get(path), other.paths.get(path)) else { continue };
            match Common::of(path, ours, theirs) {
                Common::Alike => {}
                Common::Content(content) => contents.push(content),
                Common::Otherwise => return Overlap::Doubtful,
            }
        }
        if contents.is_empty() {
            return Overlap::Nowhere;
        }
        Overlap::Contents(contents)
    }

    /// Returns whether a folder may have been renamed in which the other branch adds something: git would move that along.
    fn may_move_what_is_added_by(&self, other: &Self) -> bool {
        self.adds && !self.gone.is_disjoint(&other.added_below)
    }
}

/// Returns whether a tree has a folder at a path. One that cannot be looked up counts as gone; then git judges.
fn is_folder(tree: &gix::Tree<'_>, path: &[u8]) -> bool {
    let found = tree.lookup_entry(path.split(|byte| *byte == b'/'));
    found.ok().flatten().is_some_and(|entry| entry.mode().is_tree())
}

/// What two branches did to a path that both changed.
enum Common {
    /// The same, and the path still exists.
    Alike,
    /// Both changed the content of a regular file.
    Content(DivergedFile),
    Otherwise,
}

impl Common {
    fn of(path: &[u8], ours: &Change, theirs: &Change) -> Self {
        let (Some(base), Some(ours), Some(theirs)) = (ours.old, ours.new, theirs.new) else {
            return Self::Otherwise;
        };
        if ours == theirs && !ours.mode.is_commit() {
            return Self::Alike;
        }
        let is_regular = matches!(base.mode.kind(), EntryKind::Blob | EntryKind::BlobExecutable);
        if !is_regular || ours.mode != base.mode || theirs.mode != base.mode {
            return Self::Otherwise;
        }
        Self::Content(DivergedFile { path: path.to_vec(), base: base.id, ours: ours.id, theirs: theirs.id })
    }
}

/// Returns the folders above a path: `a/b` and `a` for `a/b/c`.
fn folders_above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    ends.map(move |at| &path[..at])
}
