//! GitLab's interface.

use serde_json::{Value, json};

use super::{
    REPOSITORY, State,
    feedback::page,
    http::{Answer, Request, decoded},
    pulls::{Pull, Refusal},
};

pub(crate) fn answer(state: &mut State, request: &Request) -> Answer {
    let Some(rest) = request.path.strip_prefix("/api/v4/projects/") else { return Answer::not_found() };
    let parts: Vec<&str> = rest.split('/').collect();
    if let ("GET", ["8"], Some((fork, _))) = (request.method.as_str(), parts.as_slice(), state.forks.first())
    {
        return Answer::new(200, json!({"id": 8, "path_with_namespace": fork}));
    }
    if decoded(parts[0]) != REPOSITORY {
        return Answer::error(404, "404 Project Not Found");
    }
    let body = request.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let done = match (request.method.as_str(), &parts[1..]) {
        ("GET", ["merge_requests"]) => return list(state, request),
        ("POST", ["merge_requests"]) => {
            let title = text("title");
            let draft = title.starts_with("Draft: ");
            let opened = state.open(
                &title,
                &text("description"),
                &text("source_branch"),
                &text("target_branch"),
                draft,
            );
            opened.map(|pull| Answer::new(201, shown(state, &pull)))
        }
        ("GET", ["merge_requests", number]) => {
            let found = state.find(number).cloned();
            found.map(|pull| Answer::new(200, shown(state, &pull)))
        }
        ("PUT", ["merge_requests", number]) if body["state_event"] == "close" => {
            state.close(number).map(|pull| Answer::new(200, shown(state, &pull)))
        }
        ("PUT", ["merge_requests", number]) => {
            let changed = state.find(number).map(|pull| {
                let fields = [
                    (&mut pull.title, "title"),
                    (&mut pull.body, "description"),
                    (&mut pull.base, "target_branch"),
                ];
                for (field, name) in fields {
                    if let Some(text) = body[name].as_str() {
                        text.clone_into(field);
                    }
                }
                pull.clone()
            });
            changed.map(|pull| Answer::new(200, shown(state, &pull)))
        }
        ("PUT", ["merge_requests", number, "merge"]) => {
            let method = if body["squash"] == true { "squash" } else { "merge" };
            let merged = state.merge(number, method, body["sha"].as_str());
            merged.map(|pull| Answer::new(200, shown(state, &pull)))
        }
        ("GET", ["pipelines"]) => {
            let commit = request.parameter("sha").unwrap_or_default();
            let checks = state.checks_of(&commit);
            let said =
                ["failed", "running"].into_iter().find(|wanted| checks.iter().any(|one| one.1 == *wanted));
            let pipeline =
                json!({"id": 1, "sha": commit, "status": said.unwrap_or("success"), "web_url": page("1")});
            Ok(Answer::new(200, json!([pipeline])))
        }
        _ => Err(Refusal::Absent),
    };
    done.unwrap_or_else(refused)
}

fn list(state: &State, request: &Request) -> Answer {
    let wanted = request.parameter("state").unwrap_or_else(|| "all".into());
    let branch = request.parameter("source_branch");
    let is_wanted = |one: &&Pull| {
        (wanted == "all" || (wanted == "opened") == (one.state == "open"))
            && branch.as_ref().is_none_or(|branch| *branch == one.head)
    };
    let all = state.pulls.iter().rev().filter(is_wanted).map(|pull| shown(state, pull)).collect();
    let query: Vec<&str> = request.query.split('&').filter(|pair| !pair.starts_with("page=")).collect();
    let address = format!("http://{}{}?{}", state.address, request.path, query.join("&"));
    Answer::page(all, request, 100, |page| format!("{address}&page={page}"))
}

fn refused(why: Refusal) -> Answer {
    match why {
        Refusal::Absent => Answer::error(404, "404 Not found"),
        Refusal::Exists(number) => {
            let said = format!("Another open merge request already exists for this source branch: !{number}");
            Answer::new(409, json!({"message": [said]}))
        }
        Refusal::Invalid(message) => Answer::new(400, json!({"message": {"base": [message]}})),
        Refusal::HeadMoved => Answer::error(409, "SHA does not match HEAD of source branch"),
        Refusal::NotOpen | Refusal::Conflict => Answer::error(405, "405 Method Not Allowed"),
    }
}

fn shown(state: &State, pull: &Pull) -> Value {
    let is_fork = pull.repository != REPOSITORY;
    json!({
        "iid": pull.number,
        "web_url": format!("http://{}/{REPOSITORY}/-/merge_requests/{}", state.address, pull.number),
        "title": pull.title,
        "description": pull.body,
        "state": if pull.state == "open" { "opened" } else { pull.state.as_str() },
        "draft": pull.draft,
        "allow_collaboration": pull.allows_edits,
        "author": {"username": pull.author},
        "source_branch": pull.head,
        "target_branch": pull.base,
        "sha": pull.commit(state),
        "source_project_id": if is_fork { 8 } else { 7 },
        "target_project_id": 7,
    })
}
