//! GitHub's interface.

use serde_json::{Value, json};

use super::{
    REPOSITORY, State,
    feedback::page,
    http::{Answer, Request},
    pulls::{Pull, Refusal},
};

pub(crate) fn answer(state: &mut State, request: &Request) -> Answer {
    let Some(rest) = request.path.strip_prefix(&format!("/api/v3/repos/{REPOSITORY}")) else {
        return Answer::not_found();
    };
    let parts: Vec<&str> = rest.split('/').skip(1).collect();
    let body = request.json();
    let done = match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["pulls"]) => return list(state, request),
        ("POST", ["pulls"]) => {
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            let draft = body["draft"].as_bool().unwrap_or_default();
            let opened = state.open(&text("title"), &text("body"), &text("head"), &text("base"), draft);
            opened.map(|pull| Answer::new(201, shown(state, &pull)))
        }
        ("GET", ["pulls", number]) => {
            let found = state.find(number).cloned();
            found.map(|pull| {
                // Lists do not have it.
                let mut whole = shown(state, &pull);
                whole["maintainer_can_modify"] = pull.allows_edits.into();
                Answer::new(200, whole)
            })
        }
        ("PATCH", ["pulls", number]) => change(state, number, &body),
        ("PUT", ["pulls", number, "merge"]) => {
            let method = body["merge_method"].as_str().unwrap_or("merge");
            let merged = state.merge(number, method, body["sha"].as_str());
            merged.map(|pull| {
                Answer::new(200, json!({"sha": pull.last_head, "merged": true, "message": "merged"}))
            })
        }
        ("GET", ["commits", commit, "check-runs"]) => {
            let runs: Vec<Value> = state.checks_of(commit).iter().map(check_run).collect();
            Ok(Answer::new(200, json!({"total_count": runs.len(), "check_runs": runs})))
        }
        ("GET", ["commits", commit, "status"]) => {
            Ok(Answer::new(200, json!({"state": "pending", "statuses": [], "sha": commit, "total_count": 0})))
        }
        _ => Err(Refusal::Absent),
    };
    done.unwrap_or_else(refused)
}

fn check_run((name, word): &(String, &str)) -> Value {
    let (status, conclusion) = match *word {
        "running" => ("in_progress", Value::Null),
        "failed" => ("completed", json!("failure")),
        _ => ("completed", json!("success")),
    };
    json!({"id": 1, "name": name, "status": status, "conclusion": conclusion, "html_url": page(name)})
}

fn list(state: &State, request: &Request) -> Answer {
    let head = request.parameter("head").and_then(|head| Some(head.split_once(':')?.1.to_owned()));
    let wanted = request.parameter("state").unwrap_or_else(|| "open".into());
    let is_wanted = |one: &&Pull| {
        let is_open = one.state == "open";
        (wanted == "all" || (wanted == "open") == is_open)
            && head.as_ref().is_none_or(|head| *head == one.head)
    };
    let all = state.pulls.iter().rev().filter(is_wanted).map(|pull| shown(state, pull)).collect();
    let size = request.parameter("per_page").and_then(|size| size.parse().ok()).unwrap_or(30);
    let query: Vec<&str> = request.query.split('&').filter(|pair| !pair.starts_with("page=")).collect();
    let address = format!("http://{}{}?{}", state.address, request.path, query.join("&"));
    Answer::page(all, request, size, |page| format!("{address}&page={page}"))
}

fn change(state: &mut State, number: &str, body: &Value) -> Result<Answer, Refusal> {
    if body["state"] == "closed" {
        let pull = state.close(number)?;
        return Ok(Answer::new(200, shown(state, &pull)));
    }
    let pull = state.find(number)?;
    for (field, name) in [(&mut pull.title, "title"), (&mut pull.body, "body"), (&mut pull.base, "base")] {
        if let Some(text) = body[name].as_str() {
            text.clone_into(field);
        }
    }
    let pull = pull.clone();
    Ok(Answer::new(200, shown(state, &pull)))
}

fn refused(why: Refusal) -> Answer {
    let invalid = |message: &str| {
        let error = json!({"resource": "PullRequest", "code": "custom", "message": message});
        Answer::new(
            422,
            json!({"message": "Validation Failed", "errors": [error], "documentation_url": "https://docs.example.com"}),
        )
    };
    match why {
        Refusal::Absent => Answer::not_found(),
        Refusal::Exists(_) => invalid("A pull request already exists for team:branch."),
        Refusal::Invalid(message) => invalid(message),
        Refusal::HeadMoved => Answer::error(409, "Head branch was modified. Review and try the merge again."),
        Refusal::NotOpen | Refusal::Conflict => Answer::error(405, "Pull Request is not mergeable"),
    }
}

fn shown(state: &State, pull: &Pull) -> Value {
    let is_merged = pull.state == "merged";
    json!({
        "number": pull.number,
        "html_url": format!("http://{}/{REPOSITORY}/pull/{}", state.address, pull.number),
        "title": pull.title,
        "body": pull.body,
        "state": if pull.state == "open" { "open" } else { "closed" },
        "draft": pull.draft,
        "merged_at": is_merged.then_some("2026-11-21T01:40:00Z"),
        "user": {"login": pull.author},
        "head": {"ref": pull.head, "sha": pull.commit(state), "repo": {"full_name": pull.repository}},
        "base": {"ref": pull.base},
    })
}
