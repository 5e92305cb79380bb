//! What an agent's events record of its pull request.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BranchName, CommitId, IdOrText, text, words::words};

/// The longest host, repository and address that are kept, in columns.
const MAX_TEXT: usize = 400;

words! {
    /// Whether a pull request is open.
    #[derive(Default)]
    pub enum PullRequestState: or Other {
        /// It waits.
        Open = "open",
        /// It was closed without being merged.
        Closed = "closed",
        /// It was merged.
        Merged = "merged",
        /// A state that a newer version knows.
        #[default]
        #[serde(other)]
        Other = "other",
    }
}

words! {
    /// What the checks of a forge say of a commit. Of several checks the greatest counts.
    #[derive(Default, PartialOrd, Ord)]
    pub enum ForgeChecks: or Other {
        /// There are none.
        None = "none",
        /// All passed.
        Passed = "passed",
        /// Some have not ended.
        Running = "running",
        /// At least one failed.
        Failed = "failed",
        /// A state that a newer version knows.
        #[default]
        #[serde(other)]
        Other = "other",
    }
}

impl ForgeChecks {
    /// Joins the results of two checks: the worse one counts.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

words! {
    /// What those who review a pull request say of it, all in all.
    #[derive(Default)]
    pub enum ForgeReviews: or Other {
        /// It waits for a review.
        Waiting = "waiting",
        /// Somebody approved it, and nobody requests changes.
        Approved = "approved",
        /// Somebody requests changes.
        Changes = "changes",
        /// A state that a newer version knows.
        #[default]
        #[serde(other)]
        Other = "other",
    }
}

/// A pull request of the work of an agent, as its forge had it when it was looked at last.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Published {
    /// The host of the forge.
    pub host: String,
    /// The repository on it, such as `team/app`.
    pub repo: String,
    /// The number of the pull request.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// The commit of the work that was pushed last.
    pub head: IdOrText<CommitId>,
    /// The branch that it should be merged into.
    pub into: BranchName,
    /// Whether it was open.
    pub state: PullRequestState,
    /// The head that the forge merged, if it did and says which; work beyond it is not merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_head: Option<IdOrText<CommitId>>,
    /// What the checks of the forge said of its head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<ForgeChecks>,
    /// What those who review it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ForgeReviews>,
    /// When the forge was asked last, to the hour: it is not recorded more often if nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub seen_at: Option<Timestamp>,
}

impl Published {
    /// Returns it with safe texts of a limited length.
    pub(super) fn checked(&self) -> Self {
        let line = |text: &str| text::one_line(text, MAX_TEXT);
        Self {
            host: line(&self.host),
            repo: line(&self.repo),
            number: self.number,
            url: line(&self.url),
            head: self.head.short(),
            into: line(&self.into).into(),
            state: self.state,
            merged_head: self.merged_head.as_ref().map(IdOrText::short),
            checks: self.checks,
            review: self.review,
            seen_at: self.seen_at,
        }
    }
}
