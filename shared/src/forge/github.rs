//! GitHub's REST interface, version 2022-11-28, and that of GitHub Enterprise Server below `/api/v3`.

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

/// How many entries a page has.
const PAGE: usize = 100;

/// A repository on GitHub.
pub(super) struct GitHub {
    pub(super) client: Client,
    repo: ForgeRepo,
}

impl GitHub {
    pub(super) const fn new(client: Client, repo: ForgeRepo) -> Self {
        Self { client, repo }
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repo.path)
    }

    fn read(&self, value: &Value) -> Result<PullRequest> {
        github_like::read(value, &self.repo)
    }
}

impl Service for GitHub {
    fn find(&self, head: &str) -> Result<Option<PullRequest>> {
        let wanted = encoded(&format!("{}:{head}", self.repo.owner()));
        let path =
            self.path(&format!("/pulls?head={wanted}&state=all&sort=created&direction=desc&per_page={PAGE}"));
        let all = self.client.list(&path, PAGE, entries)?;
        let all = all.iter().map(|one| self.read(one)).collect::<Result<Vec<_>>>()?;
        Ok(super::choose(all, head))
    }

    fn get(&self, number: u64) -> Result<Option<PullRequest>> {
        let found = self.client.find(&self.path(&format!("/pulls/{number}")))?;
        found.map(|value| self.read(&value)).transpose()
    }

    fn list(&self, most: usize) -> Result<Vec<PullRequest>> {
        let path = self.path(&format!("/pulls?state=open&sort=created&direction=desc&per_page={PAGE}"));
        self.client.list(&path, most, entries)?.iter().map(|one| self.read(one)).collect()
    }

    fn open(&self, new: &NewPullRequest) -> Result<PullRequest, Failure> {
        let body = json!({
            "title": new.title, "body": new.body, "head": new.head, "base": new.base, "draft": new.draft,
        });
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
        let body = json!({"sha": head.to_string(), "merge_method": method.as_str()});
        self.client.write(Write::Put, &self.path(&format!("/pulls/{number}/merge")), &body).map(drop)
    }

    fn checks(&self, commit: &str) -> Result<ForgeChecks> {
        let runs = self.path(&format!("/commits/{commit}/check-runs?per_page={PAGE}"));
        let runs = self.client.list(&runs, PAGE * 3, |mut page| entries(page["check_runs"].take()))?;
        let statuses = self.client.get(&self.path(&format!("/commits/{commit}/status")))?;
        let of_runs = runs.iter().map(of_run).fold(ForgeChecks::None, ForgeChecks::and);
        Ok(of_runs.and(of_statuses(&statuses)))
    }

    fn error(&self, failure: Failure) -> Error {
        self.client.error(failure)
    }
}

pub(super) fn of_run(run: &Value) -> ForgeChecks {
    match (run["status"].as_str(), run["conclusion"].as_str()) {
        (Some("completed"), Some("success" | "neutral" | "skipped")) => ForgeChecks::Passed,
        (Some("completed"), _) => ForgeChecks::Failed,
        _ => ForgeChecks::Running,
    }
}

/// Reads the combined status, which is `pending` if there is none at all.
fn of_statuses(status: &Value) -> ForgeChecks {
    match (status["state"].as_str(), status["total_count"].as_u64()) {
        (_, Some(0) | None) => ForgeChecks::None,
        (Some("success"), _) => ForgeChecks::Passed,
        (Some("pending"), _) => ForgeChecks::Running,
        _ => ForgeChecks::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_check_counts() {
        for (value, expected) in [
            (json!({"status": "completed", "conclusion": "success"}), ForgeChecks::Passed),
            (json!({"status": "completed", "conclusion": "skipped"}), ForgeChecks::Passed),
            (json!({"status": "completed", "conclusion": "timed_out"}), ForgeChecks::Failed),
            (json!({"status": "in_progress", "conclusion": null}), ForgeChecks::Running),
        ] {
            assert_eq!(of_run(&value), expected, "{value}");
        }
        for (value, expected) in [
            (json!({"state": "pending", "total_count": 0}), ForgeChecks::None),
            (json!({"state": "pending", "total_count": 1}), ForgeChecks::Running),
            (json!({"state": "error", "total_count": 1}), ForgeChecks::Failed),
            (json!({"state": "success", "total_count": 2}), ForgeChecks::Passed),
        ] {
            assert_eq!(of_statuses(&value), expected, "{value}");
        }
    }
}
