//! The pull request of an agent's work, as it was when it was looked at last.

use orchestra::{model::text::safe, ops::agent_object::AgentObject};

/// Formats it in a few words, such as `pull request 12 merged`; `None` if there is none.
pub fn state(agent: &AgentObject) -> Option<String> {
    let one = agent.pull_request.as_ref()?;
    Some(format!("pull request {} {}", one.number, one.state))
}

/// Formats it with its page, such as `12 open, into main: https://…`; `None` if there is none.
pub fn place(agent: &AgentObject) -> Option<String> {
    let one = agent.pull_request.as_ref()?;
    Some(format!("{} {}, into {}: {}", one.number, one.state, safe(&one.into), safe(&one.url)))
}
