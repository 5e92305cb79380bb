//! What a window that takes keys shows. Pure.

use orchestra::{model::AgentId, ops::agent_object::AgentObject};

/// What the window shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Mode {
    /// The agents.
    #[default]
    Table,
    /// The keys.
    Help,
    /// The whole request of an agent, which `y` allows.
    Allow(Asked),
    /// What `y` allows an agent for good, in words.
    Always(Asked, String),
    /// The request of an agent, and the reason that is typed for denying it.
    Deny(Asked, String),
    /// Whether to stop an agent.
    Stop(AgentId),
}

/// A question of an agent: an answer to it is never one to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Asked {
    pub(super) agent: AgentId,
    pub(super) question: String,
}

impl Asked {
    /// Returns the question of an agent that waits for an answer.
    pub(super) fn of(agent: &AgentObject) -> Option<Self> {
        let request = agent.request.as_ref().filter(|_| agent.waiting.is_some())?;
        Some(Self { agent: agent.id.clone(), question: request.id.clone() })
    }
}
