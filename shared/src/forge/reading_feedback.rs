//! Reading checks, comments and reviews from the answers of the forges.

use serde_json::{Value, json};

use super::{
    bitbucket::{self, Bitbucket},
    feedback::{Author, ForgeCheck, ForgeSaid, ReadSaid, standing},
    fields::{at, block, encoded, entries, flag, line, page},
    gitea::Gitea,
    github::{self, GitHub},
    gitlab::{self, GitLab},
    pull_request::PullRequest,
    service::TellsFeedback,
};
use crate::{
    Result,
    model::published::{ForgeChecks, ForgeReviews},
};

/// How many checks, comments or reviews are read.
const MOST: usize = 500;
/// The role on GitLab from which on a member may push.
const DEVELOPER: u64 = 30;

impl TellsFeedback for GitHub {
    fn check_list(&self, commit: &str) -> Result<Vec<ForgeCheck>> {
        let runs = self.path(&format!("/commits/{commit}/check-runs?per_page=100"));
        let runs = self.client.list(&runs, MOST, |mut page| entries(page["check_runs"].take()))?;
        let statuses = self.client.get(&self.path(&format!("/commits/{commit}/status?per_page=100")))?;
        let of_run = |run: &Value| check(run, "name", "html_url", github::of_run(run));
        let mut all: Vec<ForgeCheck> = runs.iter().map(of_run).collect();
        all.extend(of_statuses(&statuses, "state"));
        Ok(all)
    }

    fn standing(&self, seen: &PullRequest) -> Result<ForgeReviews> {
        let path = self.path(&format!("/pulls/{}/reviews?per_page=100", seen.number));
        Ok(of_reviews(&self.client.list(&path, MOST, entries)?))
    }

    fn all_said(&self, seen: &PullRequest) -> Result<Vec<ReadSaid>> {
        let list = |of: &str| {
            self.client.list(
                &self.path(&format!("/{of}/{}/comments?per_page=100", seen.number)),
                MOST,
                entries,
            )
        };
        let reviews = self.path(&format!("/pulls/{}/reviews?per_page=100", seen.number));
        let mut all: Vec<ReadSaid> = list("issues")?.iter().map(|one| said_github(one, "comment")).collect();
        all.extend(self.client.list(&reviews, MOST, entries)?.iter().map(|one| said_github(one, "review")));
        all.extend(list("pulls")?.iter().map(|one| said_github(one, "remark")));
        Ok(all)
    }

    fn may_push(&self, _user: &str) -> Result<bool> {
        Ok(false)
    }
}

impl TellsFeedback for Gitea {
    fn check_list(&self, commit: &str) -> Result<Vec<ForgeCheck>> {
        let status = self.client.get(&self.path(&format!("/commits/{}/status", encoded(commit))))?;
        Ok(of_statuses(&status, "status"))
    }

    fn standing(&self, seen: &PullRequest) -> Result<ForgeReviews> {
        let path = self.path(&format!("/pulls/{}/reviews?limit=50", seen.number));
        Ok(of_reviews(&self.client.list(&path, MOST, entries)?))
    }

    fn all_said(&self, seen: &PullRequest) -> Result<Vec<ReadSaid>> {
        let number = seen.number;
        let comments = self.client.list(&self.path(&format!("/issues/{number}/comments")), MOST, entries)?;
        let reviews = self.path(&format!("/pulls/{number}/reviews?limit=50"));
        let reviews = self.client.list(&reviews, MOST, entries)?;
        let mut all: Vec<ReadSaid> = comments.iter().map(|one| said_gitea(one, "comment")).collect();
        for review in &reviews {
            all.push(said_gitea(review, "review"));
            if review["comments_count"].as_u64().unwrap_or(0) > 0 {
                let path = self.path(&format!("/pulls/{number}/reviews/{}/comments", review["id"]));
                all.extend(
                    self.client.list(&path, MOST, entries)?.iter().map(|one| said_gitea(one, "remark")),
                );
            }
        }
        Ok(all)
    }

    fn may_push(&self, user: &str) -> Result<bool> {
        let path = self.path(&format!("/collaborators/{}/permission", encoded(user)));
        let found = self.client.find(&path)?.unwrap_or_default();
        Ok(matches!(found["permission"].as_str(), Some("owner" | "admin" | "write")))
    }
}

