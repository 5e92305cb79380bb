//! The merge bases of all pairs of some commits, by one walk of their history. Pure.
//!
//! Every commit gets the set of the given commits, the *tips*, from which it is reached. A merge base of two tips is a commit that
//! both reach while none of its children is reached by both. The walk visits newer commits first, and a commit again if its set
//! grew later. It ends when all commits that are left are *settled*: all tips reach one of their children, so that neither they nor
//! what lies below can be a merge base.
//!
//! Wrong dates can hide that a commit is below another one that was found, never a merge base itself: every path from a tip to it
//! leads through commits that are not settled, which are all visited. So a single commit is the answer, and of several, some may be
//! ancestors of others.

use std::{
    collections::{BinaryHeap, HashMap},
    rc::Rc,
};

use crate::{Result, git::Oid};

/// A commit as the walk needs it.
pub(super) struct WalkedCommit {
    pub(super) parents: Vec<Oid>,
    /// What is larger for a child than for its parents, as a rule.
    pub(super) age: Age,
}

/// The generation, or the maximum if it is unknown, and the time in seconds.
pub(super) type Age = (u32, i64);

/// What is known of the merge bases of two tips.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum CommonAncestors {
    /// There is none.
    None,
    /// The only one.
    One(Oid),
    /// Several commits, of which some may be ancestors of others.
    Several,
    /// One of the two does not exist.
    Unknown,
}

/// A set of tips, as bits.
type Tips = Rc<[u64]>;

struct Node {
    id: Oid,
    age: Age,
    /// Indexes of the parents that exist; empty until the commit was visited.
    parents: Vec<u32>,
    unread: Vec<Oid>,
    tips: Tips,
    is_queued: bool,
    /// Whether all tips reach one of its children.
    is_settled: bool,
}

/// The merge bases of all pairs of tips.
pub(super) struct AllPairs {
    tips: usize,
    /// For two tips, the larger index first: an index into `commits`, or one of the constants.
    found: Vec<u32>,
    commits: Vec<Oid>,
}

const NOTHING: u32 = u32::MAX;
const SEVERAL: u32 = u32::MAX - 1;
const UNKNOWN: u32 = u32::MAX - 2;

impl AllPairs {
    /// Walks the history of `tips`. `read` returns a commit, or `None` if it does not exist.
    ///
    /// # Errors
    /// Those of `read`.
    pub(super) fn of(tips: &[Oid], read: impl FnMut(Oid) -> Result<Option<WalkedCommit>>) -> Result<Self> {
        let mut walk = Walk::new(tips.len(), read);
        let mut found = vec![NOTHING; tips.len() * tips.len().saturating_sub(1) / 2];
        let mut missing = Vec::new();
        for (tip, id) in tips.iter().enumerate() {
            if !walk.start(tip, *id)? {
                missing.push(tip);
            }
        }
        walk.forget(&missing);
        walk.run()?;
        for tip in missing {
            (0..tips.len()).filter_map(|other| slot(tip, other)).for_each(|at| found[at] = UNKNOWN);
        }
        walk.collect(&mut found);
        let commits = walk.nodes.into_iter().map(|node| node.id).collect();
        Ok(Self { tips: tips.len(), found, commits })
    }

    /// Returns what is known of two different tips, by their indexes.
    pub(super) fn of_pair(&self, one: usize, other: usize) -> CommonAncestors {
        if one.max(other) >= self.tips {
            return CommonAncestors::Unknown;
        }
        match slot(one, other).map_or(UNKNOWN, |at| self.found[at]) {
            NOTHING => CommonAncestors::None,
            SEVERAL => CommonAncestors::Several,
            UNKNOWN => CommonAncestors::Unknown,
            commit => CommonAncestors::One(self.commits[commit as usize]),
        }
    }
}

/// Returns the place of a pair of different tips.
fn slot(a: usize, b: usize) -> Option<usize> {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    (low != high).then(|| high * (high - 1) / 2 + low)
}

struct Walk<R> {
    read: R,
    nodes: Vec<Node>,
    index: HashMap<Oid, Option<u32>>,
    queue: BinaryHeap<(Age, u32)>,
    /// How many queued commits are not settled.
    open: usize,
    all: Tips,
}

impl<R: FnMut(Oid) -> Result<Option<WalkedCommit>>> Walk<R> {
    fn new(tips: usize, read: R) -> Self {
        let all = (0..tips).fold(vec![0; tips.div_ceil(64)], |mut all, tip| {
            all[tip / 64] |= 1 << (tip % 64);
            all
        });
        Self {
            read,
            nodes: Vec::new(),
            index: HashMap::new(),
            queue: BinaryHeap::new(),
            open: 0,
            all: all.into(),
        }
    }

