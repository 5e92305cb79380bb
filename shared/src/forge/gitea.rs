//! The REST interface of Gitea and Forgejo, version 1.

use serde_json::{Value, json};

use super::{
    address::ForgeRepo,
    failure::Failure,
    fields::{encoded, entries},
    github_like,
    http::{Client, Write},
    pull_request::{MergeMethod, NewPullRequest, PullRequest, PullRequestChange},
    service::Service,
};
use crate::{Error, Result, git::Oid, model::published::ForgeChecks};

/// How many entries a page has: the servers allow 50.
const PAGE: usize = 50;
/// How many pull requests are searched for that of a branch: there is no search by branch.
const MOST_SEARCHED: usize = 1000;
/// A draft is a pull request whose title begins so.
const DRAFT: &str = "WIP: ";

/// A repository on Gitea or Forgejo.
pub(super) struct Gitea {
    pub(super) client: Client,
    repo: ForgeRepo,
}

impl Gitea {
    pub(super) const fn new(client: Client, repo: ForgeRepo) -> Self {
        Self { client, repo }
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repo.path)
    }

    fn read(&self, value: &Value) -> Result<PullRequest> {
        github_like::read(value, &self.repo)
    }

    fn read_all(&self, state: &str, most: usize) -> Result<Vec<PullRequest>> {
        let path = self.path(&format!("/pulls?state={state}&sort=newest&limit={PAGE}"));
        self.client.list(&path, most, entries)?.iter().map(|one| self.read(one)).collect()
    }
}

impl Service for Gitea {
    fn find(&self, head: &str) -> Result<Option<PullRequest>> {
        let open = self.read_all("open", MOST_SEARCHED)?;
        if let Some(found) = super::choose(open, head) {
            return Ok(Some(found));
        }
        Ok(super::choose(self.read_all("closed", MOST_SEARCHED)?, head))
    }

    fn get(&self, number: u64) -> Result<Option<PullRequest>> {
        let found = self.client.find(&self.path(&format!("/pulls/{number}")))?;
        found.map(|value| self.read(&value)).transpose()
    }

    fn list(&self, most: usize) -> Result<Vec<PullRequest>> {
        self.read_all("open", most)
    }

    fn open(&self, new: &NewPullRequest) -> Result<PullRequest, Failure> {
        let title = if new.draft { format!("{DRAFT}{}", new.title) } else { new.title.clone() };
        let body = json!({"title": title, "body": new.body, "head": new.head, "base": new.base});
        let made = self.client.write(Write::Post, &self.path("/pulls"), &body)?;
        self.read(&made).map_err(|_| Failure::Unreadable)
    }

    fn change(&self, number: u64, change: &PullRequestChange) -> Result<PullRequest> {
        self.read(&github_like::change(&self.client, &self.path(&format!("/pulls/{number}")), change)?)
    }

    fn close(&self, number: u64) -> Result<()> {
        github_like::close(&self.client, &self.path(&format!("/pulls/{number}")))
    }

    fn merge(&self, number: u64, method: MergeMethod, head: Oid) -> Result<(), Failure> {
        let body = json!({"Do": method.as_str(), "head_commit_id": head.to_string()});
        self.client.write(Write::Post, &self.path(&format!("/pulls/{number}/merge")), &body).map(drop)
    }

    fn checks(&self, commit: &str) -> Result<ForgeChecks> {
        let status = self.client.get(&self.path(&format!("/commits/{}/status", encoded(commit))))?;
        Ok(of_status(&status))
    }

    fn error(&self, failure: Failure) -> Error {
        self.client.error(failure)
    }
}

fn of_status(status: &Value) -> ForgeChecks {
    match (status["state"].as_str(), status["total_count"].as_u64()) {
        (_, Some(0) | None) | (Some(""), _) => ForgeChecks::None,
        (Some("success" | "warning"), _) => ForgeChecks::Passed,
        (Some("pending"), _) => ForgeChecks::Running,
        _ => ForgeChecks::Failed,
    }
}
