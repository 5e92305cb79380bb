//! Why the work of an agent did not land, in reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    BranchName, CommitId, IdOrText,
    landing::{FailedCheck, SetAside},
};

/// Why work did not land.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct DidNotLand {
    /// The reason, in words.
    pub why: String,
    /// The target branch of the landing.
    pub into: BranchName,
    /// The commit that held the work.
    pub head: IdOrText<CommitId>,
    /// Whether that commit still is the agent's head.
    pub current: bool,
    /// The name of the check that failed.
    pub check: Option<String>,
    /// The command of the check, if the event holds it.
    pub command: Option<String>,
}

impl DidNotLand {
    pub(super) fn failed(failed: FailedCheck, now: Option<&IdOrText<CommitId>>) -> Self {
        Self {
            current: now == Some(&failed.head),
            why: failed.why,
            into: failed.into,
            head: failed.head,
            check: Some(failed.check.name),
            command: failed.check.command,
        }
    }

    pub(super) fn set_aside(aside: SetAside, now: Option<&IdOrText<CommitId>>) -> Self {
        let current = now == Some(&aside.head);
        Self { why: aside.why, into: aside.into, head: aside.head, current, check: None, command: None }
    }
}
