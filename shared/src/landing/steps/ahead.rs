//! Starts the checks that are likely to be needed next beside the current one. The steps themselves are taken later, in order, with the
//! results that are known by then.

use super::Runner;
use crate::{
    Result,
    git::Oid,
    landing::{
        ahead::{self, Foreseen},
        batches::{Batches, Next},
        branches::Branch,
        integrate,
        options::OnFailure,
        outcome::Integration,
        ready::Ready,
        state::Step,
    },
    model::event::Landing,
    rank::RankedBranch,
};

/// How a branch was integrated, and what was done for that.
#[derive(Debug)]
pub(super) struct Remembered {
    integration: Integration,
    settled: Vec<String>,
}

/// A state that the landing may come to.
#[derive(Clone, Debug)]
struct Possible {
    steps: Vec<Step>,
    result: Oid,
}

impl Runner<'_> {
    /// Starts the checks that are likely to be needed next, if several may run at once. The landing does not depend on it: without them,
    /// each check runs when its result is needed.
    pub(super) fn look_ahead(&mut self, batches: &Batches) {
        let most = self.beside.most();
        if most == 0 || self.state.options.checks.is_empty() {
            return;
        }
        let Ok(ready) = Ready::of(self.repo) else { return };
        if ready.is_some() && !(self.around.is_accepted)() {
            return;
        }
        let now = Possible { steps: self.state.steps.clone(), result: self.state.result };
        let begin = now.clone();
        let wanted = ahead::likely(batches, now, most, |state, batches| self.foresee(state, batches));
        (self.state.steps, self.state.result) = (begin.steps, begin.result);
        if let Ok(wanted) = wanted {
            self.beside.want(self.repo, &self.state.options, ready.as_ref(), &wanted);
        }
    }

    /// Integrates what the next step would integrate in a possible state.
    fn foresee(&mut self, from: &Possible, batches: &Batches) -> Result<Option<Foreseen<Possible>>> {
        (self.state.steps, self.state.result) = (from.steps.clone(), from.result);
        let places = self.order();
        let Some(first) = places.first() else { return Ok(None) };
        let next = batches.next(places.len());
        let (merged, failed) = match next {
            Next::Together(size) => (self.integrate_batch(size)?, Some(from.clone())),
            Next::Alone => {
                let Some(step) = self.integrate_unchecked(first)? else { return Ok(None) };
                let mut failed = from.clone();
                failed.steps.push(step.clone().ended(Landing::Failed, String::new()));
                let is_merged = step.outcome == Some(Landing::Merged);
                self.state.steps.push(step);
                // What an agent makes of the failure is not known, and a landing that stops has no next step.
                let is_known = self.state.options.on_failure == OnFailure::Skip;
                (usize::from(is_merged), Some(failed).filter(|_| is_known && is_merged))
            }
        };
        if self.state.steps.len() == from.steps.len() {
            return Ok(None);
        }
        let check = (merged > 0).then_some(self.state.result);
        let passed = Possible { steps: self.state.steps.clone(), result: self.state.result };
        Ok(Some(Foreseen { next, check, merged, passed, failed: failed.filter(|_| check.is_some()) }))
    }

    /// Integrates what lands of the branch at a place on top of what landed so far. If that was foreseen, the commit is the one that is
    /// being checked.
    pub(super) fn integrate(
        &mut self,
        place: &RankedBranch,
        branch: &Branch,
        conflicts_with: &[String],
        step: &mut Step,
    ) -> Result<Integration> {
        let at = (self.state.result, place.branch);
        if let Some(known) = self.integrated.get(&at)
            && self.still_exists(&known.integration)
        {
            step.settled.extend(known.settled.iter().cloned());
            return Ok(known.integration.clone());
        }
        let before = step.settled.len();
        let mut cx = self.step_context(conflicts_with);
        let integration = integrate::integrate(&mut cx, branch, step)?;
        if self.beside.most() > 0 {
            let settled = step.settled[before..].to_vec();
            self.integrated.insert(at, Remembered { integration: integration.clone(), settled });
        }
        Ok(integration)
    }

    /// Returns whether the commit was not deleted: nothing leads to it before its branch has landed.
    fn still_exists(&self, integration: &Integration) -> bool {
        match integration {
            Integration::Commit(commit) => self.repo.tree_of(*commit).is_ok(),
            Integration::NothingNew => true,
            Integration::Conflict(conflict) => conflict.marked.is_none(),
        }
    }
}
