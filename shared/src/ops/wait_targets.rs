//! For whom `status --wait` waits. An agent may ask as well: it must not wait for itself, nor for those that wait for it.

use crate::{
    Code, Error, Result,
    git::Repo,
    model::IdOrText,
    ops::status::{self, Request},
};

pub use crate::supervise::lending::{Waiting, caller};

/// How far up the line of agents that started each other is followed.
const DEEPEST: usize = 100;

/// The request as whoever runs the command means it: an agent that names nobody waits for the agents that it started, and for
/// those that they started.
///
/// # Errors
/// An agent waits for itself, or for one that it descends from (3); an agent named is not there (3).
pub fn by_caller(repo: &Repo, request: Request) -> Result<Request> {
    let Some(caller) = caller() else { return Ok(request) };
    // The caller may be an agent of another repository.
    let Ok(agent) = status::one(repo, &caller) else { return Ok(request) };
    if request.agents.is_empty() {
        return Ok(Request { started_by: Some(caller), ..request });
    }
    let mut line = vec![caller.clone()];
    let mut parent = agent.parent;
    while let Some(IdOrText::Id(id)) = parent
        && line.len() < DEEPEST
    {
        parent = status::one(repo, &id).ok().and_then(|agent| agent.parent);
        line.push(id);
    }
    for typed in &request.agents {
        let id = status::resolve(repo, typed)?;
        if line.contains(&id) {
            let whom = if id == caller { "itself" } else { "an agent that started it" };
            return Err(Error::new(
                Code::WaitCycle,
                format!("agent '{caller}' would wait for {whom}: '{id}' cannot end before"),
            )
            .hint(
                "git orchestra status --wait, without a name, waits for the agents that this one started",
            ));
        }
    }
    Ok(request)
}
