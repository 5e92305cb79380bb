//! What surrounds a landing, and what one step of it may use.

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

/// Progress of a landing, for whoever watches it.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// Something begins that may take its time.
    Doing {
        /// The step; 1 is the first.
        rank: usize,
        /// The number of branches.
        of: usize,
        /// The branch.
        branch: &'a str,
        /// What is done, in a word.
        what: &'a str,
    },
    /// A step has ended.
    Done(&'a Step),
}

/// The world around a landing.
#[derive(Clone, Copy)]
pub struct LandContext<'a> {
    /// Talks to agents.
    pub repairer: &'a dyn Repairer,
    /// Hears of the progress.
    pub tell: &'a dyn Fn(Progress<'_>),
    /// Set when the user interrupts the landing.
    pub interrupted: &'a AtomicBool,
    /// Whether the configuration may still be used: agents may run while branches land.
    pub is_accepted: &'a dyn Fn() -> bool,
}

/// What one step may use: the repository, the options, and the commit on top of which its branch is integrated.
pub(super) struct StepContext<'a> {
    pub(super) repo: &'a Repo,
    pub(super) options: &'a LandOptions,
    /// The target branch.
    pub(super) into: &'a str,
    /// Where the target stood when the landing began.
    pub(super) base: Oid,
    /// Everything that landed so far.
    pub(super) onto: Oid,
    /// The id of the operation; it marks the processes of the landing.
    pub(super) operation: &'a str,
    /// The number of branches of the landing.
    pub(super) branches: usize,
    /// What landed, or the target, and conflicts with the branch of this step.
    pub(super) conflicts_with: &'a [String],
    pub(super) around: LandContext<'a>,
    pub(super) scratch: &'a mut LazyScratch,
    /// Why commits are not signed, once that is known.
    pub(super) unsigned: &'a mut Option<String>,
}

impl<'a> StepContext<'a> {
    /// Says what is done with the branch of a step now.
    pub(super) fn tell(&self, step: &Step, what: &str) {
        (self.around.tell)(Progress::Doing {
            rank: step.rank,
            of: self.branches,
            branch: &step.branch,
            what,
        });
    }

    /// The bounds of a command of the landing.
    pub(super) fn bounds(&self, limit: Duration) -> Bounds<'a> {
        Bounds {
            environment: self.repo.environment(),
            limit,
            interrupted: self.around.interrupted,
            nonce: self.operation,
        }
    }

    /// Merges a commit on top of what landed so far, without a checkout. Attributes are those of the target, as a checkout of it has
    /// them; once something has landed that changes some, those that it brought.
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
