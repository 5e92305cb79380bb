//! Foresees which checks are likely to be needed next, so that they can run beside the one that is needed now. What lands is decided
//! from the results in order, as if they ran one after the other. Nothing here runs anything.

use super::batches::{Batches, Next};
use crate::{Result, git::Oid};

/// Of 100 checks, how many pass while nothing is known to fail.
const PASS: u64 = 90;
/// Of 100 checks of the first half of the branches that fail together, how many pass.
const PASS_OF_HALF: u64 = 50;
/// Of 100 repeated checks of the branch to which a search has led, how many pass.
const PASS_OF_CULPRIT: u64 = 20;
/// The likelihood of what is known.
const CERTAIN: u64 = 1_000_000_000_000;
/// The least likelihood at which a check is worth its run.
const WORTH: u64 = CERTAIN / 5;
/// How many steps are foreseen for each check that may run.
const STEPS_PER_CHECK: usize = 4;

/// One step in a possible future.
#[derive(Clone, Debug)]
pub(super) struct Foreseen<S> {
    /// What the step integrates.
    pub(super) next: Next,
    /// The commit that is checked then, if anything was integrated.
    pub(super) check: Option<Oid>,
    /// How many branches were integrated.
    pub(super) merged: usize,
    /// The state after the check passed.
    pub(super) passed: S,
    /// The state after the check failed; `None` if what follows then is not known.
    pub(super) failed: Option<S>,
}

struct Future<S> {
    batches: Batches,
    state: S,
    likelihood: u64,
}

/// Returns the commits whose checks are most likely to be needed next, at most `most`, the certain one first. `step` takes one step from a
/// state, and returns `None` if there is none, or none that can be foreseen.
///
/// # Errors
/// As `step`.
pub(super) fn likely<S>(
    batches: &Batches,
    state: S,
    most: usize,
    mut step: impl FnMut(&S, &Batches) -> Result<Option<Foreseen<S>>>,
) -> Result<Vec<Oid>> {
    let mut wanted = Vec::with_capacity(most);
    let mut futures = vec![Future { batches: batches.clone(), state, likelihood: CERTAIN }];
    for _ in 0..most * STEPS_PER_CHECK {
        // Of those that are equally likely, the one that was foreseen first.
        let best = futures.iter().enumerate().rev().max_by_key(|(_, future)| future.likelihood);
        let Some(at) = best.map(|(at, _)| at).filter(|_| wanted.len() < most) else { break };
        let Future { batches, state, likelihood } = futures.remove(at);
        let Some(foreseen) = step(&state, &batches)? else { continue };
        let pass = if foreseen.check.is_some() { chance_to_pass(&batches, foreseen.next) } else { 100 };
        if let Some(commit) = foreseen.check.filter(|commit| !wanted.contains(commit)) {
            wanted.push(commit);
        }
        for (state, passed, chance) in
            [(Some(foreseen.passed), true, pass), (foreseen.failed, false, 100 - pass)]
        {
            let Some(state) = state else { continue };
            let mut batches = batches.clone();
            match foreseen.next {
                Next::Together(_) => batches.ended_together(foreseen.merged, passed),
                Next::Alone if foreseen.check.is_some() => batches.ended_alone(passed),
                Next::Alone => {}
            }
            let likelihood = likelihood / 100 * chance;
            if likelihood >= WORTH {
                futures.push(Future { batches, state, likelihood });
            }
        }
    }
    Ok(wanted)
}

/// Returns how many of 100 such checks pass.
fn chance_to_pass(batches: &Batches, next: Next) -> u64 {
    match next {
        Next::Together(_) if batches.is_searching() => PASS_OF_HALF,
        Next::Alone if batches.is_searching() => PASS_OF_CULPRIT,
        Next::Together(_) | Next::Alone => PASS,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What landed, and which branches are left.
    type State = (Vec<usize>, Vec<usize>);

    /// Names a set of branches as a commit.
    fn commit(set: &[usize]) -> Oid {
        let bits = set.iter().fold(0_u64, |bits, branch| bits | 1 << branch);
        Oid::parse(&format!("{bits:040x}")).unwrap()
    }

    fn foresee((landed, left): &State, batches: &Batches) -> Option<Foreseen<State>> {
        if left.is_empty() {
            return None;
        }
        let next = batches.next(left.len());
        let size = if let Next::Together(size) = next { size } else { 1 };
        let set = [&landed[..], &left[..size]].concat();
        let failed = match next {
            Next::Together(_) => (landed.clone(), left.clone()),
            Next::Alone => (landed.clone(), left[1..].to_vec()),
        };
        let check = Some(commit(&set));
        Some(Foreseen {
            next,
            check,
            merged: size,
            passed: (set, left[size..].to_vec()),
            failed: Some(failed),
        })
    }

    fn named(batches: &Batches, state: State, most: usize) -> Vec<Oid> {
        likely(batches, state, most, |state, batches| Ok(foresee(state, batches))).unwrap()
    }

    #[test]
    fn the_likely_checks_come_first() {
        let all = (Vec::new(), (0..8).collect::<Vec<_>>());
        // One by one: the next steps, as long as they pass; the step without the first branch is less likely.
        let one_by_one = named(&Batches::new(true), all.clone(), 4);
        assert_eq!(one_by_one, [commit(&[0]), commit(&[0, 1]), commit(&[0, 1, 2]), commit(&[0, 1, 2, 3])]);
        // Nothing beside the whole, which probably passes.
        assert_eq!(named(&Batches::new(false), all.clone(), 4), [commit(&all.1)]);
        // After the whole failed: its half, then what follows from either result.
        let mut searching = Batches::new(false);
        searching.ended_together(8, false);
        assert_eq!(
            named(&searching, all.clone(), 3),
            [commit(&[0, 1, 2, 3]), commit(&[0, 1, 2, 3, 4, 5]), commit(&[0, 1])]
        );
        // A branch alone is probably the culprit: the rest without it.
        let mut found = Batches::new(false);
        found.ended_together(1, false);
        let rest: Vec<usize> = (1..8).collect();
        assert_eq!(named(&found, all, 2), [commit(&[0]), commit(&rest)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Whatever the results are, the check that is needed now is the first one, and the most that were asked for are named.
        #[test]
        fn the_check_that_is_needed_is_always_the_first(
            bad in prop::collection::vec(prop::bool::weighted(0.2), 1..20),
            one_by_one: bool,
            most in 1_usize..9,
        ) {
            let mut batches = Batches::new(one_by_one);
            let mut state: State = (Vec::new(), (0..bad.len()).collect());
            while let Some(step) = foresee(&state, &batches) {
                let wanted = named(&batches, state.clone(), most);
                prop_assert_eq!(wanted.first().copied(), step.check);
                prop_assert!(wanted.len() <= most);
                let passed = !step.passed.0.iter().any(|branch| bad[*branch]);
                match step.next {
                    Next::Together(size) => batches.ended_together(size, passed),
                    Next::Alone => batches.ended_alone(passed),
                }
                state = if passed { step.passed } else { step.failed.unwrap() };
            }
            let landed: Vec<usize> = (0..bad.len()).filter(|branch| !bad[*branch]).collect();
            prop_assert_eq!(state.0, landed);
        }
    }
}
