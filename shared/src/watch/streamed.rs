//! A change with the new state of what it is about, for readers that get nothing but the changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Change, Snapshot};
use crate::ops::agent_object::AgentObject;

/// One change, with the state of its agents after it.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct StreamedChange {
    /// What changed.
    pub change: Change,
    /// The agent that appeared or changed; all agents after a reset; otherwise none.
    pub agents: Vec<AgentObject>,
}

impl StreamedChange {
    /// Adds to a change what the look that found it saw.
    pub fn of(change: Change, seen: &Snapshot) -> Self {
        let agents = match &change {
            Change::Reset => seen.status.agents.clone(),
            Change::Appeared { agent } | Change::Changed { agent, .. } => {
                seen.agent(agent).cloned().into_iter().collect()
            }
            Change::Left { .. }
            | Change::LogGrew { .. }
            | Change::Landing
            | Change::Runs
            | Change::Listing => Vec::new(),
        };
        Self { change, agents }
    }
}
