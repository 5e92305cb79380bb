//! What an agent's events record of its pull request.

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
        }
    }
}
