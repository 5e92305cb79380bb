//! The outcome of a landing, or of its plan, for each branch: one word for people and scripts. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    landing::{LandingPlan, state::Step},
    model::event::Landing,
    rank::{Candidate, Matrix, RankedBranch},
};

/// A branch in the order of landing, with its outcome.
pub type BranchRow = Step<BranchOutcome>;

/// The outcome for a branch.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "LandingOutcome")]
pub enum BranchOutcome {
    /// It would land.
    Lands,
    /// It would not land unless somebody resolves its conflict with the target or with a branch that lands earlier.
    Conflict,
    /// It would not be tried.
    Blocked,
    /// It was merged and passed the checks in the scratch worktree; the target has not moved.
    Passed,
    /// It is in the target.
    Merged,
    /// It did not land, because it conflicts or was excluded.
    SetAside,
    /// It merges without conflict, but a check fails with it.
    Failed,
    /// Whether it conflicts is not known before it is tried.
    Unknown,
    /// It is in the target already.
    UpToDate,
    /// It has no changes that the target does not have.
    NothingNew,
    /// It was in the target, and was reverted there.
    TakenBack,
    /// The landing ended before its turn.
    NotReached,
}

impl BranchOutcome {
    /// Returns the outcome as people read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Lands => "lands",
            Self::Conflict => "conflict",
            Self::Blocked => "blocked",
            Self::Passed => "passed",
            Self::Merged => "merged",
            Self::SetAside => "set aside",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::UpToDate => "up to date",
            Self::NothingNew => "nothing new",
            Self::TakenBack => "taken back",
            Self::NotReached => "not reached",
        }
    }

    /// Returns the outcome of a step. `has_moved` says whether the target has moved to the result of the landing.
    pub const fn of_step(outcome: Option<Landing>, has_moved: bool) -> Self {
        match outcome {
            None => Self::NotReached,
            Some(Landing::Merged) if !has_moved => Self::Passed,
            Some(Landing::Merged) => Self::Merged,
            Some(Landing::SetAside) => Self::SetAside,
            Some(Landing::Failed) => Self::Failed,
            Some(Landing::UpToDate) => Self::UpToDate,
            Some(Landing::NothingNew) => Self::NothingNew,
            Some(Landing::Undone) => Self::TakenBack,
        }
    }
}

/// Returns the expected outcome for each branch of a plan, in the order of its steps. `settles` says whether the landing settles the
/// conflict of what lands earlier, by its number in the plan or by that of the target, with a branch.
pub(super) fn planned(plan: &LandingPlan, settles: &dyn Fn(usize, usize) -> bool) -> Vec<BranchOutcome> {
    let tried = forecast(&plan.order.places, &plan.candidates, &plan.matrix, settles);
    let not_tried = plan.skipped.iter().map(|skipped| match skipped.outcome {
        Landing::UpToDate => BranchOutcome::UpToDate,
        Landing::NothingNew => BranchOutcome::NothingNew,
        Landing::Undone => BranchOutcome::TakenBack,
        _ => BranchOutcome::Blocked,
    });
    tried.into_iter().chain(not_tried).collect()
}

/// Returns the outcome for each branch if every check passed and nobody resolved a conflict that the landing does not settle. A branch
/// conflicts if it does so with the target or with a branch that lands earlier.
fn forecast(
    places: &[RankedBranch],
    candidates: &[Candidate],
    matrix: &Matrix,
    settles: &dyn Fn(usize, usize) -> bool,
) -> Vec<BranchOutcome> {
    let mut lands: Vec<usize> = Vec::new();
    let of = |place: &RankedBranch| {
        let branch = place.branch;
        let before = || lands.iter().copied().chain([matrix.size()]);
        let is_unjudged = |first: usize| matrix.incomparable_reason(first, branch).is_some();
        let conflict = |first: usize| {
            if first == matrix.size() { matrix.with_target(branch) } else { matrix.get(first, branch) }
        };
        let clashes =
            |first: usize| conflict(first).is_some() && !is_unjudged(first) && !settles(first, branch);
        if !candidates[branch].may_land() {
            BranchOutcome::Blocked
        } else if before().any(clashes) {
            BranchOutcome::Conflict
        } else if before().any(is_unjudged) {
            BranchOutcome::Unknown
        } else {
            lands.push(branch);
            BranchOutcome::Lands
        }
    };
    places.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::conflict::ConflictKinds,
        rank::{PairConflict, ReviewState, order},
    };

    #[test]
    fn merged_means_that_the_target_has_moved() {
        for (step, moved, stayed) in [
            (None, BranchOutcome::NotReached, BranchOutcome::NotReached),
            (Some(Landing::Merged), BranchOutcome::Merged, BranchOutcome::Passed),
            (Some(Landing::SetAside), BranchOutcome::SetAside, BranchOutcome::SetAside),
            (Some(Landing::Failed), BranchOutcome::Failed, BranchOutcome::Failed),
            (Some(Landing::UpToDate), BranchOutcome::UpToDate, BranchOutcome::UpToDate),
            (Some(Landing::NothingNew), BranchOutcome::NothingNew, BranchOutcome::NothingNew),
            (Some(Landing::Undone), BranchOutcome::TakenBack, BranchOutcome::TakenBack),
        ] {
            assert_eq!(
                (BranchOutcome::of_step(step, true), BranchOutcome::of_step(step, false)),
                (moved, stayed)
            );
        }
    }

    #[test]
    fn a_plan_forecasts_every_branch() {
        let candidate = |name: &str, lines| Candidate { name: name.into(), lines, ..Candidate::default() };
        let mut all = ["small", "big", "free", "rejected", "kept", "target", "third"]
            .iter()
            .zip(1..)
            .map(|(name, lines)| candidate(name, lines))
            .collect::<Vec<_>>();
        all[3].review_state = ReviewState::Rejected;
        all[4].kept_back = Some("failed its test last time (make: exit code 1)".into());
        let conflict = Some(PairConflict { files: 1, hunks: 1, kinds: ConflictKinds::CONTENT });
        let mut matrix = Matrix::new(all.len());
        matrix.set(0, 1, conflict);
        matrix.set(1, 6, conflict);
        matrix.set(3, 6, conflict);
        matrix.set_target(5, conflict);
        let places = order(&all, &matrix).places;
        let words: Vec<(&str, BranchOutcome)> = places
            .iter()
            .map(|place| all[place.branch].name.as_str())
            .zip(forecast(&places, &all, &matrix, &|_, _| false))
            .collect();
        let expected = [
            ("small", BranchOutcome::Lands),
            ("free", BranchOutcome::Lands),
            // It conflicts only with branches that do not land.
            ("third", BranchOutcome::Lands),
            ("big", BranchOutcome::Conflict),
            ("target", BranchOutcome::Conflict),
            ("rejected", BranchOutcome::Blocked),
            ("kept", BranchOutcome::Blocked),
        ];
        for one in expected {
            assert!(words.contains(&one), "{one:?} of {words:?}");
        }
        // What the landing settles is no obstacle.
        let settled = forecast(&places, &all, &matrix, &|_, _| true);
        let lands = settled.iter().filter(|word| **word == BranchOutcome::Lands);
        assert_eq!(lands.count(), 5, "{settled:?}");
    }
}
