//! Which branches conflict with each other and with the target branch.

use std::collections::BTreeMap;

use crate::model::conflict::ConflictKinds;

/// The size of the conflict between two branches.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct PairConflict {
    /// Files that cannot be merged.
    pub files: u32,
    /// Conflicting places in these files; a binary file counts as one.
    pub hunks: u32,
    /// The kinds of conflicts among them.
    pub kinds: ConflictKinds,
}

impl PairConflict {
    /// Returns the sum of two conflicts.
    #[must_use]
    pub const fn combine(self, other: Self) -> Self {
        Self {
            files: self.files.saturating_add(other.files),
            hunks: self.hunks.saturating_add(other.hunks),
            kinds: self.kinds.combine(other.kinds),
        }
    }
}

/// The conflict of every pair of branches, and of every branch with the target branch. Symmetric.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Matrix {
    size: usize,
    pairs: Vec<Option<PairConflict>>,
    target: Vec<Option<PairConflict>>,
    /// Why a pair cannot be compared. The target has the index [`Matrix::size`].
    incomparable: BTreeMap<(usize, usize), String>,
}

impl Matrix {
    /// Makes a matrix of branches without conflicts.
    pub fn new(size: usize) -> Self {
        let pairs = vec![None; size * size.saturating_sub(1) / 2];
        Self { size, pairs, target: vec![None; size], incomparable: BTreeMap::new() }
    }

    /// Returns the number of branches.
    pub const fn size(&self) -> usize {
        self.size
    }

    fn at(&self, a: usize, b: usize) -> Option<usize> {
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        (low != high && high < self.size).then(|| high * (high - 1) / 2 + low)
    }

    /// Sets the conflict of a pair. A branch with itself is ignored.
    pub fn set(&mut self, a: usize, b: usize, conflict: Option<PairConflict>) {
        if let Some(at) = self.at(a, b) {
            self.pairs[at] = conflict;
        }
    }

    /// Sets the conflict of a branch with the target.
    pub fn set_target(&mut self, branch: usize, conflict: Option<PairConflict>) {
        self.target[branch] = conflict;
    }

    /// Records that it is unknown whether a pair merges; [`Matrix::size`] is the index of the target. Such a pair counts as a
    /// conflict without files, so that both branches are tried, one after the other.
    pub fn mark_incomparable(&mut self, a: usize, b: usize, why: &str) {
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        self.incomparable.insert((low, high), why.to_owned());
        if high == self.size {
            self.set_target(low, Some(PairConflict::default()));
        } else {
            self.set(low, high, Some(PairConflict::default()));
        }
    }

    /// Returns why a pair cannot be compared, if it cannot; [`Matrix::size`] is the index of the target.
    pub fn incomparable_reason(&self, a: usize, b: usize) -> Option<&str> {
        let pair = if a < b { (a, b) } else { (b, a) };
        self.incomparable.get(&pair).map(String::as_str)
    }

    /// Returns the conflict of a pair; an empty one if the pair cannot be compared.
    pub fn get(&self, a: usize, b: usize) -> Option<PairConflict> {
        self.pairs[self.at(a, b)?]
    }

    /// Returns the conflict of a branch with the target.
    pub fn with_target(&self, branch: usize) -> Option<PairConflict> {
        self.target[branch]
    }

    /// Returns the branches that conflict with a branch, or cannot be compared with it.
    pub fn conflicts_with(&self, branch: usize) -> impl Iterator<Item = (usize, PairConflict)> + '_ {
        (0..self.size).filter_map(move |other| self.get(branch, other).map(|conflict| (other, conflict)))
    }

    /// Returns how many pairs conflict, without those that cannot be compared.
    pub fn conflicting(&self) -> usize {
        let incomparable = self.incomparable.keys().filter(|(_, high)| *high < self.size).count();
        self.pairs.iter().filter(|pair| pair.is_some()).count() - incomparable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_its_own_entry() {
        let mut matrix = Matrix::new(5);
        let mut seen = std::collections::HashSet::new();
        for a in 0..5 {
            for b in 0..5 {
                assert_eq!(matrix.at(a, b), matrix.at(b, a));
                if a < b {
                    assert!(seen.insert(matrix.at(a, b).unwrap()));
                }
            }
            assert_eq!(matrix.at(a, a), None);
        }
        assert_eq!((seen.len(), matrix.pairs.len()), (10, 10));
        matrix.set(3, 1, Some(PairConflict { files: 2, hunks: 3, kinds: ConflictKinds::CONTENT }));
        assert_eq!(
            matrix.get(1, 3),
            Some(PairConflict { files: 2, hunks: 3, kinds: ConflictKinds::CONTENT })
        );
        assert_eq!(matrix.conflicts_with(3).map(|(other, _)| other).collect::<Vec<_>>(), [1]);
        assert_eq!(matrix.conflicting(), 1);
        assert_eq!(Matrix::new(0).conflicting(), 0);
        matrix.mark_incomparable(4, 0, "no common ancestor");
        matrix.mark_incomparable(2, 5, "git fails");
        assert_eq!((matrix.conflicting(), matrix.get(0, 4)), (1, Some(PairConflict::default())));
        assert_eq!(matrix.incomparable_reason(0, 4), Some("no common ancestor"));
        assert_eq!(
            (matrix.incomparable_reason(5, 2), matrix.with_target(2)),
            (Some("git fails"), Some(PairConflict::default()))
        );
        assert_eq!(matrix.incomparable_reason(1, 3), None);
    }
}
