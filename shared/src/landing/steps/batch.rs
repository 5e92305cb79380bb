//! Integrates several branches and checks the result once. Until that check has passed, nothing of it is saved.

use super::Runner;
use crate::{
    Kind, Result,
    context::interrupted,
    landing::{
        check,
        outcome::Integration,
        repair::{self, RepairBy},
        state::Step,
    },
    model::event::Landing,
    rank::RankedBranch,
};

/// What was done with a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BatchEnd {
    /// The first branch that is left needs a step by itself.
    Empty,
    /// This many branches were integrated and passed the checks together; with 0 of them, branches were only set aside.
    Passed(usize),
    /// This many branches fail a check together; they are still to be decided.
    Failed(usize),
    /// The result could not be checked.
    NotChecked,
}

impl Runner<'_> {
    /// Integrates up to `size` branches and checks the result. If it passes, the state is saved with all of them; else it is as before.
    ///
    /// # Errors
    /// The user interrupts the landing, or the state cannot be saved.
    pub(super) fn land_together(&mut self, size: usize) -> Result<BatchEnd> {
        let before = self.state.clone();
        let end = match self.check_batch(size) {
            Ok(end) => end,
            Err(error) if matches!(error.kind(), Kind::External | Kind::Internal | Kind::Timeout) => {
                check::end_leftover_processes(&self.journal.operation.id)?;
                BatchEnd::NotChecked
            }
            Err(error) => {
                self.state = before;
                return Err(error);
            }
        };
        if matches!(end, BatchEnd::Failed(_) | BatchEnd::NotChecked) {
            self.state = before;
            return Ok(end);
        }
        for step in &self.state.steps[before.steps.len()..] {
            self.state.stopped_at.retain(|known| known.branch != step.branch);
            self.report(step);
        }
        if end != BatchEnd::Empty {
            self.save()?;
        }
        Ok(end)
    }

    fn check_batch(&mut self, size: usize) -> Result<BatchEnd> {
        let begin = self.state.steps.len();
        let merged = self.integrate_batch(size)?;
        let is_merged = |step: &Step| step.outcome == Some(Landing::Merged);
        let Some(last) = self.state.steps[begin..].iter().rposition(is_merged) else {
            let empty = self.state.steps.len() == begin;
            return Ok(if empty { BatchEnd::Empty } else { BatchEnd::Passed(0) });
        };
        let mut step = self.state.steps[begin + last].clone();
        if self.check(self.state.result, &mut step)?.is_some() {
            return Ok(BatchEnd::Failed(merged));
        }
        let with = format!("checked together with {}", step.branch);
        for other in self.state.steps[begin..begin + last].iter_mut().filter(|step| is_merged(step)) {
            other.log.clone_from(&step.log);
            other.flaky.clone_from(&step.flaky);
            other.settled.push(with.clone());
            *other = other.clone().ended(Landing::Merged, String::new());
        }
        self.state.steps[begin + last] = step.ended(Landing::Merged, String::new());
        Ok(BatchEnd::Passed(merged))
    }

    /// Integrates up to `size` branches without checking the result, and returns how many. Stops before a branch that needs a step by
    /// itself.
    pub(super) fn integrate_batch(&mut self, size: usize) -> Result<usize> {
        let (mut merged, mut places) = (0, self.order());
        while merged < size && !places.is_empty() {
            if self.is_interrupted() {
                return Err(interrupted("interrupted between two branches"));
            }
            let Some(step) = self.integrate_unchecked(&places.remove(0))? else { break };
            let landed = step.outcome == Some(Landing::Merged);
            self.state.steps.push(step);
            if landed {
                merged += 1;
            } else {
                places = self.order();
            }
        }
        Ok(merged)
    }

    /// Integrates one branch without checking the result. Returns `None` if the branch needs a step by itself: because an agent is to be
    /// asked, or because it cannot be integrated.
    pub(super) fn integrate_unchecked(&mut self, place: &RankedBranch) -> Result<Option<Step>> {
        let mut step = self.plan.step(place, self.state.steps.len() + 1);
        if !self.plan.candidates[place.branch].may_land() {
            return Ok(Some(super::kept_back(step)));
        }
        let branch = match self.as_it_lands(place)? {
            Ok(branch) => branch,
            Err(why) => return Ok(Some(step.ended(Landing::SetAside, why))),
        };
        let branch = branch.as_ref();
        let conflicts_with = self.conflicts_with(place);
        let integration = match self.integrate(place, branch, &conflicts_with, &mut step) {
            Err(error) if matches!(error.kind(), Kind::External | Kind::Internal | Kind::Timeout) => {
                return Ok(None);
            }
            other => other?,
        };
        Ok(match integration {
            Integration::NothingNew => Some(super::nothing_new(step, &self.state.into)),
            Integration::Conflict(conflict) => {
                match repair::who_resolves(&self.state.options, branch, &conflict) {
                    RepairBy::Nobody => Some(step.ended(Landing::SetAside, conflict.why)),
                    RepairBy::Impossible(_) | RepairBy::Agent(_) => None,
                }
            }
            Integration::Commit(commit) => {
                self.state.result = commit;
                step.commit = Some(commit);
                Some(step.ended(Landing::Merged, String::new()))
            }
        })
    }
}
