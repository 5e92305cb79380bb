//! The changes that a sync makes to local refs: all at once, or agent by agent if one of the refs cannot be changed.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Result,
    git::{Oid, RefError, Repo, refs::RefEdit},
    store::layout,
};

/// The number of new refs up to which each is written into a file of its own.
const MAX_NEW_BY_FILE: usize = 32;

/// Changes of local refs.
#[derive(Default)]
pub(super) struct RefChanges {
    pub(super) edits: Vec<RefEdit>,
    pub(super) deletes: Vec<(String, Oid)>,
}

impl RefChanges {
    /// Makes the changes, all or none. Work is written before the events that name it.
    pub(super) fn make(&self, repo: &Repo) -> Result<(), RefError> {
        let new = self.new_agents(repo);
        if new.len() > MAX_NEW_BY_FILE && repo.create_packed(&new)? {
            let is_packed = |edit: &&RefEdit| new.contains_key(&edit.name);
            repo.edit_refs(&in_order(self.edits.iter().filter(|edit| !is_packed(edit))), "orchestra: sync")?;
        } else {
            repo.edit_refs(&in_order(self.edits.iter()), "orchestra: sync")?;
        }
        repo.delete_refs(&self.deletes)
    }

    /// Returns the refs of agents of which nothing was here before: all refs of one of them are created together.
    fn new_agents(&self, repo: &Repo) -> BTreeMap<String, Oid> {
        let owner = |edit: &RefEdit| layout::agent_of(&edit.name);
        let known: BTreeSet<_> =
            self.edits.iter().filter(|edit| edit.old.is_some()).filter_map(owner).collect();
        let is_new =
            |edit: &&RefEdit| edit.old.is_none() && owner(edit).is_some_and(|id| !known.contains(&id));
        let new = self.edits.iter().filter(is_new).filter(|edit| repo.has_commit(edit.new));
        new.map(|edit| (edit.name.clone(), edit.new)).collect()
    }

    /// Returns the changes that are not made yet.
    pub(super) fn remaining(mut self, repo: &Repo) -> Result<Self> {
        let mut edits = Vec::new();
        for edit in self.edits {
            if !repo.find_ref(&edit.name).is_ok_and(|now| now == Some(edit.new)) {
                edits.push(edit);
            }
        }
        self.edits = edits;
        Ok(self)
    }

    /// Splits the changes into one part for each agent, and one for each other ref.
    pub(super) fn by_agent(self) -> impl Iterator<Item = Self> {
        let mut parts: BTreeMap<String, Self> = BTreeMap::new();
        let key = |name: &str| layout::agent_of(name).map_or_else(|| name.to_owned(), |id| id.to_string());
        for edit in self.edits {
            parts.entry(key(&edit.name)).or_default().edits.push(edit);
        }
        for delete in self.deletes {
            parts.entry(key(&delete.0)).or_default().deletes.push(delete);
        }
        parts.into_values()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let deletes = self.deletes.iter().map(|(name, _)| name.as_str());
        self.edits.iter().map(|edit| edit.name.as_str()).chain(deletes)
    }
}

fn in_order<'a>(edits: impl Iterator<Item = &'a RefEdit>) -> Vec<RefEdit> {
    let mut edits: Vec<RefEdit> = edits.cloned().collect();
    layout::put_events_last(&mut edits);
    edits
}
