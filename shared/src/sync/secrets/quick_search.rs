//! A quick search of logs and work, in this process and on all cores: the listing of git, which the exact search uses, takes
//! quadratic time in the number of refs on both sides.
//!
//! It reads everything that a push would send, and possibly more, but never less:
//!
//! - It stops at a commit only if the remote has it, and then the remote has everything that the commit reaches.
//! - It skips an entry of a tree only if the first parent's tree has the same object under the same name. That parent is either
//!   read as well, or the remote has it.
//!
//! So if it finds nothing that looks like a secret, there is nothing. If it finds anything, or cannot read an object, that proves
//! nothing, and the exact search decides.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Mutex,
};

use super::{cache::CleanObjects, outgoing_objects::header, scan::Scanner};
use crate::{
    git::{
        Oid,
        raw::{self, ObjectKind, RawReader},
    },
    parallel,
    world::{Environment, SecretVariables},
};

/// The number of tips that a thread takes at once.
const CHUNK: usize = 32;

/// What all threads share.
pub(super) struct QuickSearch<'a> {
    pub(super) environment: &'a Environment,
    pub(super) common_dir: &'a Path,
    pub(super) variables: &'a SecretVariables,
    pub(super) cache: &'a CleanObjects,
    /// Commits that the remote has.
    pub(super) there: &'a HashSet<Oid>,
}

/// The exact search has to decide.
struct Undecided;

impl QuickSearch<'_> {
    /// Returns all objects that were read, if nothing in them looks like a secret.
    pub(super) fn clean_objects(&self, tips: &[Oid]) -> Option<HashSet<Oid>> {
        let seen = Mutex::new(HashSet::new());
        let chunks: Vec<&[Oid]> = tips.chunks(CHUNK).collect();
        let walker = || {
            let reader = RawReader::open(self.environment, self.common_dir).map_err(|_| Undecided)?;
            Ok(Walker { search: self, seen: &seen, scanner: Scanner::new(reader, self.variables.clone()) })
        };
        let walk = |walker: &mut Walker<'_>, tips: &&[Oid]| tips.iter().try_for_each(|tip| walker.walk(*tip));
        parallel::try_map_with(&chunks, parallel::cores(), walker, walk).ok()?;
        seen.into_inner().ok()
    }
}

/// The search of one thread.
struct Walker<'a> {
    search: &'a QuickSearch<'a>,
    /// The objects that some thread has read or is reading.
    seen: &'a Mutex<HashSet<Oid>>,
    scanner: Scanner<'static>,
}

/// An entry of a tree.
struct Entry {
    name: Vec<u8>,
    id: Oid,
    is_tree: bool,
}

impl Walker<'_> {
    /// Reads a commit and everything that it reaches.
    fn walk(&mut self, tip: Oid) -> Result<(), Undecided> {
        let mut open = vec![tip];
        while let Some(id) = open.pop() {
            if self.search.there.contains(&id) || !self.is_first(id)? {
                continue;
            }
            let (tree, parents) = commit(self.read_clean(id, ObjectKind::Commit)?)?;
            // The empty tree needs no object.
            if tree != Oid::EMPTY_TREE {
                let before = parents.first().map(|parent| self.tree_of(*parent)).transpose()?;
                self.walk_tree(tree, before)?;
            }
            open.extend(parents);
        }
        Ok(())
    }

    /// Reads what a tree has and the one before it does not.
    fn walk_tree(&mut self, tree: Oid, before: Option<Oid>) -> Result<(), Undecided> {
        let mut open = vec![(tree, before)];
        while let Some((tree, before)) = open.pop() {
            if Some(tree) == before || tree == Oid::EMPTY_TREE || !self.is_first(tree)? {
                continue;
            }
            let entries = entries(self.read_clean(tree, ObjectKind::Tree)?)?;
            let known = before.map(|before| self.entries_of(before)).transpose()?.unwrap_or_default();
            let known: HashMap<&[u8], &Entry> =
                known.iter().map(|entry| (entry.name.as_slice(), entry)).collect();
            for entry in entries {
                let same_name = known.get(entry.name.as_slice());
                if same_name.is_some_and(|before| before.id == entry.id && before.is_tree == entry.is_tree) {
                    continue;
                }
                if entry.is_tree {
                    open.push((entry.id, same_name.filter(|before| before.is_tree).map(|before| before.id)));
                } else if self.is_first(entry.id)? {
                    self.require_clean_blob(entry.id)?;
                }
            }
        }
        Ok(())
    }

    /// Returns whether no thread has begun to read an object.
    fn is_first(&self, id: Oid) -> Result<bool, Undecided> {
        Ok(self.seen.lock().map_err(|_| Undecided)?.insert(id))
    }

    fn read_clean(&mut self, id: Oid, kind: ObjectKind) -> Result<&[u8], Undecided> {
        self.scanner.read_clean(id, kind, self.search.cache.had(id)).ok_or(Undecided)
    }

    fn require_clean_blob(&mut self, id: Oid) -> Result<(), Undecided> {
        let (kind, _) = self.scanner.reader().header(id).ok_or(Undecided)?;
        if kind != ObjectKind::Blob {
            return Err(Undecided);
        }
        let is_clean = self.search.cache.had(id) || self.scanner.scan(id).is_some_and(|hits| hits.is_empty());
        if is_clean { Ok(()) } else { Err(Undecided) }
    }

    fn tree_of(&mut self, id: Oid) -> Result<Oid, Undecided> {
        Ok(commit(self.read_known(id, ObjectKind::Commit)?)?.0)
    }

    fn entries_of(&mut self, tree: Oid) -> Result<Vec<Entry>, Undecided> {
        if tree == Oid::EMPTY_TREE {
            Ok(Vec::new())
        } else {
            entries(self.read_known(tree, ObjectKind::Tree)?)
        }
    }

    /// Reads an object that is searched elsewhere, or that the remote has.
    fn read_known(&mut self, id: Oid, kind: ObjectKind) -> Result<&[u8], Undecided> {
        self.scanner.read_clean(id, kind, true).ok_or(Undecided)
    }
}

/// Returns the tree and the parents of a raw commit.
fn commit(bytes: &[u8]) -> Result<(Oid, Vec<Oid>), Undecided> {
    let (mut trees, mut parents) = (Vec::new(), Vec::new());
    for (key, value) in header(bytes) {
        let id = Oid::parse(value).ok_or(Undecided)?;
        if key == "tree" { trees.push(id) } else { parents.push(id) }
    }
    match trees.as_slice() {
        [tree] => Ok((*tree, parents)),
        _ => Err(Undecided),
    }
}

/// Returns the entries of a raw tree, except those that belong to other repositories.
fn entries(bytes: &[u8]) -> Result<Vec<Entry>, Undecided> {
    let entries = raw::entries(bytes).ok_or(Undecided)?;
    let own = entries.into_iter().filter(|entry| !entry.is_link);
    Ok(own.map(|one| Entry { name: one.name.to_vec(), id: one.id, is_tree: one.is_tree }).collect())
}
