//! The calls about teams of agent-orchestra's dashboard, so that scripts for it keep working. A session of a team is an agent here, and
//! a merge is a tested landing.

use orchestra::{
    Error, Result,
    git::Repo,
    ops::{
        agent_object::AgentObject,
        cleanup, diff,
        merge_ranked::{self, BranchOutcome},
        spawn, status, stop, unasked,
        web::{self, ListedTeam},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    background,
    call::Call,
    parameters::{Parameter, number},
    route::{Route, get, post, schema},
    seeds,
    work::EmptyAsk,
};

/// How many rows are answered if nothing else is asked for, and at most.
pub(crate) const ROWS: (u64, u64) = (50, 200);
/// The parameters of a page of rows.
pub(crate) const PAGE: &[Parameter] = &[number("limit"), number("offset")];

/// The calls. Fixed words come before places.
pub(crate) const ROUTES: &[Route] = &[
    get("/api/teams", PAGE, "seed", "The agents that are teams", sessions),
    get("/api/teams/templates", &[], "seed", "The teams that are configured", templates),
    get("/api/teams/{id}", &[], "seed", "One agent, with what its roles did", session),
    get("/api/teams/{id}/tasks", &[], "seed", "What the roles of an agent did", tasks),
    get("/api/teams/{id}/diff", &[], "seed", "What an agent changed", difference),
    post("/api/teams/launch", "seed", schema::<LaunchAsk>, "Start a team for a task", launch),
    post("/api/teams/{id}/merge", "seed", schema::<EmptyAsk>, "Land the work of an agent", merge)
        .that_takes_long(),
    post(
        "/api/teams/{id}/discard",
        "seed",
        schema::<EmptyAsk>,
        "Remove an agent; undo brings it back",
        discard,
    ),
    post("/api/teams/{id}/cancel", "seed", schema::<EmptyAsk>, "Stop an agent", cancel),
];

/// Returns an agent as a session of a team.
pub(crate) fn row(agent: &AgentObject) -> Value {
    let status = match (seeds::word(agent), agent.merged) {
        ("completed", Some(true)) => "merged",
        (word, _) => word,
    };
    json!({
        "id": agent.id, "session_id": agent.id, "team_name": agent.team.as_ref().map(|team| &team.name),
        "task_description": agent.title, "status": status, "branch": agent.branch, "worktree": agent.worktree,
        "started_at": agent.started_at.unwrap_or(agent.queued_at), "completed_at": agent.ended_at,
        "num_teammates": agent.team.as_ref().map_or(1, |team| team.roles.len()),
    })
}

fn parts(agent: &AgentObject) -> Vec<Value> {
    let parts = agent.team.iter().flat_map(|team| &team.parts);
    parts.map(|part| serde_json::to_value(part).unwrap_or_default()).collect()
}

/// Returns a page of rows in the way of those calls.
pub(crate) fn page(call: &Call<'_>, name: &str, rows: Vec<Value>) -> Result<Value> {
    let (default, most) = ROWS;
    let limit = call.number("limit")?.unwrap_or(default).clamp(1, most);
    let offset = call.number("offset")?.unwrap_or(0);
    let (total, index) = (rows.len(), |number| usize::try_from(number).unwrap_or(usize::MAX));
    let rows: Vec<Value> = rows.into_iter().skip(index(offset)).take(index(limit)).collect();
    Ok(json!({name: rows, "total": total, "limit": limit, "offset": offset}))
}

fn sessions(call: &Call<'_>) -> Result<Value> {
    let agents = seeds::agents(call)?;
    let mut teams: Vec<&AgentObject> = agents.iter().filter(|agent| agent.team.is_some()).collect();
    teams.reverse();
    page(call, "sessions", teams.into_iter().map(row).collect())
}

fn templates(call: &Call<'_>) -> Result<Value> {
    let row = |team: ListedTeam| {
        let roles: Vec<String> = team.roles.into_iter().map(|role| role.name).collect();
        json!({"name": team.name, "teammates": roles, "description": team.flaw})
    };
    Ok(web::teams(&call.repo()?).into_iter().map(row).collect())
}

fn one(call: &Call<'_>) -> Result<AgentObject> {
    let request = status::Request { agents: vec![call.agent()], ..status::Request::default() };
    let found = status::run(&call.context, &call.repo()?, &request)?.agents.into_iter().next();
    found.ok_or_else(|| Error::internal("an agent is missing in its own list"))
}

fn session(call: &Call<'_>) -> Result<Value> {
    let agent = one(call)?;
    let mut shown = row(&agent);
    shown["tasks"] = json!(parts(&agent));
    Ok(shown)
}

fn tasks(call: &Call<'_>) -> Result<Value> {
    Ok(json!(parts(&one(call)?)))
}

fn difference(call: &Call<'_>) -> Result<Value> {
    let repo = unasked::accepted(call.repo()?)?;
    let request = diff::Request { agent: call.agent(), ..diff::Request::default() };
    let compared = diff::compare(&repo, &request)?;
    let text = compared.text()?;
    let files = compared.into_report()?.files;
    let line = |file: &diff::ChangedFile| format!(" {}\n", file.path);
    let stat: String = files.iter().map(line).collect();
    Ok(json!({"session_id": call.agent(), "diff": text, "stat": stat, "files_changed": files.len()}))
}

/// A task for a team.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LaunchAsk {
    team_name: String,
    task_description: String,
    #[serde(default)]
    repo_path: Option<String>,
}

