//! Questions about the history of many commits: each commit is read once, however many questions it takes part in.

use std::collections::HashSet;

use gix::{revision::plumbing::merge_base::Flags, traverse::commit::simple::CommitTimeOrder};

use crate::{
    Code, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo},
};

/// How much the clocks of two machines that commit may differ without a second look at the history, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 24 * 3600;
/// For how many commits there is a second look.
const MOST_EXACT: usize = 32;
/// From how many commits on a second look would take too long, and is not needed: the clocks of so many were right.
const MANY_COMMITS: usize = 10_000;
/// The most commits that are read to tell where some are.
const MOST_COMMITS: usize = 200_000;

/// The part of the history that was read so far.
pub struct Ancestry<'repo> {
    repo: &'repo Repo,
    graph: gix::revwalk::Graph<'repo, 'repo, gix::revwalk::graph::Commit<Flags>>,
}

impl Repo {
    /// Calls `ask` with the history, which remembers what it read until `ask` returns. Uses the commit-graph where there is one.
    ///
    /// # Errors
    /// The commit-graph is broken, or `ask` fails.
    pub fn with_ancestry<T>(&self, ask: impl FnOnce(&mut Ancestry<'_>) -> Result<T>) -> Result<T> {
        let cannot = || "cannot read the commit-graph".to_owned();
        let cache = self.gix.commit_graph_if_enabled().context(Kind::Internal, cannot)?;
        let graph = self.gix.revision_graph(cache.as_ref());
        ask(&mut Ancestry { repo: self, graph })
    }
}

impl Ancestry<'_> {
    /// Returns all merge bases of two commits, the best first; empty if their histories are unrelated.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn merge_bases(&mut self, one: Oid, other: Oid) -> Result<Vec<Oid>> {
        let cannot = || format!("cannot walk the history of {}", one.short());
        let bases = self.repo.gix.merge_bases_many_with_graph(one.gix(), &[other.gix()], &mut self.graph);
        Ok(bases.context(Kind::Internal, cannot)?.iter().map(|base| base.detach().into()).collect())
    }

    /// Returns whether `old` is `new` or an ancestor of it.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn contains(&mut self, new: Oid, old: Oid) -> Result<bool> {
        Ok(self.merge_bases(new, old)?.contains(&old))
    }

    /// Returns a commit that is an ancestor of all of `commits`; `None` if they have none in common.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn common_ancestor(&mut self, commits: &[Oid]) -> Result<Option<Oid>> {
        let mut commits: Vec<Oid> = commits.iter().copied().collect::<HashSet<_>>().into_iter().collect();
        // Neighbours first: then each step walks only the way between two of them.
        commits.sort_by_cached_key(|commit| std::cmp::Reverse((self.repo.commit_time(*commit), *commit)));
        let mut common = commits.first().copied();
        for commit in commits.into_iter().skip(1) {
            let Some(known) = common else { break };
            common = self.merge_bases(known, commit)?.first().copied();
        }
        Ok(common)
    }
}

/// The trees before and after a commit; before a root it is `None`.
pub type TreesAround = (Option<Oid>, Oid);

