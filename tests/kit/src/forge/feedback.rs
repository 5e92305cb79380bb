//! Checks with their names, comments, and who may push, as each interface has them.

use serde_json::{Value, json};

use super::{
    ForgeFlavor, LOGIN, REPOSITORY, State,
    http::{Answer, Request, decoded},
    reviews::GivenReview,
};

/// A comment at a pull request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GivenComment {
    /// The number of the pull request.
    pub number: u64,
    /// Who said it.
    pub author: String,
    /// The text.
    pub body: String,
    /// The file and line that it is about.
    pub place: Option<(String, u64)>,
}

/// Answers a request about comments, people or reviewers; `None` if it is about something else.
pub(crate) fn answer(state: &State, request: &Request) -> Option<Answer> {
    if request.method != "GET" {
        return None;
    }
    match state.flavor {
        ForgeFlavor::GitHub => github_like(state, request, "/api/v3"),
        ForgeFlavor::Gitea => github_like(state, request, "/api/v1"),
        ForgeFlavor::GitLab => gitlab(state, request),
        ForgeFlavor::Bitbucket => bitbucket(state, request),
    }
}

fn github_like(state: &State, request: &Request, base: &str) -> Option<Answer> {
    let rest = request.path.strip_prefix(&format!("{base}/repos/{REPOSITORY}/"))?;
    let parts: Vec<&str> = rest.split('/').collect();
    let is_github = state.flavor == ForgeFlavor::GitHub;
    Some(match parts.as_slice() {
        ["issues", number, "comments"] => all(state, number, false),
        ["pulls", number, "comments"] if is_github => all(state, number, true),
        ["pulls", number, "reviews", review, "comments"] if !is_github => {
            let given = state.reviews.get(review.parse::<usize>().ok()?.checked_sub(1)?)?;
            (given.number.to_string() == *number).then_some(())?;
            let remark = |(file, line, said): &(String, u64, String)| json!({"id": 900 + line, "path": file, "position": line, "body": said, "user": {"login": given.author}});
            Answer::new(200, given.remarks.iter().map(remark).collect())
        }
        ["collaborators", name, "permission"] if !is_github => {
            let may = if state.members.iter().any(|one| one == name) { "write" } else { "read" };
            Answer::new(200, json!({"permission": may}))
        }
        _ => return None,
    })
}

fn gitlab(state: &State, request: &Request) -> Option<Answer> {
    let rest = request.path.strip_prefix("/api/v4/projects/")?;
    let (project, rest) = rest.split_once('/')?;
    let parts: Vec<&str> = rest.split('/').collect();
    if decoded(project) != REPOSITORY {
        return None;
    }
    Some(match parts.as_slice() {
        ["merge_requests", number, "notes"] => {
            let Value::Array(mut notes) = all(state, number, false).body else { return None };
            let of = |(at, one): (usize, &GivenReview)| {
                (one.number.to_string() == *number)
                    .then(|| json!({"id": at + 1, "author": person(state, &one.author), "body": one.body}))
            };
            notes.extend(state.reviews.iter().enumerate().filter_map(of));
            notes.push(
                json!({"id": 999, "author": person(state, LOGIN), "body": "added 1 commit", "system": true}),
            );
            Answer::new(200, notes.into())
        }
        ["merge_requests", number, "reviewers"] => {
            let state_of =
                |verdict: &str| if verdict == "changes" { "requested_changes" } else { "reviewed" };
            let shown = verdicts(state, number).into_iter();
            let shown = shown
                .map(|(name, verdict)| json!({"user": person(state, &name), "state": state_of(&verdict)}));
            Answer::new(200, shown.collect())
        }
        ["members", "all", id] => {
            let found = state.members.iter().find(|name| id_of(name).to_string() == *id);
            found.map_or_else(Answer::not_found, |name| {
                Answer::new(200, json!({"id": id_of(name), "username": name, "access_level": 30}))
            })
        }
        ["pipelines", _, "jobs"] => {
            let failed = state.named_checks.iter().filter(|(_, _, word)| *word == "failed");
            let job = |(_, name, _): &(String, String, String)| json!({"id": 1, "name": name, "web_url": page(name), "status": "failed", "allow_failure": false});
            Answer::new(200, failed.map(job).collect())
        }
        _ => return None,
    })
}

