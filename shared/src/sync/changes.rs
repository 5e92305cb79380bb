//! The changes that a sync makes to local refs: all at once, or agent by agent if one of the refs cannot be changed.

use std::collections::BTreeMap;

use crate::{
    Result,
    git::{Oid, RefError, Repo, refs::RefEdit},
    store::layout,
};

/// Changes of local refs.
#[derive(Default)]
pub(super) struct RefChanges {
    pub(super) edits: Vec<RefEdit>,
    pub(super) deletes: Vec<(String, Oid)>,
}

impl RefChanges {
    pub(super) fn make(&self, repo: &Repo) -> Result<(), RefError> {
        repo.edit_refs(&self.edits, "orchestra: sync")?;
        repo.delete_refs(&self.deletes)
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
