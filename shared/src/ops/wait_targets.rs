//! Which agents `status --wait` waits for. If an agent runs the command, it must not wait for itself or for its ancestors.

use std::collections::{HashMap, HashSet};

use crate::{
    Code, Error, Result,
    git::Repo,
    model::{AgentId, IdOrText},
    ops::{
        agent_object::AgentObject,
        status::{self, Request},
    },
};

pub use crate::supervise::lending::{Waiting, caller};

/// The most ancestors that are followed.
const DEEPEST: usize = 100;

/// Completes the request for the caller: an agent that names no other waits for the agents that it started, directly or indirectly.
///
/// # Errors
/// An agent would wait for itself or for one of its ancestors (3); a named agent does not exist (3).
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
                format!("agent '{caller}' would wait for {whom}: '{id}' cannot end before it"),
            )
            .hint(
                "git orchestra status --wait, without a name, waits for the agents that this one started",
            ));
        }
    }
    Ok(request)
}

/// Keeps only the agents that `ancestor` started, directly or indirectly.
pub(super) fn keep_descendants(agents: &mut Vec<AgentObject>, ancestor: &AgentId) {
    let parents: Vec<(&str, Option<&str>)> =
        agents.iter().map(|agent| (agent.id.as_str(), agent.parent.as_ref().map(IdOrText::as_str))).collect();
    let kept: HashSet<String> =
        descendants(&parents, ancestor.as_str()).iter().map(ToString::to_string).collect();
    agents.retain(|agent| kept.contains(agent.id.as_str()));
}

fn descendants<'a>(parents: &[(&'a str, Option<&'a str>)], ancestor: &'a str) -> HashSet<&'a str> {
    let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
    for (id, parent) in parents {
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(id);
        }
    }
    let (mut found, mut open) = (HashSet::new(), vec![ancestor]);
    while let Some(id) = open.pop() {
        // Events may be wrong and form a circle.
        open.extend(children.remove(id).unwrap_or_default().into_iter().filter(|child| found.insert(*child)));
    }
    found.remove(ancestor);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_waits_for_those_that_come_from_it() {
        let parents = [
            ("a", None),
            ("b", Some("a")),
            ("c", Some("b")),
            ("d", Some("b")),
            ("e", None),
            ("f", Some("gone")),
            ("x", Some("y")),
            ("y", Some("x")),
        ];
        for (ancestor, expected) in [
            ("a", &["b", "c", "d"][..]),
            ("b", &["c", "d"]),
            ("c", &[]),
            ("gone", &["f"]),
            ("x", &["y"]),
            ("nobody", &[]),
        ] {
            let mut found: Vec<&str> = descendants(&parents, ancestor).into_iter().collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{ancestor}");
        }
    }
}
