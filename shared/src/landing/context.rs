//! What a landing gets from its caller, and what one of its steps may use.

use std::{sync::atomic::AtomicBool, time::Duration};

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
    git::{
        Oid, Repo,
        merging::{self, MergePlace},
    },
    store::layout,
};

/// The progress of a landing, reported to its caller.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A part of a step begins that may take a while.
    Doing {
        /// The number of the step, from 1.
        rank: usize,
        /// The number of branches of the landing.
        of: usize,
        /// The name of the branch.
        branch: &'a str,
        /// What is done: `merging`, `asking the agent`, or the name of a check.
        what: &'a str,
    },
    /// A step has ended.
    Done(&'a Step),
}

/// What a landing gets from its caller.
#[derive(Clone, Copy)]
pub struct LandContext<'a> {
    /// Asks agents for repairs.
    pub repairer: &'a dyn Repairer,
    /// Reports progress.
    pub tell: &'a dyn Fn(Progress<'_>),
    /// Set when the user interrupts the landing.
    pub interrupted: &'a AtomicBool,
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
    /// Reports what is being done with the branch of a step.
    pub(super) fn tell(&self, step: &Step, what: &str) {
        (self.around.tell)(Progress::Doing {
            rank: step.rank,
            of: self.branches,
            branch: &step.branch,
            what,
        });
    }

    /// Returns the limits for a command of this landing.
    pub(super) fn bounds(&self, limit: Duration) -> Bounds<'a> {
        Bounds { limit, interrupted: self.around.interrupted, nonce: self.operation }
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
