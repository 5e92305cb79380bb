//! Bitbucket Cloud's interface.

use serde_json::{Value, json};

use super::{
    REPOSITORY, State,
    feedback::page,
    http::{Answer, Request},
    pulls::{Pull, Refusal},
};

pub(crate) fn answer(state: &mut State, request: &Request) -> Answer {
    let Some(rest) = request.path.strip_prefix(&format!("/2.0/repositories/{REPOSITORY}")) else {
        return error(404, "There is no such repository");
    };
    let parts: Vec<&str> = rest.split('/').skip(1).collect();
    let body = request.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let done = match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["pullrequests"]) => return list(state, request),
        ("POST", ["pullrequests"]) => {
            let (head, base) =
                (text(&body["source"]["branch"]["name"]), text(&body["destination"]["branch"]["name"]));
            let draft = body["draft"].as_bool().unwrap_or_default();
            let opened = state.open(&text(&body["title"]), &text(&body["description"]), &head, &base, draft);
            opened.map(|pull| Answer::new(201, shown(state, &pull)))
        }
        ("GET", ["pullrequests", number]) => {
            let found = state.find(number).cloned();
            found.map(|pull| Answer::new(200, shown(state, &pull)))
        }
        ("PUT", ["pullrequests", number]) => {
            let changed = state.find(number).map(|pull| {
                for (field, value) in [
                    (&mut pull.title, &body["title"]),
                    (&mut pull.body, &body["description"]),
                    (&mut pull.base, &body["destination"]["branch"]["name"]),
                ] {
                    if let Some(text) = value.as_str() {
                        text.clone_into(field);
                    }
                }
                pull.clone()
            });
            changed.map(|pull| Answer::new(200, shown(state, &pull)))
        }
        ("POST", ["pullrequests", number, "decline"]) => {
            state.close(number).map(|pull| Answer::new(200, shown(state, &pull)))
        }
        ("POST", ["pullrequests", number, "merge"]) => {
            let method = if body["merge_strategy"] == "merge_commit" { "merge" } else { "squash" };
            state.merge(number, method, None).map(|pull| Answer::new(200, shown(state, &pull)))
        }
        ("GET", ["commit", commit, "statuses"]) => {
            let word = |word: &str| match word {
                "failed" => "FAILED",
                "running" => "INPROGRESS",
                _ => "SUCCESSFUL",
            };
            let status = |(name, state): &(String, &str)| json!({"name": name, "state": word(state), "url": page(name)});
            let all: Vec<Value> = state.checks_of(commit).iter().map(status).collect();
            Ok(Answer::new(200, json!({"values": all})))
        }
        _ => Err(Refusal::Absent),
    };
    done.unwrap_or_else(refused)
}

fn list(state: &State, request: &Request) -> Answer {
    let states = request.parameters("state");
    let branch = request.parameter("q");
    let branch =
        branch.as_deref().and_then(|query| query.strip_prefix("source.branch.name=\"")?.strip_suffix('"'));
    let is_wanted = |one: &&Pull| {
        states.iter().any(|state| state == shown_state(one)) && branch.is_none_or(|branch| branch == one.head)
    };
    let all: Vec<Value> = state.pulls.iter().rev().filter(is_wanted).map(|pull| shown(state, pull)).collect();
    let number: usize = request.parameter("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let query: Vec<&str> = request.query.split('&').filter(|pair| !pair.starts_with("page=")).collect();
    let next = format!("http://{}{}?{}&page={}", state.address, request.path, query.join("&"), number + 1);
    let is_last = all.len() <= number * 50;
    let page: Vec<Value> = all.into_iter().skip((number - 1) * 50).take(50).collect();
    let mut body = json!({"values": page, "pagelen": 50});
    if !is_last {
        body["next"] = next.into();
    }
    Answer::new(200, body)
}

/// Puts what went wrong where Bitbucket has it.
pub(crate) fn wrapped(answer: Answer) -> Answer {
    match answer.body["message"].as_str() {
        Some(message) if answer.status >= 400 => error(answer.status, message),
        _ => answer,
    }
}

fn error(status: u16, message: &str) -> Answer {
    Answer::new(status, json!({"type": "error", "error": {"message": message}}))
}

fn refused(why: Refusal) -> Answer {
    match why {
        Refusal::Absent => error(404, "Resource not found"),
        Refusal::Exists(_) => error(409, "There is already an open pull request for this branch"),
        Refusal::Invalid(message) => error(400, message),
        Refusal::HeadMoved | Refusal::NotOpen | Refusal::Conflict => {
            error(409, "You can't merge this pull request")
        }
    }
}

fn shown_state(pull: &Pull) -> &'static str {
    match pull.state.as_str() {
        "open" => "OPEN",
        "merged" => "MERGED",
        _ => "DECLINED",
    }
}

fn shown(state: &State, pull: &Pull) -> Value {
    let commit = pull.commit(state);
    json!({
        "id": pull.number,
        "links": {"html": {"href": format!("http://{}/{REPOSITORY}/pull-requests/{}", state.address, pull.number)}},
        "title": pull.title,
        "summary": {"raw": pull.body},
        "state": shown_state(pull),
        "draft": pull.draft,
        "author": {"nickname": pull.author},
        "source": {
            "branch": {"name": pull.head},
            "commit": {"hash": commit.get(..12).unwrap_or(&commit)},
            "repository": {"full_name": pull.repository},
        },
        "destination": {"branch": {"name": pull.base}},
        "participants": super::reviews::participants(state, pull.number),
    })
}
