//! What a branch changed, and where two branches meet.

use std::collections::{HashMap, HashSet};

use gix::objs::tree::{EntryKind, EntryMode};

use crate::{
    Kind, Result,
    error::Context,
    git::{Oid, Repo},
};

/// One file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct File {
    pub(super) id: gix::ObjectId,
    pub(super) mode: EntryMode,
}

/// Before and after; `None` where there is no such file.
#[derive(Clone, Copy, Debug)]
struct Change {
    old: Option<File>,
    new: Option<File>,
}

/// All of a branch, by path. Renames are a deletion and an addition here.
#[derive(Debug, Default)]
pub(super) struct Changes {
    paths: HashMap<Vec<u8>, Change>,
    /// Every folder above a changed path.
    above: HashSet<Vec<u8>>,
    /// Folders in which a file was deleted.
    deleted_in: HashSet<Vec<u8>>,
    /// Every folder above an added path.
    added_below: HashSet<Vec<u8>>,
}

/// A file whose content both changed.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) path: Vec<u8>,
    pub(super) kind: EntryKind,
    pub(super) base: gix::ObjectId,
    pub(super) ours: gix::ObjectId,
    pub(super) theirs: gix::ObjectId,
}

/// Where two branches meet.
#[derive(Clone, Debug)]
pub(super) enum Meeting {
    /// Nowhere: they merge.
    Nowhere,
    /// In the content of these files, and nowhere else.
    Contents(Vec<Content>),
    /// In some other way.
    Trees,
    /// In a way in which gix and git are known to disagree.
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
        Ok(changes)
    }

    fn add(&mut self, record: gix::diff::tree::recorder::Change) {
        use gix::diff::tree::recorder::Change as Record;
        let (path, old, new) = match record {
            Record::Addition { entry_mode, oid, path, .. } => {
                (path, None, Some(File { id: oid, mode: entry_mode }))
            }
            Record::Deletion { entry_mode, oid, path, .. } => {
                (path, Some(File { id: oid, mode: entry_mode }), None)
            }
            Record::Modification { previous_entry_mode, previous_oid, entry_mode, oid, path } => (
                path,
                Some(File { id: previous_oid, mode: previous_entry_mode }),
                Some(File { id: oid, mode: entry_mode }),
            ),
        };
        let is_tree = |file: Option<File>| file.is_some_and(|file| file.mode.is_tree());
        // What is below a folder is told by itself.
        let (old, new) = (old.filter(|file| !file.mode.is_tree()), new.filter(|_| !is_tree(new)));
        if old.is_none() && new.is_none() {
            return;
        }
        let path: Vec<u8> = path.into();
        let folders: Vec<Vec<u8>> = folders_above(&path).map(<[u8]>::to_vec).collect();
        if new.is_none() {
            self.deleted_in.extend(folders.first().cloned());
        }
        if old.is_none() {
            self.added_below.extend(folders.iter().cloned());
        }
        self.above.extend(folders);
        self.paths.insert(path, Change { old, new });
    }

    /// The contents before and after, of every path.
    pub(super) fn contents(&self) -> Vec<(Option<Oid>, Option<Oid>)> {
        let id = |file: Option<File>| file.filter(|file| file.mode.is_blob()).map(|file| Oid::from(file.id));
        self.paths.values().map(|change| (id(change.old), id(change.new))).collect()
    }

    pub(super) fn meet(&self, other: &Self) -> Meeting {
        let (few, many) = if self.paths.len() <= other.paths.len() { (self, other) } else { (other, self) };
        // A renamed folder takes along what others add to it; there, git sees a conflict and gix does not.
        if !few.deleted_in.is_disjoint(&many.added_below) || !many.deleted_in.is_disjoint(&few.added_below) {
            return Meeting::Doubtful;
        }
        let clash = few.paths.keys().any(|path| many.above.contains(path))
            || many.paths.keys().any(|path| few.above.contains(path));
        let common: Vec<(&Vec<u8>, &Change, &Change)> = few
            .paths
            .keys()
            .filter_map(|path| Some((path, self.paths.get(path)?, other.paths.get(path)?)))
            .collect();
        if common.iter().any(|(_, ours, theirs)| ours.is_commit() || theirs.is_commit()) {
            return Meeting::Doubtful;
        }
        if clash {
            return Meeting::Trees;
        }
        if common.is_empty() {
            return Meeting::Nowhere;
        }
        let contents: Option<Vec<Content>> =
            common.into_iter().map(|(path, ours, theirs)| content(path, ours, theirs)).collect();
        contents.map_or(Meeting::Trees, Meeting::Contents)
    }
}

impl Change {
    fn is_commit(&self) -> bool {
        [self.old, self.new].into_iter().flatten().any(|file| file.mode.is_commit())
    }
}

/// The three versions of a file, where both changed its content alone.
fn content(path: &[u8], ours: &Change, theirs: &Change) -> Option<Content> {
    let (base, ours, theirs) = (ours.old?, ours.new?, theirs.new?);
    let kind = base.mode.kind();
    let plain = matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable);
    let same = ours.mode == base.mode && theirs.mode == base.mode;
    (plain && same).then(|| Content {
        path: path.to_vec(),
        kind,
        base: base.id,
        ours: ours.id,
        theirs: theirs.id,
    })
}

/// `a/b/c` is below `a/b` and `a`.
fn folders_above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    ends.map(move |at| &path[..at])
}