impl TellsFeedback for GitLab {
    fn check_list(&self, commit: &str) -> Result<Vec<ForgeCheck>> {
        let path = self.path(&format!("/pipelines?sha={commit}&order_by=id&sort=desc&per_page=1"));
        let newest = self.client.list(&path, 1, entries)?;
        let Some(pipeline) = newest.first() else { return Ok(Vec::new()) };
        let state = gitlab::of_pipeline(pipeline);
        if state == ForgeChecks::Failed {
            let path = self.path(&format!("/pipelines/{}/jobs?scope[]=failed&per_page=100", pipeline["id"]));
            let jobs = self.client.list(&path, MOST, entries)?;
            // Such a job may fail without the pipeline.
            let jobs = jobs.iter().filter(|job| !flag(job, "allow_failure"));
            let failed: Vec<_> = jobs.map(|job| check(job, "name", "web_url", ForgeChecks::Failed)).collect();
            if !failed.is_empty() {
                return Ok(failed);
            }
        }
        Ok(vec![ForgeCheck { name: "pipeline".to_owned(), url: page(pipeline, "web_url"), state }])
    }

    fn standing(&self, seen: &PullRequest) -> Result<ForgeReviews> {
        let of = |what: &str| self.path(&format!("/merge_requests/{}/{what}", seen.number));
        let reviewers = self.client.list(&of("reviewers"), MOST, entries)?;
        if reviewers.iter().any(|one| line(one, "state") == "requested_changes") {
            return Ok(ForgeReviews::Changes);
        }
        let approvals = self.client.get(&of("approvals"))?;
        let is_approved = !entries(approvals["approved_by"].clone()).is_empty();
        Ok(if is_approved { ForgeReviews::Approved } else { ForgeReviews::Waiting })
    }

    fn all_said(&self, seen: &PullRequest) -> Result<Vec<ReadSaid>> {
        let path = self.path(&format!("/merge_requests/{}/notes?sort=asc&per_page=100", seen.number));
        let notes = self.client.list(&path, MOST, entries)?;
        let notes = notes.iter().filter(|note| !flag(note, "system"));
        Ok(notes
            .map(|note| {
                let mut read = said(note, "note", "author.username", "body");
                if !seen.url.is_empty() {
                    read.said.url = format!("{}#note_{}", seen.url, note["id"]);
                }
                read.said.place = place(at(note, "position.new_path"), at(note, "position.new_line"));
                read.author = Author::Ask(at(note, "author.id").to_string());
                read
            })
            .collect())
    }

    fn may_push(&self, user: &str) -> Result<bool> {
        let member = self.client.find(&self.path(&format!("/members/all/{}", encoded(user))))?;
        Ok(member.is_some_and(|member| member["access_level"].as_u64() >= Some(DEVELOPER)))
    }
}

impl TellsFeedback for Bitbucket {
    fn check_list(&self, commit: &str) -> Result<Vec<ForgeCheck>> {
        let path = self.path(&format!("/commit/{commit}/statuses?pagelen=50"));
        let all = self.client.list(&path, MOST, |mut page| entries(page["values"].take()))?;
        Ok(all.iter().map(|one| check(one, "name", "url", bitbucket::of_status(one))).collect())
    }

    fn standing(&self, seen: &PullRequest) -> Result<ForgeReviews> {
        let now = self.client.get(&self.path(&format!("/pullrequests/{}", seen.number)))?;
        let participants = entries(now["participants"].clone());
        let verdict = |one: &Value| match one["state"].as_str() {
            Some("approved") => Some(ForgeReviews::Approved),
            Some("changes_requested") => Some(ForgeReviews::Changes),
            _ => None,
        };
        let ids: Vec<String> = participants.iter().map(|one| line(one, "user.account_id")).collect();
        Ok(standing(ids.iter().map(String::as_str).zip(participants.iter().map(verdict))))
    }

    fn all_said(&self, seen: &PullRequest) -> Result<Vec<ReadSaid>> {
        let path = self.path(&format!("/pullrequests/{}/comments?pagelen=50", seen.number));
        let all = self.client.list(&path, MOST, |mut page| entries(page["values"].take()))?;
        let there = all.iter().filter(|one| !flag(one, "deleted"));
        Ok(there
            .map(|one| {
                let mut read = said(one, "comment", "user.nickname", "content.raw");
                read.said.url = page(one, "links.html.href");
                read.said.place = place(at(one, "inline.path"), at(one, "inline.to"));
                read.author_id = line(one, "user.account_id");
                read.author = Author::Ask(read.author_id.clone());
                read
            })
            .collect())
    }

