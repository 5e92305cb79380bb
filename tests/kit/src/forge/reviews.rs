//! Reviews, comments and approvals, as each interface has them. Only lines of files that a pull request has can have a remark.

use serde_json::{Value, json};

use super::{
    ForgeFlavor, LOGIN, REPOSITORY, State,
    feedback::{self, association, person},
    http::{Answer, Request, decoded},
    pulls::output,
};

/// Something that was said at a pull request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GivenReview {
    /// The number of the pull request.
    pub number: u64,
    /// Who said it.
    pub author: String,
    /// `approve`, `changes`, or `comment`.
    pub verdict: String,
    /// The text.
    pub body: String,
    /// The commit that it is about, if it names one.
    pub commit: String,
    /// The remarks on lines: the file, the line, and the text.
    pub remarks: Vec<(String, u64, String)>,
}

/// Answers a request about reviews or about the user; `None` if it is about something else.
pub(crate) fn answer(state: &mut State, request: &Request) -> Option<Answer> {
    let (api, user) = match state.flavor {
        ForgeFlavor::GitHub => (format!("/api/v3/repos/{REPOSITORY}/pulls/"), "/api/v3/user"),
        ForgeFlavor::Gitea => (format!("/api/v1/repos/{REPOSITORY}/pulls/"), "/api/v1/user"),
        ForgeFlavor::GitLab => ("/api/v4/projects/".to_owned(), "/api/v4/user"),
        ForgeFlavor::Bitbucket => (format!("/2.0/repositories/{REPOSITORY}/pullrequests/"), "/2.0/user"),
    };
    if request.path == user && request.method == "GET" {
        let about = match state.flavor {
            ForgeFlavor::GitLab => json!({"username": LOGIN}),
            ForgeFlavor::Bitbucket => json!({"nickname": LOGIN, "account_id": format!("id-of-{LOGIN}")}),
            _ => json!({"login": LOGIN, "id": 1}),
        };
        return Some(Answer::new(200, about));
    }
    let rest = request.path.strip_prefix(&api)?;
    let rest = match state.flavor {
        ForgeFlavor::GitLab => {
            let (project, rest) = rest.split_once('/')?;
            (decoded(project) == REPOSITORY).then_some(rest)?.strip_prefix("merge_requests/")?
        }
        _ => rest,
    };
    let (number, what) = rest.split_once('/')?;
    let number: u64 = number.parse().ok()?;
    let is_post = request.method == "POST";
    match (is_post, what) {
        (false, "reviews" | "notes" | "comments") => Some(list(state, number)),
        (false, "approvals") => {
            let others = feedback::verdicts(state, &number.to_string()).into_iter();
            let others = others.filter(|(_, verdict)| verdict == "approve").map(|(name, _)| name);
            let has_approved = approved(state, number) == Some("approve");
            let all = others.chain(has_approved.then(|| LOGIN.to_owned()));
            let all: Vec<Value> = all.map(|name| json!({"user": person(state, &name)})).collect();
            Some(Answer::new(200, json!({"user_has_approved": has_approved, "approved_by": all})))
        }
        (true, "reviews" | "notes" | "comments" | "discussions") => Some(say(state, number, &request.json())),
        (true, "approve" | "unapprove" | "request-changes") => {
            Some(judge(state, number, what, &request.json()))
        }
        _ => None,
    }
}

/// Returns what the user of the token has decided on GitLab or Bitbucket.
pub(crate) fn approved(state: &State, number: u64) -> Option<&str> {
    state.judged.iter().rev().find(|(judged, _)| *judged == number).map(|(_, verdict)| verdict.as_str())
}

fn list(state: &State, number: u64) -> Answer {
    let of = |one: &GivenReview| one.number == number;
    let shown = |(at, one): (usize, &GivenReview)| {
        let user = person(state, &one.author);
        match state.flavor {
            ForgeFlavor::GitLab => json!({"id": at + 1, "author": user, "body": one.body}),
            ForgeFlavor::Bitbucket => json!({"id": at + 1, "user": user, "content": {"raw": one.body}}),
            ForgeFlavor::GitHub => json!({
                "id": at + 1, "user": user, "body": one.body, "commit_id": one.commit, "state": word(state, one),
                "author_association": association(state, &one.author),
            }),
            ForgeFlavor::Gitea => json!({
                "id": at + 1, "user": user, "body": one.body, "commit_id": one.commit, "state": word(state, one),
                "comments_count": one.remarks.len(),
            }),
        }
    };
    let all = state.reviews.iter().enumerate();
    let all: Vec<Value> = all.filter(|(_, one)| of(one)).map(shown).collect();
    Answer::new(200, if state.flavor == ForgeFlavor::Bitbucket { json!({"values": all}) } else { json!(all) })
}

