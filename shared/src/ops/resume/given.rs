//! What of its pull request an agent was given: each check and comment once, no matter which clone gives it, and how often that is interrupted.

use std::collections::HashSet;

use crate::{
    Code, Error, Result,
    git::Repo,
    model::{AgentId, Fact},
    store::Chain,
};

/// Returns the keys of what an agent was given.
///
/// # Errors
/// Its events cannot be read.
pub(in crate::ops) fn keys(repo: &Repo, id: &AgentId) -> Result<HashSet<String>> {
    let mut keys = HashSet::new();
    for event in Chain::of_agent(repo, id)?.events {
        if let Some(Fact::Send(message)) = event.fact {
            keys.extend(message.about);
        }
    }
    Ok(keys)
}

/// Fails if an agent was given any of these. The caller has its lock, so that nobody gives it the same meanwhile.
///
/// # Errors
/// It was (3), or its events cannot be read.
pub(super) fn refuse_again(repo: &Repo, id: &AgentId, about: &[String]) -> Result<()> {
    if about.is_empty() || keys(repo, id)?.is_disjoint(&about.iter().cloned().collect()) {
        return Ok(());
    }
    Err(Error::new(Code::AgentRunning, format!("agent '{id}' was given this by another command"))
        .hint_command(&[&"git", &"orchestra", &"status", &id.as_str()]))
}
