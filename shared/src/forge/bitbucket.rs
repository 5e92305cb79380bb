//! The REST interface of Bitbucket Cloud, version 2.0.

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

/// How many entries a page has: the service allows 50.
const PAGE: usize = 50;

/// A repository on Bitbucket Cloud.
pub(super) struct Bitbucket {
    pub(super) client: Client,
    pub(super) repo: ForgeRepo,
}

impl Bitbucket {
    pub(super) const fn new(client: Client, repo: ForgeRepo) -> Self {
        Self { client, repo }
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/repositories/{}{rest}", self.repo.path)
    }

    fn read(&self, value: &Value) -> Result<PullRequest> {
        let repo = name(value, "source.repository.full_name");
        Ok(PullRequest {
            number: number(value, "id")?,
            url: page(value, "links.html.href"),
            title: line(value, "title"),
            head: name(value, "source.branch.name"),
            fork: (!repo.eq_ignore_ascii_case(&self.repo.path))
                .then(|| line(value, "source.repository.full_name")),
            // Twelve digits, which name no commit by themselves.
            commit: commit(value, "source.commit.hash"),
            base: name(value, "destination.branch.name"),
            state: match line(value, "state").as_str() {
                "OPEN" => PullRequestState::Open,
                "MERGED" => PullRequestState::Merged,
                _ => PullRequestState::Closed,
            },
            draft: flag(value, "draft"),
            author: line(value, "author.nickname"),
            body: block(value, "summary.raw"),
        })
    }

    fn read_all(&self, query: &str, most: usize) -> Result<Vec<PullRequest>> {
        let path = self.path(&format!("/pullrequests?{query}&sort=-created_on&pagelen={PAGE}"));
        let all = self.client.list(&path, most, |mut page| entries(page["values"].take()))?;
        all.iter().map(|one| self.read(one)).collect()
    }
}

impl Service for Bitbucket {
    fn find(&self, head: &str) -> Result<Option<PullRequest>> {
        let quoted = head.replace('\\', "\\\\").replace('"', "\\\"");
        let wanted = encoded(&format!("source.branch.name=\"{quoted}\""));
        let states = "state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED";
        Ok(super::choose(self.read_all(&format!("q={wanted}&{states}"), PAGE)?, head))
    }

    fn get(&self, number: u64) -> Result<Option<PullRequest>> {
        let found = self.client.find(&self.path(&format!("/pullrequests/{number}")))?;
        found.map(|value| self.read(&value)).transpose()
    }

    fn list(&self, most: usize) -> Result<Vec<PullRequest>> {
        self.read_all("state=OPEN", most)
    }

    fn open(&self, new: &NewPullRequest) -> Result<PullRequest, Failure> {
        let body = json!({
            "title": new.title, "description": new.body, "draft": new.draft,
            "source": {"branch": {"name": new.head}}, "destination": {"branch": {"name": new.base}},
        });
        let made = self.client.write(Write::Post, &self.path("/pullrequests"), &body)?;
        self.read(&made).map_err(|_| Failure::Unreadable)
    }

    fn change(&self, number: u64, change: &PullRequestChange) -> Result<PullRequest> {
        let mut body =
            super::set_fields(&[("title", change.title.as_deref()), ("description", change.body.as_deref())]);
        if let Some(base) = &change.base {
            body["destination"] = json!({"branch": {"name": base}});
        }
        let changed = self.client.write(Write::Put, &self.path(&format!("/pullrequests/{number}")), &body);
        self.read(&changed.map_err(|why| self.client.error(why))?)
    }

    fn close(&self, number: u64) -> Result<()> {
        let path = self.path(&format!("/pullrequests/{number}/decline"));
        self.client.write(Write::Post, &path, &json!({})).map(drop).map_err(|why| self.client.error(why))
    }

    fn merge(&self, number: u64, method: MergeMethod, _head: Oid) -> Result<(), Failure> {
        let strategy = match method {
            MergeMethod::Merge => "merge_commit",
            MergeMethod::Squash => "squash",
            MergeMethod::Rebase => "rebase_merge",
        };
        let path = self.path(&format!("/pullrequests/{number}/merge"));
        self.client.write(Write::Post, &path, &json!({"merge_strategy": strategy})).map(drop)
    }

    fn guards_head(&self) -> bool {
        false
    }

    fn checks(&self, commit: &str) -> Result<ForgeChecks> {
        let path = self.path(&format!("/commit/{commit}/statuses?pagelen={PAGE}"));
        let all = self.client.list(&path, PAGE, |mut page| entries(page["values"].take()))?;
        Ok(all.iter().map(of_status).fold(ForgeChecks::None, ForgeChecks::and))
    }

    fn error(&self, failure: Failure) -> Error {
        self.client.error(failure)
    }
}

pub(super) fn of_status(status: &Value) -> ForgeChecks {
    match status["state"].as_str() {
        Some("SUCCESSFUL") => ForgeChecks::Passed,
        Some("INPROGRESS") => ForgeChecks::Running,
        _ => ForgeChecks::Failed,
    }
}
