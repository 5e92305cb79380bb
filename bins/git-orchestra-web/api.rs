//! The calls: one row for each, from which the list of them is made.

use orchestra::{Result, ops::web::Target};
use serde_json::{Value, json};

use super::{
    background,
    call::Call,
    conversation,
    landing::{self, LandAsk, UnfinishedAsk},
    openapi::{self, Described},
    parameters::{flag, number, required_text},
    reads,
    route::{Route, get, post, schema},
    runs::{self, PlanAsk, RunAsk},
    seed_names, seed_runs, seed_teams, seeds, stream,
    work::{self, CleanupAsk, EmptyAsk, PickAsk, ReplyAsk, ReviewAsk, SpecAsk, TagAsk, UndoAsk},
    writes::{self, AnswerAsk, DecideAsk, ReadAsk, SendAsk, SpawnAsk, StopAsk},
};

/// All calls.
pub(crate) const ROUTES: &[Route] = &[
    get("/api/v1", &[], "calls", "This list", list),
    get("/api/v1/openapi.json", &[], "openapi", "This list as OpenAPI", describe),
    get(
        "/api/v1/status",
        &[flag("all")],
        "status",
        "All agents, of those that ended the newest",
        reads::status,
    ),
    get("/api/v1/agents/{id}", &[], "status", "One agent", reads::agent),
    get(
        "/api/v1/agents/{id}/log",
        &[number("lines"), number("attempt"), number("from")],
        "log-page",
        "A page of what it said and did",
        reads::log,
    ),
    get("/api/v1/agents/{id}/diff", &[flag("since_review")], "diff", "What it changed", reads::diff),
    get(
        "/api/v1/agents/{id}/review",
        &[],
        "review",
        "Its work, with its base, its head and its verdicts",
        work::reviewed,
    ),
    get(
        "/api/v1/agents/{id}/command",
        &[],
        "command",
        "The command that resumes its session by hand",
        reads::command,
    ),
    get("/api/v1/reviews", &[], "review", "The work that waits for a verdict", work::awaiting),
    get(
        "/api/v1/compare",
        &[required_text("agents")],
        "compare",
        "The work of agents side by side, separated by commas",
        work::compared,
    ),
    get("/api/v1/inbox", &[flag("all")], "inbox", "What agents say and ask", reads::inbox),
    get("/api/v1/gates", &[], "decide", "What waits for a person", reads::gates),
    get("/api/v1/runs", &[], "runs", "The runs of plans that have not ended", reads::runs),
    get(
        "/api/v1/landing",
        &[],
        "landings",
        "The landings that run, or wait to be continued or aborted",
        landing::unfinished,
    ),
    get(
        "/api/v1/background",
        &[],
        "background",
        "The landings and runs that were begun here, with the answers of those that have ended",
        background::list,
    ),
    get("/api/v1/worktrees", &[], "worktrees", "The worktrees of agents", reads::worktrees),
    get(
        "/api/v1/sessions",
        &[number("limit")],
        "sessions",
        "The sessions of agent programs in this repository",
        reads::sessions,
    ),
    get(
        "/api/v1/sessions/search",
        &[required_text("words"), flag("regex"), flag("ignore_case"), number("limit")],
        "search",
        "The sessions that mention something, and where",
        reads::search,
    ),
    get(
        "/api/v1/sessions/{session}",
        &[number("from")],
        "session-page",
        "A page of what was said and done in a session",
        conversation::page,
    ),
    get(
        "/api/v1/sessions/{session}/command",
        &[],
        "command",
        "The command that resumes a session by hand",
        reads::command,
    ),
    get("/api/v1/specs", &[], "specs", "The specs", reads::specs),
    get("/api/v1/specs/{name}", &[number("version")], "spec", "The text of a spec", reads::spec),
    get("/api/v1/teams", &[], "teams", "The teams that are configured", reads::teams),
    get("/api/v1/profiles", &[], "profiles", "The profiles that can be started here", reads::profiles),
    get("/api/v1/history", &[], "undo", "The operations that can be undone", reads::history),
    get("/api/v1/costs", &[], "costs", "What agents cost, by day, by program and by agent", reads::costs),
    post(
        "/api/v1/spawn",
        "spawn",
        schema::<SpawnAsk>,
        "Start an agent, or a team, for each task",
        writes::spawn,
    ),
    post("/api/v1/agents/{id}/send", "send", schema::<SendAsk>, "Send it a message", writes::send),
    post(
        "/api/v1/agents/{id}/answer",
        "send",
        schema::<AnswerAsk>,
        "Answer its request, by the id of the question",
        writes::answer,
    ),
    post("/api/v1/agents/{id}/pause", "pause", schema::<StopAsk>, "Pause it", writes::pause),
    post("/api/v1/agents/{id}/resume", "resume", schema::<EmptyAsk>, "Resume it", writes::resume),
    post("/api/v1/agents/{id}/stop", "stop", schema::<StopAsk>, "Stop it, and save its work", writes::stop),
    post(
        "/api/v1/agents/{id}/review",
        "review",
        schema::<ReviewAsk>,
        "Give a verdict on its work from a base to a head",
        work::review,
    ),
    post("/api/v1/agents/{id}/collect", "collect", schema::<EmptyAsk>, "Save its work", work::collect),
    post("/api/v1/agents/{id}/tag", "tag", schema::<TagAsk>, "Add tags to it, and remove tags", work::tag),
    post(
        "/api/v1/compare",
        "compare",
        schema::<PickAsk>,
        "Pick one of several agents, and reject the work of the others",
        work::pick,
    ),
    post(
        "/api/v1/specs/{name}",
        "spec-save",
        schema::<SpecAsk>,
        "Save the text of a spec, and tell its designer what changed",
        work::save_spec,
    ),
    post("/api/v1/gates", "decide", schema::<DecideAsk>, "Answer at the gate of a run", writes::decide),
    post("/api/v1/inbox/read", "inbox-read", schema::<ReadAsk>, "Mark messages as read", writes::mark_read),
    post("/api/v1/inbox/reply", "inbox-reply", schema::<ReplyAsk>, "Reply to a message", work::reply),
    post("/api/v1/landing", "merge-ranked", schema::<LandAsk>, "Plan a landing, or land work", landing::land)
        .that_takes_long(),
    post(
        "/api/v1/landing/continue",
        "merge-ranked",
        schema::<UnfinishedAsk>,
        "Continue a landing that did not end",
        landing::resume,
    )
    .that_takes_long(),
    post(
        "/api/v1/landing/abort",
        "merge-ranked",
        schema::<UnfinishedAsk>,
        "Abort a landing that did not end",
        landing::abort,
    )
    .that_takes_long(),
    post("/api/v1/plan", "plan", schema::<PlanAsk>, "Read a list of tasks, and find its flaws", runs::plan),
    post("/api/v1/runs", "run", schema::<RunAsk>, "Show what a plan would do, or carry it out", runs::begin)
        .that_takes_long(),
    post("/api/v1/runs/{run}/continue", "run", schema::<EmptyAsk>, "Continue a run", runs::resume)
        .that_takes_long(),
    post(
        "/api/v1/runs/{run}/abort",
        "run",
        schema::<EmptyAsk>,
        "Give a run up, and stop its agents",
        runs::abort,
    )
    .that_takes_long(),
    post(
        "/api/v1/cleanup",
        "cleanup",
        schema::<CleanupAsk>,
        "Remove agents whose work has landed, or show which",
        work::cleanup,
    ),
    post(
        "/api/v1/undo",
        "undo",
        schema::<UndoAsk>,
        "Undo an operation, or show what that would change",
        work::undo,
    ),
];