    /// Begins at a tip; returns whether it exists.
    fn start(&mut self, tip: usize, id: Oid) -> Result<bool> {
        let mut only: Vec<u64> = vec![0; self.all.len()];
        only[tip / 64] |= 1 << (tip % 64);
        let Some(node) = self.node(id)? else { return Ok(false) };
        self.reach(node, &only.into(), false);
        Ok(true)
    }

    /// No longer waits for tips that do not exist.
    fn forget(&mut self, tips: &[usize]) {
        let mut all = self.all.to_vec();
        tips.iter().for_each(|tip| all[tip / 64] &= !(1 << (tip % 64)));
        self.all = all.into();
    }

    /// Returns the index of a commit, which is read if it is met for the first time.
    fn node(&mut self, id: Oid) -> Result<Option<u32>> {
        if let Some(known) = self.index.get(&id) {
            return Ok(*known);
        }
        let node = match (self.read)(id)? {
            Some(commit) => {
                let at = u32::try_from(self.nodes.len()).ok().filter(|at| *at < UNKNOWN);
                self.nodes.push(Node {
                    id,
                    age: commit.age,
                    parents: Vec::new(),
                    unread: commit.parents,
                    tips: vec![0; self.all.len()].into(),
                    is_queued: false,
                    is_settled: false,
                });
                at
            }
            None => None,
        };
        self.index.insert(id, node);
        Ok(node)
    }

    /// Adds to the tips that reach a commit; it is visited again if there are more than before.
    fn reach(&mut self, at: u32, tips: &Tips, is_settled: bool) {
        let node = &mut self.nodes[at as usize];
        let was_open = node.is_queued && !node.is_settled;
        node.is_settled |= is_settled;
        let grows = tips.iter().zip(node.tips.iter()).any(|(new, known)| new & !known != 0);
        if node.tips.iter().all(|word| *word == 0) {
            node.tips = Rc::clone(tips);
        } else if grows {
            node.tips = node.tips.iter().zip(tips.iter()).map(|(known, new)| known | new).collect();
        }
        if grows && !std::mem::replace(&mut node.is_queued, true) {
            self.queue.push((node.age, at));
        }
        self.open = self.open + usize::from(node.is_queued && !node.is_settled) - usize::from(was_open);
    }

    fn run(&mut self) -> Result<()> {
        while self.open > 0
            && let Some((_, at)) = self.queue.pop()
        {
            let node = &mut self.nodes[at as usize];
            node.is_queued = false;
            self.open -= usize::from(!node.is_settled);
            let tips = Rc::clone(&node.tips);
            let is_settled = tips == self.all;
            for id in std::mem::take(&mut node.unread) {
                if let Some(parent) = self.node(id)? {
                    self.nodes[at as usize].parents.push(parent);
                }
            }
            for number in 0..self.nodes[at as usize].parents.len() {
                self.reach(self.nodes[at as usize].parents[number], &tips, is_settled);
            }
        }
        Ok(())
    }

    /// Records each pair at the commits where both meet first.
    fn collect(&self, found: &mut [u32]) {
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); self.nodes.len()];
        for (child, node) in (0..).zip(&self.nodes) {
            node.parents.iter().for_each(|parent| children[*parent as usize].push(child));
        }
        for (at, (node, children)) in (0..).zip(self.nodes.iter().zip(&children)) {
            if children.iter().any(|child| self.nodes[*child as usize].tips == node.tips) {
                continue;
            }
            for one in bits(&node.tips) {
                let mut fresh = node.tips.to_vec();
                for child in children.iter().map(|child| &self.nodes[*child as usize].tips) {
                    if child[one / 64] & 1 << (one % 64) != 0 {
                        fresh.iter_mut().zip(child.iter()).for_each(|(word, met)| *word &= !met);
                    }
                }
                for at_pair in bits(&fresh).filter(|other| *other > one).filter_map(|other| slot(one, other))
                {
                    found[at_pair] = if found[at_pair] == NOTHING { at } else { SEVERAL };
                }
            }
        }
    }
}

