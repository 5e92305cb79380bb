//! GitLab's REST interface, version 4.

use serde_json::{Value, json};

use super::{
    address::ForgeRepo,
    failure::Failure,
    fields::{block, commit, encoded, entries, flag, line, name, number, page},
    http::{Client, Write},
    pull_request::{MergeMethod, NewPullRequest, PullRequest, PullRequestChange},
    service::Service,
};
use crate::{
    Error, Result,
    git::Oid,
    model::published::{ForgeChecks, PullRequestState},
};

/// How many entries a page has.
const PAGE: usize = 100;
/// A draft is a merge request whose title begins so.
const DRAFT: &str = "Draft: ";

/// A project on GitLab.
pub(super) struct GitLab {
    pub(super) client: Client,
    project: String,
}

impl GitLab {
    pub(super) fn new(client: Client, repo: &ForgeRepo) -> Self {
        Self { client, project: encoded(&repo.path) }
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", self.project)
    }

    fn read(value: &Value) -> Result<PullRequest> {
        let is_fork = value["source_project_id"] != value["target_project_id"];
        Ok(PullRequest {
            number: number(value, "iid")?,
            url: page(value, "web_url"),
            title: line(value, "title"),
            head: name(value, "source_branch"),
            fork: is_fork.then(|| format!("project {}", value["source_project_id"])),
            commit: commit(value, "sha"),
            base: name(value, "target_branch"),
            state: match line(value, "state").as_str() {
                "opened" | "locked" => PullRequestState::Open,
                "merged" => PullRequestState::Merged,
                _ => PullRequestState::Closed,
            },
            draft: flag(value, "draft"),
            author: line(value, "author.username"),
            body: block(value, "description"),
        })
    }
}

impl Service for GitLab {
    fn find(&self, head: &str) -> Result<Option<PullRequest>> {
        let wanted = encoded(head);
        let path = self.path(&format!(
            "/merge_requests?source_branch={wanted}&state=all&order_by=created_at&sort=desc&per_page={PAGE}"
        ));
        let all = self.client.list(&path, PAGE, entries)?;
        let all = all.iter().map(Self::read).collect::<Result<Vec<_>>>()?;
        Ok(super::choose(all, head))
    }

    fn get(&self, number: u64) -> Result<Option<PullRequest>> {
        let found = self.client.find(&self.path(&format!("/merge_requests/{number}")))?;
        found.map(|value| Self::read(&value)).transpose()
    }

    fn list(&self, most: usize) -> Result<Vec<PullRequest>> {
        let path =
            self.path(&format!("/merge_requests?state=opened&order_by=created_at&sort=desc&per_page={PAGE}"));
        self.client.list(&path, most, entries)?.iter().map(Self::read).collect()
    }

    fn open(&self, new: &NewPullRequest) -> Result<PullRequest, Failure> {
        let title = if new.draft { format!("{DRAFT}{}", new.title) } else { new.title.clone() };
        let body = json!({
            "title": title, "description": new.body, "source_branch": new.head, "target_branch": new.base,
        });
        let made = self.client.write(Write::Post, &self.path("/merge_requests"), &body)?;
        Self::read(&made).map_err(|_| Failure::Unreadable)
    }

    fn change(&self, number: u64, change: &PullRequestChange) -> Result<PullRequest> {
        let body = super::set_fields(&[
            ("title", change.title.as_deref()),
            ("description", change.body.as_deref()),
            ("target_branch", change.base.as_deref()),
        ]);
        let changed = self.client.write(Write::Put, &self.path(&format!("/merge_requests/{number}")), &body);
        Self::read(&changed.map_err(|why| self.client.error(why))?)
    }

    fn close(&self, number: u64) -> Result<()> {
        let body = json!({"state_event": "close"});
        let closed = self.client.write(Write::Put, &self.path(&format!("/merge_requests/{number}")), &body);
        closed.map(drop).map_err(|why| self.client.error(why))
    }

    fn merge(&self, number: u64, method: MergeMethod, head: Oid) -> Result<(), Failure> {
        // Whether a merge commit is made is a setting of the project; only squashing is asked for.
        let body = json!({"sha": head.to_string(), "squash": method == MergeMethod::Squash});
        self.client.write(Write::Put, &self.path(&format!("/merge_requests/{number}/merge")), &body).map(drop)
    }

    fn checks(&self, commit: &str) -> Result<ForgeChecks> {
        let path = self.path(&format!("/pipelines?sha={commit}&order_by=id&sort=desc&per_page=1"));
        let newest = self.client.list(&path, 1, entries)?;
        Ok(newest.first().map_or(ForgeChecks::None, of_pipeline))
    }

    fn error(&self, failure: Failure) -> Error {
        self.client.error(failure)
    }
}

pub(super) fn of_pipeline(pipeline: &Value) -> ForgeChecks {
    match pipeline["status"].as_str() {
        Some("success" | "skipped") => ForgeChecks::Passed,
        Some("failed" | "canceled") => ForgeChecks::Failed,
        Some(_) => ForgeChecks::Running,
        None => ForgeChecks::None,
    }
}
