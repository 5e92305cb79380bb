//! Agents that a client starts: they may do no more than the client, and their tasks are text.

use crate::{
    Code, Error, Result, agents,
    config::Config,
    context::Context,
    git::Repo,
    model::{IdOrText, Permission},
    ops::{
        designer,
        spawn::{self, PlannedAgent, Report, Request},
    },
    store,
    trust::AcceptedRepo,
};

/// The most tasks of one call.
const MAX_TASKS: usize = 20;
/// How many agents may be in a row of agents that started each other.
const MAX_DEPTH: usize = 5;

/// What the caller may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Caller {
    /// It is the program of a person, or of an agent without permission modes: the configuration decides.
    Unlimited,
    /// It is the program of an agent with this permission.
    Agent(Permission),
    /// It is the program of an agent whose permission is not known here.
    Unknown,
}

/// Starts an agent for each task.
///
/// # Errors
/// There is no task, or there are too many (2). The program would run its task as a script, or may do more than the caller (3). Also
/// those of [`spawn::run`].
pub(super) fn spawn(
    context: &Context,
    repo: &AcceptedRepo,
    tasks: Vec<String>,
    profile: Option<String>,
) -> Result<Report> {
    if tasks.len() > MAX_TASKS {
        return Err(Error::new(
            Code::LimitExceeded,
            format!("{} tasks; the limit is {MAX_TASKS}", tasks.len()),
        ));
    }
    let request = Request { tasks, agents: profile.into_iter().collect(), ..Request::default() };
    let caller = caller(repo)?;
    let plan = spawn::run(context, repo, &Request { dry_run: true, ..request.clone() })?;
    let config = Config::of(repo);
    let mut lowered = None;
    for agent in &plan.agents {
        if !agents::protocol_of(&agent.profile, &config).is_structured() {
            agents::check_prose(agent.role.as_ref().unwrap_or(&agent.profile), &config, "a task")?;
        }
        lowered = allowed(caller, agent)?.or(lowered);
    }
    let mut request = request;
    request.settings.options.permission = lowered;
    spawn::run(context, repo, &request)
}

/// Finds out who calls.
fn caller(repo: &Repo) -> Result<Caller> {
    if !repo.environment().is_agent() {
        return Ok(Caller::Unlimited);
    }
    let Some(id) = repo.environment().agent() else { return Ok(Caller::Unknown) };
    let Ok(agent) = store::agent(repo, &id) else { return Ok(Caller::Unknown) };
    // A designer is a person's program; the name alone does not make it one.
    if agent.designer && designer::of_caller(repo).as_ref() != Some(&id) {
        return Ok(Caller::Unknown);
    }
    let (mut parent, mut depth) = (agent.parent.clone(), 1);
    while let Some(IdOrText::Id(above)) = parent {
        depth += 1;
        if depth > MAX_DEPTH {
            return Err(Error::refused(format!(
                "agent '{id}' is the last of {MAX_DEPTH} that started each other"
            ))
            .hint("inbox_tell asks the agent that started it, or people"));
        }
        parent = store::agent(repo, &above).ok().and_then(|agent| agent.parent);
    }
    Ok(match agent.permission.as_deref().map(Permission::parse) {
        None => Caller::Unlimited,
        Some(None) => Caller::Unknown,
        Some(Some(permission)) => Caller::Agent(permission),
    })
}

/// Returns the lower permission with which an agent has to start, if its own is higher than that of the caller.
fn allowed(caller: Caller, planned: &PlannedAgent) -> Result<Option<Permission>> {
    let limit = match caller {
        Caller::Unlimited | Caller::Agent(Permission::BypassPermissions) => return Ok(None),
        Caller::Agent(limit) => limit,
        Caller::Unknown => {
            return Err(Error::new(
                Code::NotForAgents,
                "the permission of the caller is not known, so it starts no agents",
            ));
        }
    };
    let rank = |permission: Permission| Permission::ALL.iter().position(|one| *one == permission);
    match planned.permission {
        Some(permission) if rank(permission) > rank(limit) => Ok(Some(limit)),
        Some(_) => Ok(None),
        None => Err(Error::new(
            Code::NotForAgents,
            format!(
                "'{}' knows no permissions, and the caller may only do what '{limit}' allows",
                planned.profile
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_starts_none_that_may_do_more() {
        use Permission::{AcceptEdits, BypassPermissions, Default, Plan};
        let planned = |permission: Option<Permission>| -> PlannedAgent {
            let json = serde_json::json!({
                "id": "fix-it-00000", "title": "x", "profile": "claude", "permission": permission, "branch": "b",
                "base": "1".repeat(40), "worktree": "/w",
            });
            serde_json::from_value(json).unwrap()
        };
        for (caller, permission, expected) in [
            (Caller::Unlimited, Some(BypassPermissions), Ok(None)),
            (Caller::Unlimited, None, Ok(None)),
            (Caller::Agent(BypassPermissions), None, Ok(None)),
            (Caller::Agent(Plan), Some(AcceptEdits), Ok(Some(Plan))),
            (Caller::Agent(AcceptEdits), Some(AcceptEdits), Ok(None)),
            (Caller::Agent(AcceptEdits), Some(Default), Ok(None)),
            (Caller::Agent(AcceptEdits), None, Err(Code::NotForAgents)),
            (Caller::Unknown, Some(Plan), Err(Code::NotForAgents)),
        ] {
            let found = allowed(caller, &planned(permission)).map_err(|error| error.code);
            assert_eq!(found, expected, "{caller:?} {permission:?}");
        }
    }
}