/// Returns the indexes of the bits that are set.
fn bits(words: &[u64]) -> impl Iterator<Item = usize> {
    words
        .iter()
        .enumerate()
        .flat_map(|(at, word)| (0..64).filter(move |bit| word & 1 << bit != 0).map(move |bit| at * 64 + bit))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn id(number: usize) -> Oid {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Oid::from_bytes(bytes)
    }

    /// Histories as the parents of each commit, all older ones, and the time of each.
    type History = Vec<(Vec<usize>, i64)>;

    fn histories() -> impl Strategy<Value = History> {
        let commit = (prop::collection::vec(0usize..1000, 0..4), -3i64..4, 0u8..4);
        prop::collection::vec(commit, 1..24).prop_map(|commits| {
            let commit = |(at, (parents, skew, wild)): (usize, (Vec<usize>, i64, u8))| {
                let parents: BTreeSet<usize> =
                    parents.into_iter().filter(|_| at > 0).map(|parent| parent % at.max(1)).collect();
                let time = i64::try_from(at).unwrap();
                (parents.into_iter().collect(), if wild == 0 { -skew * 20 } else { time * 2 + skew })
            };
            commits.into_iter().enumerate().map(commit).collect()
        })
    }

    fn ancestors(history: &History, of: usize) -> BTreeSet<usize> {
        let (mut seen, mut open) = (BTreeSet::from([of]), vec![of]);
        while let Some(at) = open.pop() {
            open.extend(history[at].0.iter().filter(|parent| seen.insert(**parent)));
        }
        seen
    }

    fn walk(history: &History, tips: &[usize], generations: bool) -> (AllPairs, usize) {
        let mut read = 0;
        let generation = |at: usize| u32::try_from(longest(history, at)).unwrap();
        let ids: Vec<Oid> = tips.iter().map(|tip| id(*tip)).collect();
        let all = AllPairs::of(&ids, |wanted| {
            read += 1;
            let at = (0..history.len()).find(|at| id(*at) == wanted);
            Ok(at.map(|at| WalkedCommit {
                parents: history[at].0.iter().map(|parent| id(*parent)).collect(),
                age: (if generations { generation(at) } else { u32::MAX }, history[at].1),
            }))
        });
        (all.unwrap(), read)
    }

    fn longest(history: &History, at: usize) -> usize {
        1 + history[at].0.iter().map(|parent| longest(history, *parent)).max().unwrap_or(0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// A single commit is the merge base, none means that there is none, and several are never reported for one when the
        /// dates are right.
        #[test]
        fn merge_bases_are_those_of_their_definition(
            history in histories(),
            tips in prop::collection::vec(0usize..24, 2..70),
            generations: bool,
        ) {
            let tips: Vec<usize> = tips.into_iter().map(|tip| tip % history.len()).collect();
            let (all, _) = walk(&history, &tips, generations);
            for (at, one) in tips.iter().enumerate() {
                for (before, other) in tips[..at].iter().enumerate() {
                    let both: BTreeSet<usize> =
                        ancestors(&history, *one).intersection(&ancestors(&history, *other)).copied().collect();
                    let is_best = |at: &&usize| {
                        both.iter().all(|above| above == *at || !ancestors(&history, *above).contains(at))
                    };
                    let best: Vec<usize> = both.iter().filter(is_best).copied().collect();
                    let found = all.of_pair(at, before);
                    prop_assert_eq!(found, all.of_pair(before, at));
                    match best.as_slice() {
                        [] => prop_assert_eq!(found, CommonAncestors::None),
                        [only] if generations => prop_assert_eq!(found, CommonAncestors::One(id(*only))),
                        [only] => prop_assert!(found == CommonAncestors::One(id(*only)) || found == CommonAncestors::Several),
                        _ => prop_assert_eq!(found, CommonAncestors::Several),
                    }
                }
            }
        }
    }

    #[test]
    fn the_walk_reads_each_commit_once_and_ends_where_all_tips_meet() {
        // A line of 2,000 commits, and forty branches of one commit each that start along its newest half.
        let mut history: History =
            (0..2000).map(|at: usize| (Vec::from_iter(at.checked_sub(1)), 0)).collect();
        history.extend((0..40).map(|branch| (vec![1000 + branch * 25], 0)));
        for (time, commit) in (0..).zip(&mut history) {
            commit.1 = time;
        }
        let tips: Vec<usize> = (2000..2040).collect();
        let (all, read) = walk(&history, &tips, false);
        assert_eq!(all.of_pair(3, 39), CommonAncestors::One(id(1075)));
        assert!(read <= 1040, "{read}");
    }

    #[test]
    fn a_missing_tip_affects_only_its_own_pairs() {
        let history: History = vec![(vec![], 0), (vec![0], 1), (vec![0], 2)];
        let (all, _) = walk(&history, &[1, 7, 2], false);
        assert_eq!(all.of_pair(0, 2), CommonAncestors::One(id(0)));
        assert_eq!(
            (all.of_pair(0, 1), all.of_pair(2, 1)),
            (CommonAncestors::Unknown, CommonAncestors::Unknown)
        );
        assert_eq!(all.of_pair(0, 0), CommonAncestors::Unknown, "no pair");
        assert_eq!(all.of_pair(0, 3), CommonAncestors::Unknown, "no tip");
    }
}
