//! Decides how many branches the next check covers, when branches are checked in batches: all that are left, and where that fails, a
//! binary search for the branch that causes it. Nothing here runs anything.

/// From how many culprits on a search may cost more than it saves.
const MANY_CULPRITS: usize = 2;
/// The percentage of culprits among the decided branches above which branches are checked one by one: a search for each of them would
/// run more checks than there are branches.
const MANY_PERCENT: usize = 15;

/// What to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Integrate up to this many branches, and check the result once.
    Together(usize),
    /// Integrate and check the next branch alone; if it fails, it is the culprit.
    Alone,
}

/// What is known from the checks so far.
#[derive(Clone, Debug)]
pub(super) struct Batches {
    one_by_one: bool,
    /// How many of the next branches are known to fail together, if any.
    suspects: Option<usize>,
    culprits: usize,
    decided: usize,
}

impl Batches {
    /// Returns the state before the first check. `one_by_one`: every branch is checked alone.
    pub(super) const fn new(one_by_one: bool) -> Self {
        Self { one_by_one, suspects: None, culprits: 0, decided: 0 }
    }

    /// Returns what to do next, with `left` branches left.
    pub(super) fn next(&self, left: usize) -> Next {
        let many =
            self.culprits >= MANY_CULPRITS && self.culprits * 100 > self.decided.saturating_mul(MANY_PERCENT);
        match self.suspects {
            _ if self.one_by_one || many => Next::Alone,
            None if left <= 1 => Next::Alone,
            None => Next::Together(left),
            // A batch of this one branch failed: its repeat tells a culprit from a check that fails now and then.
            Some(..=1) => Next::Alone,
            Some(suspects) => Next::Together(suspects / 2),
        }
    }

    /// Returns whether a check failed whose culprit is searched for.
    pub(super) const fn is_searching(&self) -> bool {
        self.suspects.is_some()
    }

    /// Notes how the check of a batch of `merged` branches ended. After a failure, the same branches are left.
    pub(super) fn ended_together(&mut self, merged: usize, passed: bool) {
        if passed {
            self.landed(merged);
        } else {
            self.suspects = Some(merged);
        }
    }

    /// Notes that a branch that was checked alone landed, or that it is the culprit.
    pub(super) fn ended_alone(&mut self, passed: bool) {
        if passed {
            self.landed(1);
        } else {
            self.suspects = None;
            self.culprits += 1;
            self.decided += 1;
        }
    }

    /// Notes that a batch could not be checked: the branches that are left are checked one by one, which says which of them is the cause.
    pub(super) fn stop(&mut self) {
        self.one_by_one = true;
    }

    fn landed(&mut self, count: usize) {
        self.decided += count;
        self.suspects = self.suspects.map(|suspects| suspects.saturating_sub(count)).filter(|left| *left > 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Branches that fail alone, pairs that fail together, and the numbers of the runs that fail for no reason.
    struct Outcomes {
        bad: Vec<bool>,
        pairs: Vec<(usize, usize)>,
        flaky_runs: Vec<usize>,
    }

    #[derive(Default)]
    struct Landing {
        landed: Vec<usize>,
        runs: usize,
        culprits: usize,
    }

    impl Outcomes {
        fn pass(&self, set: &[usize], run: usize) -> bool {
            let clash = |(a, b): &(usize, usize)| a != b && set.contains(a) && set.contains(b);
            !(set.iter().any(|branch| self.bad[*branch])
                || self.pairs.iter().any(clash)
                || self.flaky_runs.contains(&run))
        }

        fn land(&self, one_by_one: bool) -> Landing {
            let (mut batches, mut done) = (Batches::new(one_by_one), Landing::default());
            let mut left: Vec<usize> = (0..self.bad.len()).collect();
            // The last set that passed a check: only this one may be the result.
            let mut tested = Vec::new();
            while !left.is_empty() {
                let next = batches.next(left.len());
                let size = if let Next::Together(size) = next { size } else { 1 };
                assert!((1..=left.len()).contains(&size), "{next:?} of {}", left.len());
                let set = [&done.landed[..], &left[..size]].concat();
                let passed = self.pass(&set, done.runs);
                done.runs += 1;
                if passed {
                    left.drain(..size);
                    tested.clone_from(&set);
                    done.landed = set;
                }
                if next == Next::Alone {
                    if !passed {
                        left.remove(0);
                        done.culprits += 1;
                    }
                    batches.ended_alone(passed);
                } else {
                    batches.ended_together(size, passed);
                }
                assert_eq!(done.landed, tested, "what lands was checked as a whole");
            }
            done
        }
    }

    /// The most runs that one decision takes: the whole, the search, and the repeat.
    fn search(branches: usize) -> usize {
        branches.ilog2() as usize + 3
    }

    #[test]
    fn runs_of_ten_branches() {
        for (bad, runs) in [(&[][..], 1), (&[0], 6), (&[9], 6), (&[4], 7), (&[0, 1], 18)] {
            let mut outcomes = Outcomes { bad: vec![false; 10], pairs: Vec::new(), flaky_runs: Vec::new() };
            bad.iter().for_each(|at| outcomes.bad[*at] = true);
            let done = outcomes.land(false);
            assert_eq!((done.landed.len(), done.culprits), (10 - bad.len(), bad.len()));
            assert_eq!(done.runs, runs, "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn batches_land_what_one_by_one_lands(
            bad in prop::collection::vec(prop::bool::weighted(0.15), 1..40),
            pairs in prop::collection::vec((0_usize..40, 0_usize..40), 0..4),
        ) {
            let outcomes = Outcomes { bad, pairs, flaky_runs: Vec::new() };
            let (batch, alone) = (outcomes.land(false), outcomes.land(true));
            prop_assert_eq!(&batch.landed, &alone.landed);
            let branches = outcomes.bad.len();
            prop_assert_eq!(alone.runs, branches);
            prop_assert!(batch.runs <= (batch.culprits + 1) * search(branches) + branches);
            prop_assert!(batch.culprits > 0 || batch.runs == 1);
        }

        #[test]
        fn a_check_that_fails_now_and_then_ends_and_lands_only_what_passed(
            bad in prop::collection::vec(prop::bool::weighted(0.1), 1..40),
            flaky_runs in prop::collection::vec(0_usize..80, 0..20),
        ) {
            let outcomes = Outcomes { bad, pairs: Vec::new(), flaky_runs };
            let done = outcomes.land(false);
            prop_assert!(done.landed.iter().all(|branch| !outcomes.bad[*branch]));
            prop_assert!(done.runs <= outcomes.bad.len() * search(outcomes.bad.len()));
        }
    }

    #[test]
    fn one_failure_for_no_reason_costs_no_branch() {
        // From two branches on: a single branch is checked alone, as without batches.
        for branches in 2..40 {
            for run in 0..search(branches) {
                let outcomes =
                    Outcomes { bad: vec![false; branches], pairs: Vec::new(), flaky_runs: vec![run] };
                assert_eq!(outcomes.land(false).landed.len(), branches, "{branches} branches, run {run}");
            }
        }
    }
}
