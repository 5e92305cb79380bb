//! Which agents `status --wait` waits for. If an agent runs the command, it must not wait for itself or for its ancestors.

use crate::{
    Code, Error, Result,
    git::Repo,
    model::IdOrText,
    ops::{
        caller::Caller,
        status::{self, Request},
    },
};

pub use crate::supervise::lending::WaitingCommand;

/// The most ancestors that are followed.
const MAX_DEPTH: usize = 100;

/// Returns a command of the caller that waits for agents: if the program of an agent calls, its slot is lent to them meanwhile.
///
/// # Errors
/// The private folder cannot be found.
pub fn waiting_command(repo: &Repo) -> Result<WaitingCommand> {
    WaitingCommand::new(repo, Caller::of(repo).agent().cloned())
}

/// Completes the request for the caller: an agent that names no other waits for the agents that it started, directly or indirectly.
///
/// # Errors
/// An agent would wait for itself or for one of its ancestors (3); a named agent does not exist (3).
pub fn for_caller(repo: &Repo, request: Request) -> Result<Request> {
    let Some(caller) = Caller::of(repo).agent().cloned() else { return Ok(request) };
    // The caller may be an agent of another repository.
    let Ok(agent) = status::read_agent(repo, &caller) else { return Ok(request) };
    if request.agents.is_empty() {
        return Ok(Request { started_by: Some(caller), ..request });
    }
    let mut ancestors = vec![caller.clone()];
    let mut parent = agent.parent;
    while let Some(IdOrText::Id(id)) = parent
        && ancestors.len() < MAX_DEPTH
    {
        parent = status::read_agent(repo, &id).ok().and_then(|agent| agent.parent);
        ancestors.push(id);
    }
    for typed in &request.agents {
        let id = status::resolve(repo, typed)?;
        if ancestors.contains(&id) {
            let target = if id == caller { "itself" } else { "an agent that started it" };
            return Err(Error::new(
                Code::WaitCycle,
                format!("agent '{caller}' would wait for {target}: '{id}' cannot end before it"),
            )
            .hint(
                "git orchestra status --wait, without a name, waits for the agents that this one started",
            ));
        }
    }
    Ok(request)
}
