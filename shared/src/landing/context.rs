//! What a landing gets from its caller, and what one of its steps may use.

use std::time::Duration;

use super::{
    check::{Bounds, NONCE},
    merge::{self, Merged},
    options::LandOptions,
    repairer::Repairer,
    scratch::LazyScratch,
    state::Step,
};
use crate::{
    Result,
    config::{Config, keys::MERGE_TIMEOUT},
    context::{Context, Event},
    git::{
        Oid, Repo,
        merging::{self, MergePlace},
    },
    store::layout,
};

/// What a landing gets from its caller.
#[derive(Clone, Copy)]
pub struct LandContext<'a> {
    /// Asks agents for repairs.
    pub repairer: &'a dyn Repairer,
    /// The context of the operation: cancels the landing, and receives the events of its steps.
    pub context: &'a Context,
    /// Returns whether the configuration is still accepted: agents that run during the landing may have changed it.
    pub is_accepted: &'a dyn Fn() -> bool,
}

/// What one step may use: the repository, the options, and the commit on top of which its branch is integrated.
pub(super) struct StepContext<'a> {
    pub(super) repo: &'a Repo,
    pub(super) options: &'a LandOptions,
    /// The target branch.
    pub(super) into: &'a str,
    /// The commit of the target when the landing began.
    pub(super) base: Oid,
    /// The commit that contains everything that landed so far.
    pub(super) onto: Oid,
    /// The id of the operation, which also marks the processes of the landing.
    pub(super) operation: &'a str,
    /// The number of branches of the landing.
    pub(super) branches: usize,
    /// The names of the landed branches, or of the target, that conflict with the branch of this step.
    pub(super) conflicts_with: &'a [String],
    pub(super) around: LandContext<'a>,
    pub(super) scratch: &'a mut LazyScratch,
    /// Why commits are not signed; set at the first failure.
    pub(super) unsigned: &'a mut Option<String>,
}

impl<'a> StepContext<'a> {
    /// Reports the activity that begins with the branch of a step.
    pub(super) fn tell(&self, step: &Step, doing: &str) {
        self.around.context.emit(&Event::LandingStepStarted {
            rank: step.rank,
            of: self.branches,
            branch: step.branch.clone(),
            doing: doing.to_owned(),
        });
    }

    /// Returns the limits for a command of this landing.
    pub(super) fn bounds(&self, limit: Duration) -> Bounds<'a> {
        Bounds {
            environment: self.repo.environment(),
            limit,
            cancel: &self.around.context.cancel,
            nonce: self.operation,
        }
    }

    /// Merges a commit into what landed so far, without a checkout. The attributes are those of the target branch; once a landed
    /// branch has changed attributes, they are read from the result.
    ///
    /// # Errors
    /// Git fails or takes too long.
    pub(super) fn merge(&self, theirs: Oid) -> Result<Merged> {
        let limit = Config::of(self.repo).get(&MERGE_TIMEOUT)?;
        let changes_attributes =
            self.onto != self.base && merging::changes_attributes(self.repo, self.base, self.onto)?;
        let place = if changes_attributes {
            MergePlace::of_commit(self.repo, self.onto, limit)
        } else {
            MergePlace::of_branch(self.repo, &layout::branch_ref(self.into), self.base, limit)
        };
        merge::merge(&place?.marked(NONCE, self.operation), self.onto, theirs)
    }
}