    fn may_push(&self, user: &str) -> Result<bool> {
        let workspace = encoded(self.repo.owner());
        let path = format!("/workspaces/{workspace}/members/{}", encoded(user));
        Ok(!user.is_empty() && self.client.find(&path)?.is_some())
    }
}

fn check(value: &Value, name: &str, url: &str, state: ForgeChecks) -> ForgeCheck {
    ForgeCheck { name: line(value, name), url: page(value, url), state }
}

/// Reads the statuses in a combined status of GitHub or Gitea; `state` is the field with the state of each.
fn of_statuses(combined: &Value, state: &str) -> Vec<ForgeCheck> {
    let statuses = entries(combined["statuses"].clone());
    let of = |one: &Value| {
        let said = match one[state].as_str() {
            Some("success" | "warning" | "skipped") => ForgeChecks::Passed,
            Some("pending") => ForgeChecks::Running,
            _ => ForgeChecks::Failed,
        };
        check(one, "context", "target_url", said)
    };
    statuses.iter().map(of).collect()
}

/// Reads the reviews of GitHub or Gitea, oldest first. A comment changes no verdict.
fn of_reviews(reviews: &[Value]) -> ForgeReviews {
    let read = |one: &Value| {
        let is_dismissed = flag(one, "dismissed") || one["state"] == "DISMISSED";
        let verdict = verdict(one).filter(|_| !is_dismissed);
        (verdict.is_some() || is_dismissed).then(|| (line(one, "user.login"), verdict))
    };
    let read: Vec<_> = reviews.iter().filter_map(read).collect();
    standing(read.iter().map(|(login, verdict)| (login.as_str(), *verdict)))
}

fn verdict(review: &Value) -> Option<ForgeReviews> {
    match review["state"].as_str() {
        Some("APPROVED") => Some(ForgeReviews::Approved),
        Some("CHANGES_REQUESTED" | "REQUEST_CHANGES") => Some(ForgeReviews::Changes),
        _ => None,
    }
}

fn said(value: &Value, kind: &str, author: &str, text: &str) -> ReadSaid {
    let author_name = line(value, author);
    ReadSaid {
        said: ForgeSaid {
            id: format!("{kind} {}", value["id"]),
            author: author_name.clone(),
            is_trusted: false,
            verdict: None,
            text: block(value, text),
            place: None,
            url: page(value, "html_url"),
        },
        author: Author::Ask(author_name.clone()),
        author_id: author_name,
    }
}

fn said_github(value: &Value, kind: &str) -> ReadSaid {
    let mut read = said_gitea(value, kind);
    let association = value["author_association"].as_str();
    read.author = Author::Known(matches!(association, Some("OWNER" | "MEMBER" | "COLLABORATOR")));
    read
}

fn said_gitea(value: &Value, kind: &str) -> ReadSaid {
    let mut read = said(value, kind, "user.login", "body");
    if kind == "review" {
        read.said.verdict = verdict(value);
    }
    let number = if value["line"].is_null() { &value["position"] } else { &value["line"] };
    read.said.place = place(&value["path"], number);
    read
}

fn place(file: &Value, number: &Value) -> Option<(String, u64)> {
    let file = line(&json!({ "file": file }), "file");
    (!file.is_empty()).then(|| (file, number.as_u64().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_may_change_the_repository_are_trusted_on_github() {
        for (association, trusted) in [
            ("OWNER", true),
            ("MEMBER", true),
            ("COLLABORATOR", true),
            ("CONTRIBUTOR", false),
            ("FIRST_TIME_CONTRIBUTOR", false),
            ("NONE", false),
        ] {
            let comment =
                json!({"id": 7, "user": {"login": "sam"}, "body": "x", "author_association": association});
            assert_eq!(said_github(&comment, "comment").author, Author::Known(trusted), "{association}");
        }
        assert_eq!(said_github(&json!({"id": 7}), "comment").author, Author::Known(false));
    }

    #[test]
    fn a_dismissed_review_counts_no_longer() {
        let review = |login: &str, state: &str| json!({"user": {"login": login}, "state": state});
        let all = [review("a", "CHANGES_REQUESTED"), review("b", "APPROVED"), review("b", "COMMENTED")];
        assert_eq!(of_reviews(&all), ForgeReviews::Changes);
        assert_eq!(of_reviews(&[all[0].clone(), review("a", "DISMISSED")]), ForgeReviews::Waiting);
        assert_eq!(of_reviews(&all[1..]), ForgeReviews::Approved);
    }
}
