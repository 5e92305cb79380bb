//! The merge bases of many commits, found together.

use std::collections::HashMap;

use super::common_ancestors::{AllPairs, CommonAncestors, WalkedCommit};
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo},
};

/// The merge base of two commits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MergeBase {
    /// The only merge base.
    One(Oid),
    /// There are several, because the histories criss-cross, or the history cannot be read. Git judges the pair.
    Ambiguous,
    /// There is none.
    None,
}

/// The merge bases of all pairs of some commits: their history is read once, not once per pair.
pub struct MergeBases {
    /// The index of each commit; `None` for all if the history cannot be read completely.
    tips: HashMap<Oid, usize>,
    all: Option<AllPairs>,
}

impl MergeBases {
    /// Walks the history of some commits. What cannot be found together is looked up pair by pair later.
    pub fn of(repo: &Repo, tips: &[Oid]) -> Self {
        let mut distinct = Vec::with_capacity(tips.len());
        let mut indexes = HashMap::new();
        for tip in tips {
            indexes.entry(*tip).or_insert_with(|| {
                distinct.push(*tip);
                distinct.len() - 1
            });
        }
        Self { tips: indexes, all: walk(repo, &distinct).ok() }
    }

    /// Returns the only merge base of two commits; `None`: that is unknown here, or there are none or several.
    pub fn only(&self, one: Oid, other: Oid) -> Option<Oid> {
        match self.known(one, other) {
            CommonAncestors::One(base) => Some(base),
            _ => None,
        }
    }

    /// Returns the merge bases of pairs of commits.
    ///
    /// # Errors
    /// The commit graph of the repository cannot be read.
    pub(super) fn of_pairs(&self, repo: &Repo, pairs: &[(Oid, Oid)]) -> Result<Vec<MergeBase>> {
        let mut found: Vec<Option<MergeBase>> = pairs
            .iter()
            .map(|&(one, other)| match self.known(one, other) {
                CommonAncestors::None => Some(MergeBase::None),
                CommonAncestors::One(base) => Some(MergeBase::One(base)),
                CommonAncestors::Several | CommonAncestors::Unknown => None,
            })
            .collect();
        if found.contains(&None) {
            let cannot = || "cannot find the merge bases of branches".to_owned();
            let cache = repo.gix.commit_graph_if_enabled().context(Kind::Internal, cannot)?;
            let mut graph = repo.gix.revision_graph(cache.as_ref());
            for (found, (one, other)) in found.iter_mut().zip(pairs).filter(|(found, _)| found.is_none()) {
                let bases = repo.gix.merge_bases_many_with_graph(one.gix(), &[other.gix()], &mut graph);
                *found = Some(match bases.as_deref() {
                    Ok([]) => MergeBase::None,
                    Ok([only]) => MergeBase::One(only.detach().into()),
                    Ok(_) | Err(_) => MergeBase::Ambiguous,
                });
            }
        }
        Ok(found.into_iter().map(|found| found.unwrap_or(MergeBase::Ambiguous)).collect())
    }

    fn known(&self, one: Oid, other: Oid) -> CommonAncestors {
        match (&self.all, self.tips.get(&one), self.tips.get(&other)) {
            (Some(all), Some(&one), Some(&other)) => all.of_pair(one, other),
            _ => CommonAncestors::Unknown,
        }
    }
}

fn walk(repo: &Repo, tips: &[Oid]) -> Result<AllPairs> {
    let cannot = || "cannot walk the history of branches".to_owned();
    let cache = repo.gix.commit_graph_if_enabled().context(Kind::Internal, cannot)?;
    let mut graph = repo.gix.revision_graph::<()>(cache.as_ref());
    AllPairs::of(tips, |id| {
        let Some(found) = graph.try_lookup(&id.gix()).context(Kind::Internal, cannot)? else {
            return Ok(None);
        };
        let commit = found.to_owned(|| ()).context(Kind::Internal, cannot)?;
        Ok(Some(WalkedCommit {
            parents: commit.parents.iter().map(|parent| Oid::from(*parent)).collect(),
            age: (commit.generation.unwrap_or(u32::MAX), commit.commit_time),
        }))
    })
}
