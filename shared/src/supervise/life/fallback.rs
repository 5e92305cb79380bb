//! Handing an agent that did nothing yet over to another profile.

use super::{Supervisor, limited::KnownLimits};
use crate::{
    Result,
    model::{CommitId, event::PhaseChange},
    supervise::{ending::EndedAttempt, spec::Spec},
    worktree::capture::CapturedWork,
};

impl Supervisor {
    /// Lets the fallback take over after an attempt that was refused before it did anything: it used no tool, and neither the branch
    /// nor the worktree has changed since it began, or since the part of its role did. Returns whether it does.
    pub(super) async fn fall_back_after(&mut self, ended: &EndedAttempt) -> Result<bool> {
        let Some(why) = ended.reason_to_fall_back().filter(|_| self.may_fall_back()) else {
            return Ok(false);
        };
        self.end_tree(&ended.end)?;
        // What cannot be looked at may be work.
        let began = self.part_began.unwrap_or(self.spec.base);
        let is_untouched = self.take().await.is_ok_and(|captured| is_nothing(&captured, began));
        if !is_untouched || self.end_asked()?.is_some() {
            return Ok(false);
        }
        self.take_over(&why);
        self.next_launch(ended, &why)?;
        Ok(true)
    }

    /// Lets the fallback take over before the first launch, if a usage limit would delay that. Returns whether it does.
    pub(super) fn fall_back_unstarted(&mut self, why: &str) -> bool {
        let takes_over = self.may_fall_back() && self.record.attempt == 0;
        if takes_over {
            self.take_over(why);
        }
        takes_over
    }

    const fn may_fall_back(&self) -> bool {
        let began_here = !self.spec.resumed || self.part_began.is_some();
        self.spec.fallback.is_some() && began_here && !self.has_acted
    }

    /// Prepares the launch of the fallback, in a session of its own and under the limits of its own service.
    fn take_over(&mut self, why: &str) {
        self.spec.fall_back();
        self.session = None;
        self.limits = KnownLimits::new(&self.program_environment(), &self.private, &self.spec);
        let name = self.spec.role.as_ref().unwrap_or(&self.spec.profile);
        self.takes_over = Some(format!("{name} takes over: {why}"));
    }
}

/// Returns the launch with what the fallback changes.
pub(super) fn announced(spec: &Spec, step: PhaseChange) -> PhaseChange {
    PhaseChange {
        profile: Some(spec.profile.clone()),
        role: spec.role.clone(),
        permission: spec.launch.permission.map(|permission| permission.as_str().to_owned()),
        model: spec.launch.model.clone(),
        ..step
    }
}

fn is_nothing(captured: &CapturedWork, began: CommitId) -> bool {
    captured.head.commit() == Some(began)
        && captured.unfinished.is_none()
        && captured.unsaved.is_none()
        && captured.off_branch.is_none()
}