/// The calls of other programs, so that scripts for them keep working.
fn aliases() -> impl Iterator<Item = &'static Route> {
    [seeds::ROUTES, seed_teams::ROUTES, seed_runs::ROUTES].into_iter().flatten()
}

/// Describes the calls.
fn describe(_: &Call<'_>) -> Result<Value> {
    let described = ROUTES.iter().chain(aliases()).map(|route| Described {
        stands_for: seed_names::stands_for(route.method, route.path),
        method: route.method,
        path: route.path,
        about: route.about,
        takes: route.takes,
        kind: route.kind,
        body: route.body.map(|schema| schema()),
        takes_long: route.takes_long,
    });
    Ok(openapi::document(described))
}

/// Finds the call that a request makes.
pub(crate) fn find(method: &str, target: &Target) -> Option<&'static Route> {
    let mut all = ROUTES.iter().chain(aliases());
    all.find(|route| route.method == method && target.matches(route.path).is_some())
}

/// Lists the calls.
fn list(_: &Call<'_>) -> Result<Value> {
    let row = |method: &str, path: &str, takes: &[String], about: &str| json!({"method": method, "path": path, "takes": takes, "about": about});
    let mut calls: Vec<Value> =
        ROUTES.iter().map(|route| row(route.method, route.path, &route.names(), route.about)).collect();
    calls.push(row("GET", stream::PATH, &[], "Changes, as server-sent events"));
    let aliases: Vec<Value> =
        aliases().map(|route| row(route.method, route.path, &route.names(), route.about)).collect();
    Ok(json!({"version": 1, "kind": "calls", "calls": calls, "aliases": aliases}))
}
