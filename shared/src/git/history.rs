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
