//! What the interfaces of GitHub and Gitea have in common: the fields of a pull request, and how it is changed.

use serde_json::{Value, json};

use super::{
    address::ForgeRepo,
    fields::{block, commit, flag, line, name, number, page},
    http::{Client, Write},
    pull_request::{PullRequest, PullRequestChange},
};
use crate::{Result, model::published::PullRequestState};

/// Reads a pull request of a repository.
pub(super) fn read(value: &Value, repo: &ForgeRepo) -> Result<PullRequest> {
    let from = name(value, "head.repo.full_name");
    // GitHub has `merged` only in answers about one.
    let is_merged = flag(value, "merged") || value["merged_at"].is_string();
    Ok(PullRequest {
        number: number(value, "number")?,
        url: page(value, "html_url"),
        title: line(value, "title"),
        head: name(value, "head.ref"),
        // The repository of a fork that was deleted is null.
        fork: (!from.eq_ignore_ascii_case(&repo.path)).then(|| line(value, "head.repo.full_name")),
        commit: commit(value, "head.sha"),
        base: name(value, "base.ref"),
        state: match line(value, "state").as_str() {
            _ if is_merged => PullRequestState::Merged,
            "open" => PullRequestState::Open,
            _ => PullRequestState::Closed,
        },
        draft: flag(value, "draft"),
        author: line(value, "user.login"),
        body: block(value, "body"),
    })
}

/// Changes the pull request at a path, and returns the answer.
pub(super) fn change(client: &Client, path: &str, change: &PullRequestChange) -> Result<Value> {
    let body = super::set_fields(&[
        ("title", change.title.as_deref()),
        ("body", change.body.as_deref()),
        ("base", change.base.as_deref()),
    ]);
    client.write(Write::Patch, path, &body).map_err(|why| client.error(why))
}

/// Closes the pull request at a path.
pub(super) fn close(client: &Client, path: &str) -> Result<()> {
    let closed = client.write(Write::Patch, path, &json!({"state": "closed"}));
    closed.map(drop).map_err(|why| client.error(why))
}
