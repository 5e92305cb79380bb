//! The interface of Gitea and Forgejo.

use serde_json::{Value, json};

use super::{
    REPOSITORY, State,
    feedback::page,
    http::{Answer, Request},
    pulls::{Pull, Refusal},
};

pub(crate) fn answer(state: &mut State, request: &Request) -> Answer {
    if request.path == "/api/v1/version" {
        return Answer::new(200, json!({"version": "1.24.0"}));
    }
    let Some(rest) = request.path.strip_prefix(&format!("/api/v1/repos/{REPOSITORY}")) else {
        return Answer::not_found();
    };
    let parts: Vec<&str> = rest.split('/').skip(1).collect();
    let body = request.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let done = match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["pulls"]) => return list(state, request),
        ("POST", ["pulls"]) => {
            let title = text("title");
            let draft = title.starts_with("WIP: ");
            let opened = state.open(&title, &text("body"), &text("head"), &text("base"), draft);
            opened.map(|pull| Answer::new(201, shown(state, &pull)))
        }
        ("GET", ["pulls", number]) => {
            let found = state.find(number).cloned();
            found.map(|pull| Answer::new(200, shown(state, &pull)))
        }
        ("PATCH", ["pulls", number]) if body["state"] == "closed" => {
            state.close(number).map(|pull| Answer::new(201, shown(state, &pull)))
        }
        ("PATCH", ["pulls", number]) => {
            let changed = state.find(number).map(|pull| {
                for (field, name) in
                    [(&mut pull.title, "title"), (&mut pull.body, "body"), (&mut pull.base, "base")]
                {
                    if let Some(text) = body[name].as_str() {
                        text.clone_into(field);
                    }
                }
                pull.clone()
            });
            changed.map(|pull| Answer::new(201, shown(state, &pull)))
        }
        ("POST", ["pulls", number, "merge"]) => {
            let merged = state.merge(number, &text("Do"), body["head_commit_id"].as_str());
            merged.map(|_| Answer::new(200, json!({})))
        }
        ("GET", ["commits", commit, "status"]) => {
            let checks = state.checks_of(commit);
            let word = |word: &str| match word {
                "failed" => "failure",
                "running" => "pending",
                _ => "success",
            };
            let said =
                ["failed", "running"].into_iter().find(|wanted| checks.iter().any(|one| one.1 == *wanted));
            let status = |(name, state): &(String, &str)| json!({"context": name, "status": word(state), "target_url": page(name)});
            let all: Vec<Value> = checks.iter().map(status).collect();
            let said = word(said.unwrap_or("passed"));
            Ok(Answer::new(
                200,
                json!({"state": said, "total_count": all.len(), "sha": commit, "statuses": all}),
            ))
        }
        _ => Err(Refusal::Absent),
    };
    done.unwrap_or_else(refused)
}

fn list(state: &State, request: &Request) -> Answer {
    let wanted = request.parameter("state").unwrap_or_else(|| "open".into());
    let is_wanted = |one: &&Pull| wanted == "all" || (wanted == "open") == (one.state == "open");
    let all = state.pulls.iter().rev().filter(is_wanted).map(|pull| shown(state, pull)).collect();
    let query: Vec<&str> = request.query.split('&').filter(|pair| !pair.starts_with("page=")).collect();
    let address = format!("http://{}{}?{}", state.address, request.path, query.join("&"));
    Answer::page(all, request, 50, |page| format!("{address}&page={page}"))
}

fn refused(why: Refusal) -> Answer {
    match why {
        Refusal::Absent => Answer::error(404, "The target couldn't be found."),
        Refusal::Exists(number) => Answer::error(
            409,
            &format!("pull request already exists for these targets [id: 1, issue_id: {number}]"),
        ),
        Refusal::Invalid(message) => Answer::error(422, message),
        Refusal::HeadMoved => Answer::error(409, "head out of date"),
        Refusal::NotOpen | Refusal::Conflict => Answer::error(405, "Please try again later"),
    }
}

fn shown(state: &State, pull: &Pull) -> Value {
    json!({
        "number": pull.number,
        "html_url": format!("http://{}/{REPOSITORY}/pulls/{}", state.address, pull.number),
        "title": pull.title,
        "body": pull.body,
        "state": if pull.state == "open" { "open" } else { "closed" },
        "draft": pull.draft,
        "allow_maintainer_edit": pull.allows_edits,
        "merged": pull.state == "merged",
        "user": {"login": pull.author},
        "head": {"ref": pull.head, "sha": pull.commit(state), "repo": {"full_name": pull.repository}},
        "base": {"ref": pull.base},
    })
}