impl Repo {
    /// Returns the commits that `tip` has and none of `hidden` has, the nearest first, at most `most` of them.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn commits_beyond(&self, tip: Oid, hidden: &[Oid], most: usize) -> Result<Vec<Oid>> {
        let cannot = || format!("cannot walk the history of {}", tip.short());
        let walk = self.gix.rev_walk([tip.gix()]).with_hidden(hidden.iter().map(|commit| commit.gix()));
        let walk = walk.all().context(Kind::Internal, cannot)?;
        walk.take(most).map(|one| one.map(|found| found.id.into()).context(Kind::Internal, cannot)).collect()
    }

    /// Returns those of some commits that are in the history of `tip`. The history is read once for all, the newest commits first, and
    /// only until all are found. A commit that is missing here is in no history.
    ///
    /// # Errors
    /// `tip` cannot be read.
    pub fn which_are_in(&self, tip: Oid, mut sought: HashSet<Oid>) -> Result<HashSet<Oid>> {
        let mut found = HashSet::new();
        if sought.remove(&tip) {
            found.insert(tip);
        }
        if sought.is_empty() {
            return Ok(found);
        }
        let newest_first = gix::revision::walk::Sorting::ByCommitTime(CommitTimeOrder::NewestFirst);
        let cannot = || format!("cannot walk the history of {}", tip.short());
        let walk =
            self.gix.rev_walk([tip.gix()]).sorting(newest_first).all().context(Kind::Internal, cannot)?;
        // What lies behind a commit that cannot be read is unknown, as if it were not there.
        for commit in walk.filter_map(std::result::Result::ok) {
            let commit = Oid::from(commit.id);
            if sought.remove(&commit) {
                found.insert(commit);
                if sought.is_empty() {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// As [`Repo::which_are_in`], for commits that are near `tip` or not in its history at all: a long history is not read to its
    /// beginning. All commits are here. Returns `None` if the history is too long to tell.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn which_are_in_newer(&self, tip: Oid, mut sought: HashSet<Oid>) -> Result<Option<HashSet<Oid>>> {
        let mut found = HashSet::new();
        let Some(oldest) = sought.iter().map(|commit| self.commit_time(*commit)).min() else {
            return Ok(Some(found));
        };
        let newest_first = gix::revision::walk::Sorting::ByCommitTimeCutoff {
            order: CommitTimeOrder::NewestFirst,
            seconds: oldest.saturating_sub(CLOCK_SKEW_SECONDS),
        };
        let cannot = || format!("cannot walk the history of {}", tip.short());
        let walk =
            self.gix.rev_walk([tip.gix()]).sorting(newest_first).all().context(Kind::Internal, cannot)?;
        let mut read = 0;
        for commit in walk.filter_map(std::result::Result::ok) {
            read += 1;
            if read > MOST_COMMITS {
                return Ok(None);
            }
            let commit = Oid::from(commit.id);
            if sought.remove(&commit) {
                found.insert(commit);
                if sought.is_empty() {
                    return Ok(Some(found));
                }
            }
        }
        if read > MANY_COMMITS {
            return Ok(Some(found));
        }
        // A clock that was wrong for longer may have hidden some.
        self.with_ancestry(|ancestry| {
            for commit in sought.into_iter().take(MOST_EXACT) {
                if ancestry.contains(tip, commit)? {
                    found.insert(commit);
                }
            }
            Ok(())
        })?;
        Ok(Some(found))
    }

    /// Returns the trees before and after a commit; `None` for a merge. A commit whose parent is not here, as in a shallow clone,
    /// counts as a root.
    ///
    /// # Errors
    /// The commit or its parent cannot be read.
    pub fn trees_around(&self, commit: Oid) -> Result<Option<TreesAround>> {
        let read = |id: Oid| -> Result<(Oid, Vec<Oid>)> {
            let broken = || format!("cannot read commit {}", id.short());
            let found = self.gix.find_commit(id.gix()).context(Code::ObjectUnreadable, broken)?;
            let decoded = found.decode().context(Code::ObjectUnreadable, broken)?;
            let parents: Vec<Oid> = decoded.parents().map(Into::into).collect();
            Ok((decoded.tree().into(), parents))
        };
        let (after, parents) = read(commit)?;
        match parents.as_slice() {
            [] => Ok(Some((None, after))),
            [parent] if self.has_object(*parent) => Ok(Some((Some(read(*parent)?.0), after))),
            [_] => Ok(Some((None, after))),
            _ => Ok(None),
        }
    }

    /// Returns the repository with a cache of `bytes` for objects that are read repeatedly, such as the trees of neighbouring
    /// commits.
    #[must_use]
    pub fn with_object_cache(&self, bytes: usize) -> Self {
        let mut cached = self.with_identity(None);
        cached.gix.object_cache_size_if_unset(bytes);
        cached
    }
}
