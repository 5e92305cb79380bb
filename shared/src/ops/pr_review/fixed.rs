//! What became of the changes that a review asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{git::Oid, model::AgentId};

/// Changes that an agent made for a review, and that are in the pull request.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct FixedPullRequest {
    /// The agent that made them.
    pub agent: AgentId,
    /// Its commit, which is the head of the pull request.
    pub head: Oid,
    /// Whether it was pushed now; otherwise it was there.
    pub is_new: bool,
}
