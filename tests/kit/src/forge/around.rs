//! What surrounds pull requests, in the interfaces of all forges: what the token may do, issues, labels and reviewers.

use serde_json::{Value, json};

use super::{
    ForgeFlavor, LOGIN, REPOSITORY, State,
    http::{Answer, Request, decoded},
};

/// The people and labels that the forge knows, by their ids.
const PEOPLE: [&str; 3] = [LOGIN, "tess", "org/reviewers"];
const LABELS: [&str; 2] = ["bug", "by agents"];

/// An issue.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ForgeIssue {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Its author.
    pub author: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Whether it is open.
    pub open: bool,
}

/// Answers a request; `None` if it is about something else.
pub(crate) fn answer(state: &mut State, request: &Request) -> Option<Answer> {
    match state.flavor {
        ForgeFlavor::GitHub => github_like(state, request, "/api/v3"),
        ForgeFlavor::Gitea => github_like(state, request, "/api/v1"),
        ForgeFlavor::GitLab => gitlab(state, request),
        ForgeFlavor::Bitbucket => bitbucket(state, request),
    }
}

fn github_like(state: &mut State, request: &Request, base: &str) -> Option<Answer> {
    let rest = request.path.strip_prefix(&format!("{base}/repos/{REPOSITORY}"))?;
    let parts: Vec<&str> = rest.split('/').skip(1).collect();
    let body = request.json();
    let is_gitea = state.flavor == ForgeFlavor::Gitea;
    Some(match (request.method.as_str(), parts.as_slice()) {
        ("GET", []) => {
            let permissions = json!({"admin": false, "push": state.may_push, "pull": true});
            with_scopes(state, json!({"full_name": REPOSITORY, "private": true, "permissions": permissions}))
        }
        ("GET", ["labels"]) if is_gitea => {
            let all = LABELS.iter().zip(1..).map(|(name, id)| json!({"id": id, "name": name}));
            Answer::new(200, all.collect())
        }
        ("GET", ["issues"]) => {
            let label = request.parameter("labels").unwrap_or_default();
            let all = state.issues.iter().filter(|one| one.open && one.labels.contains(&label));
            Answer::new(200, all.map(|one| shown(state, one)).collect())
        }
        ("GET", ["issues", number]) => {
            found(state, number).map_or_else(Answer::not_found, |one| Answer::new(200, shown(state, one)))
        }
        ("POST", ["issues", number, "labels"]) => {
            let given = body["labels"].as_array().cloned().unwrap_or_default();
            let name = |label: &Value| match (is_gitea, label.as_u64()) {
                (true, Some(id)) => LABELS[id as usize - 1].to_owned(),
                _ => label.as_str().expect("a name").to_owned(),
            };
            let names: Vec<String> = given.iter().map(name).collect();
            let pull = state.find(number).ok()?;
            add(&mut pull.labels, names);
            Answer::new(200, pull.labels.iter().map(|name| json!({"name": name})).collect())
        }
        ("POST", ["pulls", number, "requested_reviewers"]) => {
            let text = |one: &Value| one.as_str().unwrap_or_default().to_owned();
            let of = |field: &str| body[field].as_array().cloned().unwrap_or_default();
            let mut names: Vec<String> = of("reviewers").iter().map(text).collect();
            names.extend(of("team_reviewers").iter().map(|one| format!("org/{}", text(one))));
            if names.iter().any(|name| !PEOPLE.contains(&name.as_str())) {
                return Some(Answer::error(422, "Reviews may only be requested from collaborators."));
            }
            add(&mut state.find(number).ok()?.reviewers, names.clone());
            let asked = |name: &String| json!({"state": "REQUEST_REVIEW", "user": {"login": name}});
            let number = number.parse::<u64>().ok()?;
            let answer = if is_gitea { names.iter().map(asked).collect() } else { json!({"number": number}) };
            Answer::new(201, answer)
        }
        _ => return None,
    })
}

