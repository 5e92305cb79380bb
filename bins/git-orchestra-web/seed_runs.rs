//! The calls about projects of agent-orchestra's dashboard, so that scripts for it keep working. A project is a run of a plan here, and
//! a decision is a gate of it.

use orchestra::{
    Code, Error, Result,
    config::{Config, keys},
    ops::{
        decide,
        gate_object::OpenGate,
        run,
        status::{self, OpenRun},
        unasked,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::Call,
    parameters::text,
    route::{Route, get, post, schema},
    runs,
    seed_teams::{self, PAGE},
    work::EmptyAsk,
};

/// What `approve` and `reject` answer at a gate: the first of these options that it has.
const APPROVE: [&str; 6] = ["accept", "agent", "done", "land", "retry", "wait"];
const REJECT: [&str; 2] = ["skip", "stop"];

/// The calls. Fixed words come before places.
pub(crate) const ROUTES: &[Route] = &[
    get("/api/gm/templates", &[], "seed", "None: plans are files", templates),
    get("/api/gm/projects", PAGE, "seed", "The runs that have not ended", projects),
    get("/api/gm/projects/{run}", &[], "seed", "A run, with its gates", project),
    get("/api/gm/projects/{run}/decisions", &[text("status")], "seed", "The gates of a run", decisions),
    post("/api/gm/launch", "seed", schema::<LaunchAsk>, "Carry out tasks, and land their work", launch)
        .that_takes_long(),
    post("/api/gm/projects/{run}/cancel", "seed", schema::<EmptyAsk>, "Give a run up", runs::abort)
        .that_takes_long(),
    post("/api/gm/projects/{run}/retry", "seed", schema::<EmptyAsk>, "Continue a run", runs::resume)
        .that_takes_long(),
    post("/api/gm/projects/{run}/push", "seed", schema::<EmptyAsk>, "Refused: a person pushes", push),
    post("/api/gm/decisions/{decision}/resolve", "seed", schema::<ResolveAsk>, "Answer at a gate", resolve),
];

fn templates(_: &Call<'_>) -> Result<Value> {
    Ok(json!([]))
}

/// Returns a run as a project.
pub(crate) fn row(open: &OpenRun) -> Value {
    let phase = if open.gates.is_empty() { "merging" } else { "waiting" };
    json!({
        "project_id": open.run, "project_name": open.title, "phase": phase, "total_agents": open.tasks,
        "merged": open.landed, "failed": open.failed, "skipped": open.skipped,
        "pending_decisions": open.gates.len(),
    })
}

fn open(call: &Call<'_>) -> Result<Vec<OpenRun>> {
    Ok(status::run(&call.context, &call.repo()?, &status::Request::default())?.runs)
}

fn one(call: &Call<'_>) -> Result<OpenRun> {
    let wanted = call.place();
    let found = open(call)?.into_iter().find(|run| run.run == wanted);
    found.ok_or_else(|| Error::new(Code::RunUnknown, format!("no run '{wanted}' is open")))
}

fn projects(call: &Call<'_>) -> Result<Value> {
    seed_teams::page(call, "projects", open(call)?.iter().rev().map(row).collect())
}

/// Returns the gates of a run as decisions.
pub(crate) fn gates(open: &OpenRun) -> Vec<Value> {
    let row = |gate: &OpenGate| {
        json!({
            "id": format!("{}.{}", open.run, gate.gate), "project_id": open.run, "type": gate.kind,
            "description": gate.says, "proposed_action": first_of(&gate.options, &APPROVE), "status": "pending",
            "options": gate.options, "created_at": gate.opened_at,
        })
    };
    open.gates.iter().map(row).collect()
}

fn first_of(options: &[String], wanted: &[&str]) -> Option<String> {
    let known = wanted.iter().find(|word| options.iter().any(|option| option == *word));
    known.map(|word| (*word).to_owned())
}

fn project(call: &Call<'_>) -> Result<Value> {
    let open = one(call)?;
    let mut shown = row(&open);
    shown["decisions"] = json!(gates(&open));
    shown["sessions"] = json!(open.waits);
    Ok(shown)
}

fn decisions(call: &Call<'_>) -> Result<Value> {
    let open = one(call)?;
    let is_asked = call.parameters.get("status").is_none_or(|status| status == "pending");
    Ok(json!(if is_asked { gates(&open) } else { Vec::new() }))
}

/// A project: tasks, each for an agent. Further fields of an agent are those of other programs.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LaunchAsk {
    project_name: String,
    agents: Vec<ProjectAgent>,
    #[serde(default)]
    repo_path: Option<String>,
    #[serde(default)]
    build_command: Option<String>,
    #[serde(default)]
    test_command: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct ProjectAgent {
    #[serde(alias = "task_description", alias = "description")]
    task: String,
}

fn launch(call: &Call<'_>) -> Result<Value> {
    let LaunchAsk { project_name, agents, repo_path, build_command, test_command } = call.asked()?;
    let repo = unasked::accepted(call.repo()?)?;
    seed_teams::check_repository(&repo, repo_path.as_deref())?;
    let config = Config::of(&repo);
    check_command("build_command", build_command.as_deref(), config.get(&keys::BUILD)?.as_deref())?;
    check_command("test_command", test_command.as_deref(), config.get(&keys::TEST)?.as_deref())?;
    let on_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let tasks: String = agents.iter().map(|agent| format!("- [ ] {}\n", on_one_line(&agent.task))).collect();
    let plan = format!("# {}\n\n{tasks}", on_one_line(&project_name));
    let before: Vec<String> = open(call)?.into_iter().map(|run| run.run).collect();
    let begun = runs::in_background(call, run::Request { plan: Some(plan), ..run::Request::default() })?;
    let new = open(call)?.into_iter().map(|run| run.run).find(|run| !before.contains(run));
    let id = begun["run"].as_str().map(str::to_owned).or(new);
    let phase = begun["phase"].as_str().unwrap_or("launching");
    Ok(json!({"project_id": id, "project_name": project_name, "phase": phase, "agents": agents.len()}))
}

/// Refuses a command that the configuration does not name: a page names none.
fn check_command(field: &str, typed: Option<&str>, known: Option<&str>) -> Result<()> {
    match typed.filter(|typed| !typed.is_empty()) {
        Some(typed) if Some(typed) != known => {
            Err(Error::usage(format!("{field} is not the command that is configured here"))
                .hint("git config orchestra.build and orchestra.test name what runs"))
        }
        _ => Ok(()),
    }
}

fn push(call: &Call<'_>) -> Result<Value> {
    let EmptyAsk {} = call.asked()?;
    Err(Error::refused("nothing is pushed from here").hint("a person types: git push"))
}

/// What is answered at a gate.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolveAsk {
    action: Action,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    Approve,
    Reject,
}

fn resolve(call: &Call<'_>) -> Result<Value> {
    let ResolveAsk { action } = call.asked()?;
    let id = call.place();
    let unknown = || Error::new(Code::GateUnknown, format!("no decision '{id}' is open"));
    let (run, number) =
        id.rsplit_once('.').and_then(|(run, gate)| Some((run, gate.parse().ok()?))).ok_or_else(unknown)?;
    let open = open(call)?.into_iter().find(|open| open.run == run).ok_or_else(unknown)?;
    let gate = open.gates.iter().find(|gate| gate.gate == number).ok_or_else(unknown)?;
    let (option, status) = match action {
        Action::Approve => (first_of(&gate.options, &APPROVE), "approved"),
        Action::Reject => (first_of(&gate.options, &REJECT), "rejected"),
    };
    let request = decide::Request {
        run: Some(run.to_owned()),
        gate: Some(number),
        option,
        ..decide::Request::default()
    };
    let report = decide::run(&call.context, &call.repo()?, &request)?;
    let answered = report.answered.map(|answered| answered.option);
    Ok(json!({"id": id, "status": status, "option": answered}))
}
