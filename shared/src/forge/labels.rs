//! Labels and reviewers of pull requests. Those that are there stay.

use serde_json::{Value, json};

use super::{
    bitbucket::Bitbucket,
    fields::{at, encoded, entries},
    gitea::Gitea,
    github::GitHub,
    gitlab::GitLab,
    http::{Client, Write},
    service::TakesLabels,
};
use crate::{Code, Error, Result, model::text};

/// How many labels of a repository, or members of a workspace, are looked through.
const MOST: usize = 2000;

impl TakesLabels for GitHub {
    fn add_labels(&self, number: u64, labels: &[String]) -> Result<()> {
        write(
            &self.client,
            Write::Post,
            &self.path(&format!("/issues/{number}/labels")),
            &json!({"labels": labels}),
        )
    }

    fn ask_reviewers(&self, number: u64, names: &[String]) -> Result<()> {
        let path = self.path(&format!("/pulls/{number}/requested_reviewers"));
        write(&self.client, Write::Post, &path, &with_teams(names))
    }
}

impl TakesLabels for Gitea {
    fn add_labels(&self, number: u64, labels: &[String]) -> Result<()> {
        let known = self.client.list(&self.path("/labels?limit=50"), MOST, entries)?;
        let id = |label: &String| {
            let found = known.iter().find(|one| one["name"].as_str() == Some(label));
            found.map(|one| one["id"].clone()).ok_or_else(|| absent("label", label))
        };
        let ids = labels.iter().map(id).collect::<Result<Vec<Value>>>()?;
        write(
            &self.client,
            Write::Post,
            &self.path(&format!("/issues/{number}/labels")),
            &json!({"labels": ids}),
        )
    }

    fn ask_reviewers(&self, number: u64, names: &[String]) -> Result<()> {
        let path = self.path(&format!("/pulls/{number}/requested_reviewers"));
        write(&self.client, Write::Post, &path, &with_teams(names))
    }
}

impl TakesLabels for GitLab {
    fn add_labels(&self, number: u64, labels: &[String]) -> Result<()> {
        let path = self.path(&format!("/merge_requests/{number}"));
        write(&self.client, Write::Put, &path, &json!({"add_labels": labels.join(",")}))
    }

    fn ask_reviewers(&self, number: u64, names: &[String]) -> Result<()> {
        let path = self.path(&format!("/merge_requests/{number}"));
        let there = self.client.get(&path)?;
        let mut ids: Vec<Value> = listed(&there, "reviewers").map(|one| one["id"].clone()).collect();
        for name in names {
            let found = self.client.list(&format!("/users?username={}", encoded(name)), 1, entries)?;
            let id = found.first().map(|user| user["id"].clone()).ok_or_else(|| absent("user", name))?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        write(&self.client, Write::Put, &path, &json!({"reviewer_ids": ids}))
    }
}

impl TakesLabels for Bitbucket {
    fn add_labels(&self, _number: u64, _labels: &[String]) -> Result<()> {
        Err(Error::new(Code::ForgeRefused, "pull requests on Bitbucket have no labels"))
    }

    fn ask_reviewers(&self, number: u64, names: &[String]) -> Result<()> {
        let path = self.path(&format!("/pullrequests/{number}"));
        let there = self.client.get(&path)?;
        let mut all: Vec<Value> = listed(&there, "reviewers").map(|one| one["uuid"].clone()).collect();
        let members = format!("/workspaces/{}/members?pagelen=100", encoded(self.repo.owner()));
        let members = self.client.list(&members, MOST, |mut page| entries(page["values"].take()))?;
        for name in names {
            let is_meant = |one: &&Value| {
                ["nickname", "display_name", "account_id"]
                    .iter()
                    .any(|field| one["user"][field].as_str() == Some(name))
            };
            let found =
                members.iter().find(is_meant).ok_or_else(|| absent("member of the workspace", name))?;
            let uuid = at(found, "user.uuid").clone();
            if !all.contains(&uuid) {
                all.push(uuid);
            }
        }
        let reviewers: Vec<Value> = all.into_iter().map(|uuid| json!({"uuid": uuid})).collect();
        // The service wants the title with every change.
        write(&self.client, Write::Put, &path, &json!({"title": there["title"], "reviewers": reviewers}))
    }

    fn has_labels(&self) -> bool {
        false
    }
}

/// Returns who should review: a name with a slash is a team.
fn with_teams(names: &[String]) -> Value {
    let (teams, people): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| name.contains('/'));
    let teams: Vec<&str> = teams.iter().filter_map(|name| name.rsplit('/').next()).collect();
    json!({"reviewers": people, "team_reviewers": teams})
}

fn listed<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

fn absent(what: &str, name: &str) -> Error {
    Error::new(Code::ForgeRefused, format!("the forge has no {what} '{}'", text::safe(name)))
}

fn write(client: &Client, method: Write, path: &str, body: &Value) -> Result<()> {
    client.write(method, path, body).map(drop).map_err(|why| client.error(why))
}