fn bitbucket(state: &State, request: &Request) -> Option<Answer> {
    if let Some(id) = request.path.strip_prefix("/2.0/workspaces/team/members/") {
        let name = decoded(id);
        let is_member =
            name.strip_prefix("id-of-").is_some_and(|name| state.members.iter().any(|one| one == name));
        return Some(if is_member { Answer::new(200, json!({})) } else { Answer::not_found() });
    }
    let rest = request.path.strip_prefix(&format!("/2.0/repositories/{REPOSITORY}/pullrequests/"))?;
    let (number, "comments") = rest.split_once('/')? else { return None };
    let Value::Array(mut comments) = all(state, number, false).body else { return None };
    let of = |(at, one): (usize, &GivenReview)| {
        (one.number.to_string() == number)
            .then(|| json!({"id": at + 1, "user": person(state, &one.author), "content": {"raw": one.body}}))
    };
    comments.extend(state.reviews.iter().enumerate().filter_map(of));
    Some(Answer::new(200, json!({"values": comments})))
}

/// Lists the comments at a pull request; GitHub lists remarks on lines apart.
fn all(state: &State, number: &str, on_lines: bool) -> Answer {
    let is_apart = state.flavor == ForgeFlavor::GitHub;
    let is_wanted = |one: &GivenComment| {
        one.number.to_string() == number && (!is_apart || one.place.is_some() == on_lines)
    };
    let shown = state.comments.iter().enumerate().filter(|(_, one)| is_wanted(one));
    Answer::new(200, shown.map(|(at, one)| comment(state, 100 + at, one)).collect())
}

fn comment(state: &State, id: usize, one: &GivenComment) -> Value {
    let user = person(state, &one.author);
    let (file, line) = one.place.clone().unzip();
    match state.flavor {
        ForgeFlavor::GitHub => {
            let mut shown = json!({
                "id": id, "user": user, "body": one.body, "html_url": page(&format!("comment-{id}")),
                "author_association": association(state, &one.author),
            });
            if file.is_some() {
                (shown["path"], shown["line"]) = (json!(file), json!(line));
            }
            shown
        }
        ForgeFlavor::Gitea => {
            json!({"id": id, "user": user, "body": one.body, "html_url": page(&format!("comment-{id}"))})
        }
        ForgeFlavor::GitLab => json!({
            "id": id, "author": user, "body": one.body, "system": false, "position": {"new_path": file, "new_line": line},
        }),
        ForgeFlavor::Bitbucket => {
            let mut shown = json!({
                "id": id, "user": user, "content": {"raw": one.body}, "deleted": false,
                "links": {"html": {"href": page(&format!("comment-{id}"))}},
            });
            if file.is_some() {
                shown["inline"] = json!({"path": file, "to": line});
            }
            shown
        }
    }
}

/// Returns the page of a check or comment.
pub(crate) fn page(name: &str) -> String {
    format!("https://ci.example.com/{name}")
}

/// Returns what GitHub says of the author of a comment.
pub(crate) fn association(state: &State, author: &str) -> &'static str {
    if state.members.iter().any(|one| one == author) { "COLLABORATOR" } else { "NONE" }
}

/// Shows a user.
pub(crate) fn person(state: &State, name: &str) -> Value {
    match state.flavor {
        ForgeFlavor::GitHub | ForgeFlavor::Gitea => json!({"login": name, "id": id_of(name)}),
        ForgeFlavor::GitLab => json!({"username": name, "id": id_of(name)}),
        ForgeFlavor::Bitbucket => json!({"nickname": name, "account_id": format!("id-of-{name}")}),
    }
}

fn id_of(name: &str) -> u64 {
    name.bytes().fold(7, |id, byte| (id * 31 + u64::from(byte)) % 100_000)
}

/// Returns the last verdict of each reviewer of a pull request.
pub(crate) fn verdicts(state: &State, number: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let given = state.reviews.iter().filter(|one| one.number.to_string() == number);
    for one in given.filter(|one| one.verdict != "comment") {
        all.retain(|(name, _)| *name != one.author);
        all.push((one.author.clone(), one.verdict.clone()));
    }
    all
}

impl State {
    /// Returns the checks of a commit by name, and whether each is `passed`, `running` or `failed`.
    pub(crate) fn checks_of(&self, commit: &str) -> Vec<(String, &'static str)> {
        let word = |word: &str| match word {
            "failed" => "failed",
            "running" => "running",
            _ => "passed",
        };
        let named = self.named_checks.iter().filter(|(of, ..)| of.starts_with(commit));
        let named: Vec<_> = named.map(|(_, name, state)| (name.clone(), word(state))).collect();
        if named.is_empty() {
            return vec![("test".to_owned(), if self.has_failed(commit) { "failed" } else { "passed" })];
        }
        named
    }
}