/// Checks that a call is for the repository that is served.
///
/// # Errors
/// It is for another one (2).
pub(crate) fn check_repository(repo: &Repo, typed: Option<&str>) -> Result<()> {
    let Some(typed) = typed.filter(|path| !path.is_empty()) else { return Ok(()) };
    let asked = Repo::discover(&repo.environment().at(typed)).and_then(|other| other.common_dir()).ok();
    if asked.is_some_and(|other| repo.common_dir().is_ok_and(|own| own == other)) {
        return Ok(());
    }
    Err(Error::usage("repo_path is not the repository that is served here")
        .hint("git orchestra web, in that one"))
}

fn launch(call: &Call<'_>) -> Result<Value> {
    let LaunchAsk { team_name, task_description, repo_path } = call.asked()?;
    let repo = unasked::accepted(call.repo()?)?;
    check_repository(&repo, repo_path.as_deref())?;
    let request = spawn::Request {
        tasks: vec![task_description],
        team: Some(team_name.clone()),
        ..spawn::Request::default()
    };
    let started = unasked::spawn(&call.context, &repo, &request)?.agents;
    let Some(agent) = started.first() else { return Err(Error::internal("no agent was started")) };
    let id = &agent.id;
    let started = status::read_agent(&repo, id)?;
    Ok(json!({
        "session_id": id, "team_name": team_name, "status": "running", "branch": started.branch, "worktree": started.worktree,
    }))
}

fn merge(call: &Call<'_>) -> Result<Value> {
    let EmptyAsk {} = call.asked()?;
    let agent = call.agent();
    background::run(
        call,
        "landing",
        Box::new(move |context, environment| {
            let repo = unasked::accepted(Repo::discover(environment)?)?;
            let request =
                merge_ranked::Request { branches: vec![agent.clone()], ..merge_ranked::Request::default() };
            let report = merge_ranked::run(context, &repo, &request)?;
            let has_landed = report.count(BranchOutcome::Merged) > 0;
            let why = report.order.first().map(|row| row.why.clone().unwrap_or_else(|| row.reason.clone()));
            let status = if has_landed { "merged" } else { "not_merged" };
            let mut answer = json!({"session_id": agent, "status": status, "into": report.into, "commit": report.moved_to()});
            if !has_landed {
                answer["error"] = json!(why.unwrap_or_else(|| "there is nothing to land".to_owned()));
            }
            Ok(answer)
        }),
    )
}

fn discard(call: &Call<'_>) -> Result<Value> {
    let EmptyAsk {} = call.asked()?;
    let repo = unasked::accepted(call.repo()?)?;
    let request = cleanup::Request { discard: vec![call.agent()], ..cleanup::Request::default() };
    let report = cleanup::run(&call.context, &repo, &request)?;
    let Some(one) = report.agents.first() else { return Err(Error::internal("no agent was examined")) };
    if one.outcome != cleanup::CleanupOutcome::Removed {
        return Ok(json!({"session_id": one.agent.id, "status": "kept", "error": one.why}));
    }
    Ok(json!({"session_id": one.agent.id, "status": "discarded", "operation": report.operation}))
}

fn cancel(call: &Call<'_>) -> Result<Value> {
    let EmptyAsk {} = call.asked()?;
    let request = stop::Request { agents: vec![call.agent()], ..stop::Request::default() };
    stop::run(&call.context, &call.repo()?, &request)?;
    Ok(json!({"session_id": call.agent(), "status": "cancelled"}))
}
