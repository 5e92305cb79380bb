//! What every forge can do for us. Each has a file that speaks its interface.

use super::{
    access::ForgeAccess,
    failure::Failure,
    feedback::{ForgeCheck, ReadSaid},
    fork_edits::ForkEdits,
    issue::Issue,
    pull_request::{MergeMethod, NewPullRequest, PullRequest, PullRequestChange},
    review::{ForgeRemark, ForgeReview, ForgeUser, Said},
};
use crate::{
    Result,
    git::Oid,
    model::published::{ForgeChecks, ForgeReviews},
};

/// The requests of which everything else is made. Several may be sent at once.
pub(super) trait Service:
    TellsAccess + TellsFeedback + HasIssues + TakesLabels + TakesReviews + TellsForkEdits + Sync
{
    /// Finds the open pull request of a branch of the repository itself; without an open one, the newest.
    fn find(&self, head: &str) -> Result<Option<PullRequest>>;
    /// Reads one. `None`: there is no such pull request.
    fn get(&self, number: u64) -> Result<Option<PullRequest>>;
    /// Lists the open ones, newest first.
    fn list(&self, most: usize) -> Result<Vec<PullRequest>>;
    /// Opens one. Sent once: a failure may leave one behind.
    fn open(&self, new: &NewPullRequest) -> Result<PullRequest, Failure>;
    /// Changes one.
    fn change(&self, number: u64, change: &PullRequestChange) -> Result<PullRequest>;
    /// Closes one without merging it.
    fn close(&self, number: u64) -> Result<()>;
    /// Merges one if its head is still `head`; returns whether the forge itself guards that.
    fn merge(&self, number: u64, method: MergeMethod, head: Oid) -> Result<(), Failure>;
    /// Returns what the checks say of a commit.
    fn checks(&self, commit: &str) -> Result<ForgeChecks>;
    /// Returns whether [`Service::merge`] is refused by the forge if the head moved.
    fn guards_head(&self) -> bool {
        true
    }
    /// Makes an error of a failure.
    fn error(&self, failure: Failure) -> crate::Error;
}

/// Tells what the token may do.
pub(super) trait TellsAccess {
    /// Returns what the token may do, by one or two requests that only read.
    fn access(&self) -> Result<ForgeAccess>;
}

/// Tells who may push to the branches of forks.
pub(super) trait TellsForkEdits {
    /// Returns who may push to the branch of a pull request of a fork.
    fn fork_edits(&self, number: u64) -> Result<ForkEdits>;
}

/// Tells what is said of a pull request.
pub(super) trait TellsFeedback {
    /// Returns the checks of a commit, one by one; of those that did not fail a forge may name only all together.
    fn check_list(&self, commit: &str) -> Result<Vec<ForgeCheck>>;
    /// Returns what those who review a pull request say, all in all.
    fn standing(&self, seen: &PullRequest) -> Result<ForgeReviews>;
    /// Returns what was said at a pull request.
    fn all_said(&self, seen: &PullRequest) -> Result<Vec<ReadSaid>>;
    /// Returns whether a user may push to the repository.
    fn may_push(&self, user: &str) -> Result<bool>;
}

/// Reads issues.
pub(super) trait HasIssues {
    /// Reads one. `None`: there is no such issue.
    fn issue(&self, number: u64) -> Result<Option<Issue>>;
    /// Lists the open ones with a label.
    fn issues(&self, label: &str, most: usize) -> Result<Vec<Issue>>;
}

/// Gives labels and reviewers to pull requests; those that are there stay.
pub(super) trait TakesLabels {
    /// Adds labels.
    fn add_labels(&self, number: u64, labels: &[String]) -> Result<()>;
    /// Asks people, or teams where there are such, to review.
    fn ask_reviewers(&self, number: u64, names: &[String]) -> Result<()>;
    /// Returns whether pull requests can have labels.
    fn has_labels(&self) -> bool {
        true
    }
}

/// Takes reviews of pull requests.
pub(super) trait TakesReviews {
    /// Returns the user of the token.
    fn user(&self) -> Result<ForgeUser>;
    /// Returns what was said at a pull request.
    fn said(&self, number: u64) -> Result<Vec<Said>>;
    /// Gives a review with this text; `on_lines`: with its remarks. Sent once: a failure may leave one behind.
    fn review(&self, number: u64, review: &ForgeReview, body: &str, on_lines: bool) -> Result<(), Failure>;
    /// Returns whether remarks are given apart from the review.
    fn takes_remarks_apart(&self) -> bool {
        false
    }
    /// Gives one remark, where they are given apart. Sent once.
    fn remark(&self, _number: u64, _review: &ForgeReview, _remark: &ForgeRemark) -> Result<(), Failure> {
        Ok(())
    }
    /// Approves, or requests changes, where that is apart from what is said, unless that is so already.
    fn judge(&self, _number: u64, _review: &ForgeReview, _user: &ForgeUser) -> Result<()> {
        Ok(())
    }
}