/// Returns the word for the verdict of a review.
fn word(state: &State, review: &GivenReview) -> &'static str {
    match (review.verdict.as_str(), state.flavor) {
        ("approve", _) => "APPROVED",
        ("changes", ForgeFlavor::Gitea) => "REQUEST_CHANGES",
        ("changes", _) => "CHANGES_REQUESTED",
        (_, ForgeFlavor::Gitea) => "COMMENT",
        _ => "COMMENTED",
    }
}

fn say(state: &mut State, number: u64, body: &Value) -> Answer {
    let Some(pull) = state.pulls.iter().find(|one| one.number == number).cloned() else {
        return Answer::not_found();
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let verdict = match body["event"].as_str() {
        Some("APPROVE" | "APPROVED") => "approve",
        Some("REQUEST_CHANGES") => "changes",
        _ => "comment",
    };
    if verdict != "comment" && pull.author == LOGIN {
        return Answer::new(422, json!({"message": "Can not approve your own pull request"}));
    }
    let remark =
        |file: &Value, line: &Value, said: &Value| (text(file), line.as_u64().unwrap_or(0), text(said));
    let mut remarks: Vec<(String, u64, String)> = Vec::new();
    for one in body["comments"].as_array().into_iter().flatten() {
        let line = if one["line"].is_null() { &one["new_position"] } else { &one["line"] };
        remarks.push(remark(&one["path"], line, &one["body"]));
    }
    let (said, place) = match state.flavor {
        ForgeFlavor::Bitbucket => (text(&body["content"]["raw"]), &body["inline"]),
        _ => (text(&body["body"]), &body["position"]),
    };
    if place.is_object() {
        let (file, line) = if place["to"].is_null() { ("new_path", "new_line") } else { ("path", "to") };
        remarks.push(remark(&place[file], &place[line], &json!(said)));
    }
    let commit = pull.commit(state);
    let is_changed = |file: &str| {
        let range = format!("refs/heads/{}...{commit}", pull.base);
        output(&state.bare, &["diff", "--name-only", &range])
            .is_some_and(|all| all.lines().any(|one| one == file))
    };
    if remarks.iter().any(|(file, ..)| !is_changed(file)) {
        let message = "Validation Failed";
        return match state.flavor {
            ForgeFlavor::GitHub => {
                let page = "https://docs.example.com";
                Answer::new(422, json!({"message": message, "documentation_url": page}))
            }
            ForgeFlavor::Bitbucket => Answer::error(400, message),
            _ => Answer::error(422, message),
        };
    }
    let given = GivenReview {
        number,
        author: LOGIN.to_owned(),
        verdict: verdict.to_owned(),
        body: said,
        commit: text(&body["commit_id"]),
        remarks,
    };
    state.reviews.push(given);
    let made = if matches!(state.flavor, ForgeFlavor::GitHub | ForgeFlavor::Gitea) { 200 } else { 201 };
    Answer::new(made, json!({"id": state.reviews.len()}))
}

fn judge(state: &mut State, number: u64, what: &str, body: &Value) -> Answer {
    let Some(pull) = state.pulls.iter().find(|one| one.number == number).cloned() else {
        return Answer::not_found();
    };
    if body["sha"].as_str().is_some_and(|sha| sha != pull.commit(state)) {
        return Answer::error(409, "SHA does not match HEAD of source branch");
    }
    let verdict = match what {
        "approve" => "approve",
        "request-changes" => "changes",
        _ => "none",
    };
    if approved(state, number) == Some(verdict) {
        return Answer::error(401, "401 Unauthorized");
    }
    state.judged.push((number, verdict.to_owned()));
    Answer::new(if state.flavor == ForgeFlavor::Bitbucket { 200 } else { 201 }, json!({}))
}

/// Returns who decided what, as Bitbucket has it.
pub(crate) fn participants(state: &State, number: u64) -> Value {
    let word = |verdict: &str| match verdict {
        "approve" => Some("approved"),
        "changes" => Some("changes_requested"),
        _ => None,
    };
    let mut all = feedback::verdicts(state, &number.to_string());
    all.extend(approved(state, number).map(|verdict| (LOGIN.to_owned(), verdict.to_owned())));
    let shown = all
        .iter()
        .filter_map(|(name, verdict)| Some(json!({"user": person(state, name), "state": word(verdict)?})));
    shown.collect()
}
