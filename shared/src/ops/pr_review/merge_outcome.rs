//! What became of a pull request that was to be merged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::forge::PullRequest;

/// A pull request that is merged.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct MergedPullRequest {
    /// Whether it was merged now; otherwise it was merged before.
    pub is_new: bool,
    /// The commit that was its head, as far as the forge tells.
    pub head: String,
    /// The branch that it was merged into.
    pub into: String,
    /// Whether somebody pushed to it at that moment, so that another head was merged than the one that was judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub head_moved: bool,
}

/// Why a pull request was not merged.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct NotMerged {
    /// The reason.
    pub why: String,
    /// What to type next.
    pub next: Vec<String>,
}

impl MergedPullRequest {
    pub(super) fn of(seen: &PullRequest, is_new: bool) -> Self {
        Self { is_new, head: seen.commit.clone(), into: seen.base.clone(), head_moved: false }
    }
}
