//! The steps of a plan before they run.

use super::{
    plan::{LandingPlan, Skipped},
    state::{ConflictWith, Step, Unjudged},
};
use crate::{
    model::{event::Landing, landing::FailedCheck},
    rank::{PairConflict, RankedBranch},
};

impl LandingPlan {
    /// Returns the step of one branch of the order.
    pub fn step(&self, place: &RankedBranch, rank: usize) -> Step {
        let branch = &self.branches[place.branch];
        let name = |other: usize| self.branches.get(other).map_or(&self.target.branch, |branch| &branch.name);
        let target = self.matrix.with_target(place.branch).map(|conflict| (self.matrix.size(), conflict));
        let (mut conflicts, mut unjudged) = (Vec::new(), Vec::new());
        for (other, conflict) in target.into_iter().chain(self.matrix.conflicts_with(place.branch)) {
            match self.matrix.incomparable_reason(place.branch, other) {
                Some(why) => unjudged.push(Unjudged { branch: name(other).clone(), why: why.to_owned() }),
                None => conflicts.push(ConflictWith::of(name(other), conflict)),
            }
        }
        let candidate = &self.candidates[place.branch];
        let failed_before = branch.failed.as_ref().map(FailedCheck::sentence);
        let reason = match &failed_before {
            Some(failed) if *failed != place.reason => format!("{}; {failed}", place.reason),
            _ => place.reason.clone(),
        };
        Step {
            conflicts_with: conflicts.iter().map(|conflict| conflict.branch.clone()).collect(),
            conflicts,
            unjudged,
            files: candidate.files,
            lines: candidate.lines,
            reason,
            failed_before,
            ..Step::of(branch, rank)
        }
    }

    /// Returns the steps of the whole order, followed by those of the skipped branches.
    pub fn steps(&self) -> Vec<Step> {
        let places = self.order.places.iter().zip(1..).map(|(place, rank)| self.step(place, rank));
        let skipped = self.skipped.iter().zip(self.order.places.len() + 1..);
        places.chain(skipped.map(|(skipped, rank)| skipped.step(rank))).collect()
    }
}

impl ConflictWith {
    /// Returns the conflict with the branch of this name.
    pub(super) fn of(name: &str, conflict: PairConflict) -> Self {
        Self {
            branch: name.to_owned(),
            files: conflict.files,
            hunks: conflict.hunks,
            kinds: conflict.kinds.names().into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Skipped {
    /// Returns the step of a skipped branch, with its outcome.
    pub(super) fn step(&self, rank: usize) -> Step {
        Step {
            reason: "nothing to land".to_owned(),
            outcome: Some(self.outcome),
            why: Some(self.why.clone()),
            // What the events say of the work that landed stays true.
            kept_back: self.outcome == Landing::Undone,
            ..Step::of(&self.branch, rank)
        }
    }
}
