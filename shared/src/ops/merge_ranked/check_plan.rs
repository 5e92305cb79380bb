//! How the checks of a planned landing would run. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::{BranchOutcome, BranchRow};
use crate::landing::LandOptions;

/// How the checks of a planned landing would run.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct CheckPlan {
    /// The names of the checks, in their order.
    pub checks: Vec<String>,
    /// Whether the branches are checked together first.
    pub batch: bool,
    /// The number of branches that the first run covers.
    pub first: usize,
    /// The number of runs if every check passes and none is known to pass.
    pub runs: usize,
    /// The number of checks that run at once.
    pub at_once: usize,
}

impl CheckPlan {
    /// Returns the plan for these rows; `None` if nothing would be checked.
    pub(super) fn of(options: &LandOptions, order: &[BranchRow], at_once: usize) -> Option<Self> {
        let may_land =
            |row: &&BranchRow| matches!(row.outcome, BranchOutcome::Lands | BranchOutcome::Unknown);
        let branches = order.iter().filter(may_land).count();
        let checks: Vec<String> = options.checks.iter().map(|(name, _)| name.clone()).collect();
        if branches == 0 || checks.is_empty() {
            return None;
        }
        let batch = options.batch && branches > 1;
        let (first, states) = if batch { (branches, 1) } else { (1, branches) };
        Some(Self { runs: states * checks.len(), checks, batch, first, at_once })
    }

    /// Describes the plan for people.
    pub fn sentence(&self) -> String {
        let Self { checks, batch, first, runs, at_once } = self;
        let (names, times) = (checks.join(" and "), runs / checks.len().max(1));
        let beside = if *at_once > 1 { format!(", up to {at_once} at once") } else { String::new() };
        match (batch, times) {
            (true, _) => format!(
                "checks: {names} for all {first} branches together; if that fails, a search for the branch that causes it{beside}"
            ),
            (false, 1) => format!("checks: {names} for the branch"),
            (false, _) => format!("checks: {names} after each of {times} branches{beside}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        git::Oid,
        landing::{Branch, state::Step},
    };

    #[test]
    fn a_plan_says_what_would_run() {
        let row = |outcome| {
            let branch = Branch {
                name: "b".into(),
                tip: Oid::NULL,
                agent: None,
                problem: None,
                snapshot: None,
                part: None,
                failed: None,
            };
            Step::of(&branch, 1).with_outcome(outcome)
        };
        let (lands, conflict) = (BranchOutcome::Lands, BranchOutcome::Conflict);
        for (checks, batch, outcomes, at_once, sentence) in [
            (&[][..], true, &[lands, lands][..], 1, None),
            (&["test"], true, &[conflict], 1, None),
            (&["test"], true, &[lands, conflict], 2, Some("checks: test for the branch")),
            (
                &["build", "test"],
                false,
                &[lands, lands],
                1,
                Some("checks: build and test after each of 2 branches"),
            ),
            (
                &["test"],
                false,
                &[lands, lands],
                3,
                Some("checks: test after each of 2 branches, up to 3 at once"),
            ),
            (
                &["test"],
                true,
                &[lands, lands, conflict],
                1,
                Some(
                    "checks: test for all 2 branches together; if that fails, a search for the branch that causes it",
                ),
            ),
        ] {
            let checks = checks.iter().map(|name| ((*name).to_owned(), "make".to_owned())).collect();
            let options = LandOptions { checks, batch, ..LandOptions::default() };
            let rows: Vec<BranchRow> = outcomes.iter().map(|outcome| row(*outcome)).collect();
            let plan = CheckPlan::of(&options, &rows, at_once);
            assert_eq!(plan.map(|plan| plan.sentence()).as_deref(), sentence);
        }
    }
}