fn gitlab(state: &mut State, request: &Request) -> Option<Answer> {
    if request.path == "/api/v4/personal_access_tokens/self" {
        return Some(match &state.scopes {
            Some(scopes) => Answer::new(200, json!({"scopes": scopes.split(',').collect::<Vec<_>>()})),
            None => Answer::error(401, "401 Unauthorized"),
        });
    }
    if request.path == "/api/v4/users" {
        let name = request.parameter("username").unwrap_or_default();
        let found = PEOPLE.iter().zip(1..).filter(|(one, _)| **one == name);
        return Some(Answer::new(200, found.map(|(name, id)| json!({"id": id, "username": name})).collect()));
    }
    let rest = request.path.strip_prefix("/api/v4/projects/")?;
    let parts: Vec<&str> = rest.split('/').collect();
    if decoded(parts[0]) != REPOSITORY {
        return None;
    }
    let body = request.json();
    Some(match (request.method.as_str(), &parts[1..]) {
        ("GET", []) => {
            let level = if state.may_push { 30 } else { 20 };
            let access = json!({"project_access": {"access_level": level}, "group_access": null});
            Answer::new(200, json!({"id": 7, "permissions": access}))
        }
        ("GET", ["issues"]) => {
            let label = request.parameter("labels").unwrap_or_default();
            let all = state.issues.iter().filter(|one| one.open && one.labels.contains(&label));
            Answer::new(200, all.map(|one| shown(state, one)).collect())
        }
        ("GET", ["issues", number]) => {
            found(state, number).map_or_else(Answer::not_found, |one| Answer::new(200, shown(state, one)))
        }
        ("GET", ["merge_requests", number]) => {
            let mut whole = super::gitlab::answer(state, request);
            whole.body["reviewers"] = ids(&state.find(number).ok()?.reviewers);
            whole
        }
        ("PUT", ["merge_requests", number]) if body["add_labels"].is_string() => {
            let names = body["add_labels"].as_str()?.split(',').map(str::to_owned).collect();
            add(&mut state.find(number).ok()?.labels, names);
            Answer::new(200, json!({}))
        }
        ("PUT", ["merge_requests", number]) if body["reviewer_ids"].is_array() => {
            let ids = body["reviewer_ids"].as_array()?.iter().filter_map(Value::as_u64);
            state.find(number).ok()?.reviewers = ids.map(|id| PEOPLE[id as usize - 1].to_owned()).collect();
            Answer::new(200, json!({}))
        }
        _ => return None,
    })
}

fn bitbucket(state: &mut State, request: &Request) -> Option<Answer> {
    if request.path == "/2.0/workspaces/team/members" {
        let person = |name: &&str| json!({"user": {"nickname": name, "uuid": format!("{{{name}}}")}});
        return Some(Answer::new(200, json!({"values": PEOPLE.iter().map(person).collect::<Vec<_>>()})));
    }
    let rest = request.path.strip_prefix(&format!("/2.0/repositories/{REPOSITORY}"))?;
    let parts: Vec<&str> = rest.split('/').skip(1).collect();
    let body = request.json();
    Some(match (request.method.as_str(), parts.as_slice()) {
        ("GET", []) => with_scopes(state, json!({"full_name": REPOSITORY})),
        ("GET", ["issues", number]) => {
            found(state, number).map_or_else(Answer::not_found, |one| Answer::new(200, shown(state, one)))
        }
        ("GET", ["pullrequests", number]) => {
            let mut whole = super::bitbucket::answer(state, request);
            let names = state.find(number).ok()?.reviewers.clone();
            whole.body["reviewers"] =
                names.iter().map(|name| json!({"uuid": format!("{{{name}}}")})).collect();
            whole
        }
        ("PUT", ["pullrequests", number]) if body["reviewers"].is_array() => {
            if !body["title"].is_string() {
                return Some(Answer::new(
                    400,
                    json!({"error": {"message": "title: required key not provided"}}),
                ));
            }
            let uuids = body["reviewers"].as_array()?.iter().filter_map(|one| one["uuid"].as_str());
            let names = uuids.map(|uuid| uuid.trim_matches(['{', '}']).to_owned()).collect();
            state.find(number).ok()?.reviewers = names;
            Answer::new(200, json!({}))
        }
        _ => return None,
    })
}

fn with_scopes(state: &State, body: Value) -> Answer {
    let mut answer = Answer::new(200, body);
    answer.headers.extend(state.scopes.iter().map(|scopes| ("x-oauth-scopes".into(), scopes.clone())));
    answer
}

fn add(all: &mut Vec<String>, more: Vec<String>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

fn ids(names: &[String]) -> Value {
    let id = |name: &String| PEOPLE.iter().position(|one| one == name).map(|at| json!({"id": at + 1}));
    names.iter().filter_map(id).collect()
}

fn found<'a>(state: &'a State, number: &str) -> Option<&'a ForgeIssue> {
    state.issues.iter().find(|one| one.number.to_string() == number)
}

/// Shows an issue as the forge does.
fn shown(state: &State, issue: &ForgeIssue) -> Value {
    let ForgeIssue { number, title, body, author, .. } = issue;
    let url = format!("http://{}/{REPOSITORY}/issues/{number}", state.address);
    match state.flavor {
        ForgeFlavor::GitHub | ForgeFlavor::Gitea => json!({
            "number": number, "title": title, "body": body, "html_url": url, "state": "open", "user": {"login": author},
        }),
        ForgeFlavor::GitLab => json!({
            "iid": number, "title": title, "description": body, "web_url": url, "state": "opened",
            "author": {"username": author},
        }),
        ForgeFlavor::Bitbucket => json!({
            "id": number, "title": title, "content": {"raw": body}, "links": {"html": {"href": url}}, "state": "new",
            "reporter": {"nickname": author},
        }),
    }
}
