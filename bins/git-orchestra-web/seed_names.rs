//! What to call in the place of the calls of other programs.

/// The calls of other programs, each with ours that says or does the same.
const CALLS: &[(&str, &str, &str)] = &[
    ("GET", "/api/status", "GET /api/v1/status"),
    ("GET", "/api/sessions", "GET /api/v1/sessions"),
    ("GET", "/api/worktrees", "GET /api/v1/worktrees"),
    ("POST", "/api/spawn", "POST /api/v1/spawn"),
    ("POST", "/api/agents/{id}/pause", "POST /api/v1/agents/{id}/pause"),
    ("POST", "/api/agents/{id}/resume", "POST /api/v1/agents/{id}/resume"),
    ("POST", "/api/cleanup", "POST /api/v1/cleanup"),
    ("GET", "/api/teams", "GET /api/v1/status"),
    ("GET", "/api/teams/templates", "GET /api/v1/teams"),
    ("GET", "/api/teams/{id}", "GET /api/v1/agents/{id}"),
    ("GET", "/api/teams/{id}/tasks", "GET /api/v1/agents/{id}"),
    ("GET", "/api/teams/{id}/diff", "GET /api/v1/agents/{id}/diff"),
    ("POST", "/api/teams/launch", "POST /api/v1/spawn"),
    ("POST", "/api/teams/{id}/merge", "POST /api/v1/landing"),
    ("POST", "/api/teams/{id}/discard", "POST /api/v1/cleanup"),
    ("POST", "/api/teams/{id}/cancel", "POST /api/v1/agents/{id}/stop"),
    ("GET", "/api/gm/templates", "POST /api/v1/plan"),
    ("GET", "/api/gm/projects", "GET /api/v1/runs"),
    ("GET", "/api/gm/projects/{run}", "GET /api/v1/runs"),
    ("GET", "/api/gm/projects/{run}/decisions", "GET /api/v1/gates"),
    ("POST", "/api/gm/launch", "POST /api/v1/runs"),
    ("POST", "/api/gm/projects/{run}/cancel", "POST /api/v1/runs/{run}/abort"),
    ("POST", "/api/gm/projects/{run}/retry", "POST /api/v1/runs/{run}/continue"),
    ("POST", "/api/gm/projects/{run}/push", "git push, which a person types"),
    ("POST", "/api/gm/decisions/{decision}/resolve", "POST /api/v1/gates"),
];

/// Returns what stands in the place of a call of another program.
pub(crate) fn stands_for(method: &str, path: &str) -> Option<&'static str> {
    CALLS.iter().find(|(of, at, _)| (*of, *at) == (method, path)).map(|(_, _, ours)| *ours)
}
