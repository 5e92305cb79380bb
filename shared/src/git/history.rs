//! The commits between two points of a history.

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo},
};

impl Repo {
    /// Returns the commits from `base` (excluded) to `head`, newest first, at most `most` of them.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn commits_since(&self, base: Oid, head: Oid, most: usize) -> Result<Vec<Oid>> {
        Ok(self.since(base, head)?.take(most).collect())
    }

    /// Counts the commits from `base` (excluded) to `head`.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn commits_between(&self, base: Oid, head: Oid) -> Result<u64> {
        Ok(self.since(base, head)?.count() as u64)
    }

    /// Returns whether a commit from `base` (excluded) to `head` is a merge.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn has_merge_between(&self, base: Oid, head: Oid) -> Result<bool> {
        for commit in self.since(base, head)? {
            if self.read_commit(commit)?.parents.len() > 1 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns how many files the work from `base` to `tip` changes, and how many of them are in `target` as they were before it.
    ///
    /// # Errors
    /// A commit or a tree cannot be read.
    pub fn reverted_files(&self, base: Oid, tip: Oid, target: Oid) -> Result<(usize, usize)> {
        let base = self.tree_of(base)?;
        let own = self.paths_between(Some(base), Some(self.tree_of(tip)?))?;
        Ok((own.len(), self.count_unchanged(&own, base, self.tree_of(target)?)?))
    }

    fn since(&self, base: Oid, head: Oid) -> Result<impl Iterator<Item = Oid>> {
        let walk = self
            .gix
            .rev_walk([head.gix()])
            .with_hidden([base.gix()])
            .all()
            .context(Kind::Internal, || format!("cannot walk the history of {}", head.short()))?;
        Ok(walk.filter_map(std::result::Result::ok).map(|found| found.id.into()))
    }
}
