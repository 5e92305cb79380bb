//! The calls: one row for each, from which the list of them is made.

use orchestra::{
    Error, Result,
    ops::web::{Target, make_visible},
};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{
    call::Call,
    openapi::{self, Described},
    reads,
    replies::Reply,
    stream,
    writes::{self, AnswerAsk, DecideAsk, ReadAsk, ResumeAsk, SendAsk, SpawnAsk, StopAsk},
};

/// A call.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// Its path, with `{id}` in the place of an agent.
    pub(crate) path: &'static str,
    /// What it does.
    about: &'static str,
    /// The names of its parameters, or of the fields of its body.
    takes: &'static [&'static str],
    /// The kind of its answer.
    kind: &'static str,
    /// The schema of its body.
    body: Option<fn() -> Schema>,
    run: fn(&Call<'_>) -> Result<Value>,
}

impl Route {
    /// Makes the call.
    pub(crate) fn answer(&self, call: &Call<'_>) -> Reply {
        let unknown =
            call.parameters.keys().find(|name| self.method == "POST" || !self.takes.contains(&name.as_str()));
        let answered = match unknown {
            Some(name) => Err(Error::usage(format!("this call has no parameter '{name}'"))),
            None => (self.run)(call),
        };
        match answered {
            Ok(mut answer) => {
                make_visible(&mut answer);
                Reply::json(answer.to_string())
            }
            Err(error) => Reply::error(&error),
        }
    }
}

const fn get(
    path: &'static str,
    takes: &'static [&'static str],
    kind: &'static str,
    about: &'static str,
    run: fn(&Call<'_>) -> Result<Value>,
) -> Route {
    Route { method: "GET", path, about, takes, kind, body: None, run }
}

const fn post(
    path: &'static str,
    takes: &'static [&'static str],
    kind: &'static str,
    body: fn() -> Schema,
    about: &'static str,
    run: fn(&Call<'_>) -> Result<Value>,
) -> Route {
    Route { method: "POST", path, about, takes, kind, body: Some(body), run }
}

/// All calls.
pub(crate) const ROUTES: &[Route] = &[
    get("/api/v1", &[], "calls", "This list", list),
    get("/api/v1/openapi.json", &[], "openapi", "This list as OpenAPI", describe),
    get("/api/v1/status", &["all"], "status", "All agents, of those that ended the newest", reads::status),
    get("/api/v1/agents/{id}", &[], "status", "One agent", reads::agent),
    get(
        "/api/v1/agents/{id}/log",
        &["lines", "attempt", "from"],
        "log-page",
        "A page of what it said and did",
        reads::log,
    ),
    get("/api/v1/agents/{id}/diff", &["since_review"], "diff", "What it changed", reads::diff),
    get("/api/v1/inbox", &["all"], "inbox", "What agents say and ask", reads::inbox),
    get("/api/v1/gates", &[], "decide", "What waits for a person", reads::gates),
    get("/api/v1/runs", &[], "runs", "The runs of plans that have not ended", reads::runs),
    get("/api/v1/worktrees", &[], "worktrees", "The worktrees of agents", reads::worktrees),
    get(
        "/api/v1/sessions",
        &["limit"],
        "sessions",
        "The sessions of agent programs in this repository",
        reads::sessions,
    ),
    get("/api/v1/history", &[], "undo", "The operations that can be undone", reads::history),
    get("/api/v1/costs", &[], "costs", "What agents cost, by day, by program and by agent", reads::costs),
    post(
        "/api/v1/spawn",
        &["tasks", "profile"],
        "spawn",
        schema::<SpawnAsk>,
        "Start an agent for each task",
        writes::spawn,
    ),
    post("/api/v1/agents/{id}/send", &["text"], "send", schema::<SendAsk>, "Send it a message", writes::send),
    post(
        "/api/v1/agents/{id}/answer",
        &["question", "allow", "always", "text"],
        "send",
        schema::<AnswerAsk>,
        "Answer its request, by the id of the question",
        writes::answer,
    ),
    post(
        "/api/v1/agents/{id}/pause",
        &["reason", "children"],
        "pause",
        schema::<StopAsk>,
        "Pause it",
        writes::pause,
    ),
    post("/api/v1/agents/{id}/resume", &[], "resume", schema::<ResumeAsk>, "Resume it", writes::resume),
    post(
        "/api/v1/agents/{id}/stop",
        &["reason", "children"],
        "stop",
        schema::<StopAsk>,
        "Stop it, and save its work",
        writes::stop,
    ),
    post(
        "/api/v1/gates",
        &["run", "gate", "option", "note"],
        "decide",
        schema::<DecideAsk>,
        "Answer at the gate of a run",
        writes::decide,
    ),
    post(
        "/api/v1/inbox/read",
        &["messages"],
        "inbox-read",
        schema::<ReadAsk>,
        "Mark messages as read",
        writes::mark_read,
    ),
];

/// Returns the schema of a body, complete in itself.
fn schema<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}

/// Describes the calls.
fn describe(_: &Call<'_>) -> Result<Value> {
    let described = ROUTES.iter().map(|route| Described {
        method: route.method,
        path: route.path,
        about: route.about,
        takes: route.takes,
        kind: route.kind,
        body: route.body.map(|schema| schema()),
    });
    Ok(openapi::document(described))
}

/// Finds the call that a request makes.
pub(crate) fn find(method: &str, target: &Target) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.method == method && target.matches(route.path).is_some())
}

/// Lists the calls.
fn list(_: &Call<'_>) -> Result<Value> {
    let row = |method: &str, path: &str, takes: &[&str], about: &str| json!({"method": method, "path": path, "takes": takes, "about": about});
    let mut calls: Vec<Value> =
        ROUTES.iter().map(|route| row(route.method, route.path, route.takes, route.about)).collect();
    calls.push(row("GET", stream::PATH, &[], "Changes, as server-sent events"));
    Ok(json!({"version": 1, "kind": "calls", "calls": calls}))
}
