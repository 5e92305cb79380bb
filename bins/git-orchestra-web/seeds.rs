//! The calls of claude-orchestra's dashboard, so that scripts for it keep working: the same paths, parameters and fields. What it did
//! that loses work is done in our way: nothing is deleted that was not saved, and no task is dropped.

use std::time::Duration;

use orchestra::{
    Error, Result,
    model::{Liveness, Phase},
    ops::{
        agent_object::AgentObject, cleanup, pause, resume, sessions, settings::Settings, spawn, status, stop,
        unasked, worktrees,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::Call,
    parameters::{decimal, flag},
    route::{Route, get, post, schema},
    work::EmptyAsk,
};

/// The most sessions that are listed.
const SESSIONS: usize = 500;
/// How old sessions are at most, in hours, if nothing else is asked for.
const HOURS: f64 = 4.0;

/// The calls.
pub(crate) const ROUTES: &[Route] = &[
    get("/api/status", &[], "seed", "All agents, with counts", state),
    get("/api/sessions", &[decimal("hours")], "seed", "Recent sessions", recent_sessions),
    get("/api/worktrees", &[], "seed", "The worktrees of agents", listed_worktrees),
    post("/api/spawn", "seed", schema::<SpawnAsk>, "Start agents", start),
    post("/api/agents/{id}/pause", "seed", schema::<EmptyAsk>, "Pause an agent", pause_one),
    post("/api/agents/{id}/resume", "seed", schema::<EmptyAsk>, "Resume an agent", resume_one),
    post("/api/cleanup", "seed", schema::<EmptyAsk>, "Remove agents whose work has landed", clean)
        .with(&[flag("all_agents")]),
];

/// Returns the word that those programs have for the state of an agent.
pub(crate) fn word(agent: &AgentObject) -> &'static str {
    match agent.phase {
        _ if agent.liveness == Liveness::Lost => "stale",
        Phase::Queued => "pending",
        Phase::Starting | Phase::Running | Phase::Waiting => "running",
        Phase::Paused => "paused",
        Phase::Done => "completed",
        Phase::Failed | Phase::Timeout => "failed",
        Phase::Stopped => "cancelled",
    }
}

fn row(agent: &AgentObject) -> Value {
    json!({
        "agent_id": agent.id, "session_id": agent.session, "task": agent.title, "status": word(agent),
        "worktree_path": agent.worktree, "branch": agent.branch,
        "started_at": agent.started_at.unwrap_or(agent.queued_at), "last_heartbeat": agent.told_at,
        "current_activity": agent.activity, "error_message": agent.reason, "result": agent.last_words,
    })
}

/// Returns all agents of a repository.
pub(crate) fn agents(call: &Call<'_>) -> Result<Vec<AgentObject>> {
    let request = status::Request { all: true, ..status::Request::default() };
    Ok(status::run(&call.context, &call.repo()?, &request)?.agents)
}

/// Returns the state as claude-orchestra and agent-orchestra answer it: the fields of both.
pub(crate) fn state(call: &Call<'_>) -> Result<Value> {
    Ok(state_of(&agents(call)?))
}

/// Returns the state of agents.
pub(crate) fn state_of(agents: &[AgentObject]) -> Value {
    let count = |wanted: &str| agents.iter().filter(|agent| word(agent) == wanted).count();
    let running = count("running");
    json!({
        "total": agents.len(), "running": running, "pending": count("pending"), "paused": count("paused"),
        "completed": count("completed"), "failed": count("failed"), "stale": count("stale"),
        "cancelled": count("cancelled"), "agents": agents.iter().map(row).collect::<Vec<_>>(),
        "orchestrator": {"running": running > 0},
        "stats": {"total": agents.len(), "completed": count("completed"), "failed": count("failed")},
    })
}

fn recent_sessions(call: &Call<'_>) -> Result<Value> {
    let hours = call.parameters.get("hours").and_then(|hours| hours.parse().ok()).unwrap_or(HOURS);
    let age = Duration::try_from_secs_f64(hours * 3600.0).unwrap_or(Duration::MAX).as_secs();
    let since = call.environment.now().as_second().saturating_sub_unsigned(age);
    let request = sessions::Request { since: Some(since), limit: SESSIONS, ..sessions::Request::default() };
    let found = sessions::run(&call.context, Some(&call.repo()?), &request)?.sessions;
    let row = |one: &sessions::Session| {
        json!({
            "session_id": one.id, "project_path": one.cwd, "modified_at": one.last_active_at,
            "message_count": one.messages, "last_prompt": one.last_prompt,
        })
    };
    Ok(found.iter().map(row).collect())
}

fn listed_worktrees(call: &Call<'_>) -> Result<Value> {
    let found = worktrees::run(&call.context, &call.repo()?, &worktrees::Request::default())?.worktrees;
    let row = |one: &worktrees::WorktreeInfo| {
        let is_active = one.agent.liveness == Liveness::Live;
        json!({"branch": one.agent.branch, "task": one.agent.title, "path": one.path, "is_active": is_active})
    };
    Ok(found.iter().map(row).collect())
}

/// Tasks to start agents for, and how many run at once; the others wait.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpawnAsk {
    tasks: Vec<String>,
    #[serde(default)]
    parallel: Option<u32>,
    #[serde(default)]
    use_worktrees: Option<bool>,
}

fn start(call: &Call<'_>) -> Result<Value> {
    let SpawnAsk { tasks, parallel, use_worktrees } = call.asked()?;
    if use_worktrees == Some(false) {
        return Err(Error::usage("every agent works in its own worktree").hint("leave out use_worktrees"));
    }
    let settings = Settings { jobs: parallel, ..Settings::default() };
    let repo = unasked::accepted(call.repo()?)?;
    let started = unasked::spawn(
        &call.context,
        &repo,
        &spawn::Request { tasks, settings, ..spawn::Request::default() },
    )?;
    let agents = started.agents.iter().map(|agent| agent.id.to_string()).collect();
    let request = status::Request { agents, ..status::Request::default() };
    let started = status::run(&call.context, &repo, &request)?.agents;
    let row =
        |agent: &AgentObject| json!({"agent_id": agent.id, "task": agent.title, "worktree": agent.branch});
    Ok(json!({"spawned": started.len(), "agents": started.iter().map(row).collect::<Vec<_>>()}))
}

fn pause_one(call: &Call<'_>) -> Result<Value> {
    let EmptyAsk {} = call.asked()?;
    let request = stop::Request { agents: vec![call.agent()], ..stop::Request::default() };
    pause::run(&call.context, &call.repo()?, &request)?;
    Ok(json!({"success": true}))
}

fn resume_one(call: &Call<'_>) -> Result<Value> {
    let EmptyAsk {} = call.asked()?;
    let repo = unasked::accepted(call.repo()?)?;
    let request = resume::Request { agents: vec![call.agent()], ..resume::Request::default() };
    resume::run(&call.context, &repo, &request)?;
    Ok(json!({"success": true}))
}

/// Removes agents whose work has landed. `all_agents` deleted the work of the others there, and does not here.
fn clean(call: &Call<'_>) -> Result<Value> {
    let EmptyAsk {} = call.asked()?;
    let repo = unasked::accepted(call.repo()?)?;
    let report = cleanup::run(&call.context, &repo, &cleanup::Request::default())?;
    let removed = report.agents.iter().filter(|one| one.outcome == cleanup::CleanupOutcome::Removed).count();
    Ok(json!({"cleaned": removed, "operation": report.operation}))
}
