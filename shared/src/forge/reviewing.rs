//! How each forge takes a review: GitHub and Gitea take it with its remarks at once, GitLab and Bitbucket take comments, and an approval
//! apart from them.

use serde_json::{Value, json};

use super::{
    bitbucket::Bitbucket,
    failure::Failure,
    fields::{block, entries, flag, line},
    gitea::Gitea,
    github::GitHub,
    gitlab::GitLab,
    http::{Client, Write},
    review::{ForgeRemark, ForgeReview, ForgeUser, ForgeVerdict, Said},
    service::TakesReviews,
};
use crate::Result;

/// How many comments are searched for our own.
const MOST_SEARCHED: usize = 2000;

fn user(client: &Client, name: &str, id: &str) -> Result<ForgeUser> {
    let user = client.get("/user")?;
    Ok(ForgeUser { name: line(&user, name), id: line(&user, id) })
}

fn said(all: &[Value], by: &str, text: &str) -> Vec<Said> {
    all.iter().map(|one| Said { by: line(one, by), text: block(one, text) }).collect()
}

fn of_pages(mut page: Value) -> Vec<Value> {
    entries(page["values"].take())
}

impl TakesReviews for GitHub {
    fn user(&self) -> Result<ForgeUser> {
        user(&self.client, "login", "login")
    }

    fn said(&self, number: u64) -> Result<Vec<Said>> {
        let path = self.path(&format!("/pulls/{number}/reviews?per_page=100"));
        Ok(said(&self.client.list(&path, MOST_SEARCHED, entries)?, "user.login", "body"))
    }

    fn review(&self, number: u64, review: &ForgeReview, body: &str, on_lines: bool) -> Result<(), Failure> {
        let event = match review.verdict {
            ForgeVerdict::Approve => "APPROVE",
            ForgeVerdict::RequestChanges => "REQUEST_CHANGES",
            ForgeVerdict::Comment => "COMMENT",
        };
        let mut asked = json!({"commit_id": review.head.to_string(), "body": body, "event": event});
        if on_lines {
            let remark = |one: &ForgeRemark| json!({"path": one.file, "line": one.line, "side": "RIGHT", "body": one.text});
            asked["comments"] = review.remarks.iter().map(remark).collect();
        }
        self.client.write(Write::Post, &self.path(&format!("/pulls/{number}/reviews")), &asked).map(drop)
    }
}

impl TakesReviews for Gitea {
    fn user(&self) -> Result<ForgeUser> {
        user(&self.client, "login", "login")
    }

    fn said(&self, number: u64) -> Result<Vec<Said>> {
        let path = self.path(&format!("/pulls/{number}/reviews?limit=50"));
        Ok(said(&self.client.list(&path, MOST_SEARCHED, entries)?, "user.login", "body"))
    }

    fn review(&self, number: u64, review: &ForgeReview, body: &str, on_lines: bool) -> Result<(), Failure> {
        let event = match review.verdict {
            ForgeVerdict::Approve => "APPROVED",
            ForgeVerdict::RequestChanges => "REQUEST_CHANGES",
            ForgeVerdict::Comment => "COMMENT",
        };
        let mut asked = json!({"commit_id": review.head.to_string(), "body": body, "event": event});
        if on_lines {
            let remark =
                |one: &ForgeRemark| json!({"path": one.file, "new_position": one.line, "body": one.text});
            asked["comments"] = review.remarks.iter().map(remark).collect();
        }
        self.client.write(Write::Post, &self.path(&format!("/pulls/{number}/reviews")), &asked).map(drop)
    }
}

impl TakesReviews for GitLab {
    fn user(&self) -> Result<ForgeUser> {
        user(&self.client, "username", "username")
    }

    fn said(&self, number: u64) -> Result<Vec<Said>> {
        let path = self.path(&format!("/merge_requests/{number}/notes?per_page=100"));
        Ok(said(&self.client.list(&path, MOST_SEARCHED, entries)?, "author.username", "body"))
    }

    fn review(&self, number: u64, _review: &ForgeReview, body: &str, _on_lines: bool) -> Result<(), Failure> {
        let path = self.path(&format!("/merge_requests/{number}/notes"));
        self.client.write(Write::Post, &path, &json!({"body": body})).map(drop)
    }

    fn takes_remarks_apart(&self) -> bool {
        true
    }

    fn remark(&self, number: u64, review: &ForgeReview, remark: &ForgeRemark) -> Result<(), Failure> {
        let position = json!({
            "position_type": "text", "base_sha": review.base.to_string(), "start_sha": review.base.to_string(),
            "head_sha": review.head.to_string(), "new_path": remark.file, "old_path": remark.file, "new_line": remark.line,
        });
        let asked = json!({"body": review.body_of(remark), "position": position});
        let path = self.path(&format!("/merge_requests/{number}/discussions"));
        self.client.write(Write::Post, &path, &asked).map(drop)
    }

    fn judge(&self, number: u64, review: &ForgeReview, _user: &ForgeUser) -> Result<()> {
        let path = |rest: &str| self.path(&format!("/merge_requests/{number}/{rest}"));
        let has_approved = flag(&self.client.get(&path("approvals"))?, "user_has_approved");
        let asked = match (review.verdict, has_approved) {
            // Refused if the head moved.
            (ForgeVerdict::Approve, false) => ("approve", json!({"sha": review.head.to_string()})),
            (ForgeVerdict::RequestChanges, true) => ("unapprove", json!({})),
            _ => return Ok(()),
        };
        let done = self.client.write(Write::Post, &path(asked.0), &asked.1);
        done.map(drop).map_err(|why| self.client.error(why))
    }
}

impl TakesReviews for Bitbucket {
    fn user(&self) -> Result<ForgeUser> {
        // Several people may have the same nickname.
        user(&self.client, "nickname", "account_id")
    }

    fn said(&self, number: u64) -> Result<Vec<Said>> {
        let path = self.path(&format!("/pullrequests/{number}/comments?pagelen=50"));
        Ok(said(&self.client.list(&path, MOST_SEARCHED, of_pages)?, "user.account_id", "content.raw"))
    }

    fn review(&self, number: u64, _review: &ForgeReview, body: &str, _on_lines: bool) -> Result<(), Failure> {
        let path = self.path(&format!("/pullrequests/{number}/comments"));
        self.client.write(Write::Post, &path, &json!({"content": {"raw": body}})).map(drop)
    }

    fn takes_remarks_apart(&self) -> bool {
        true
    }

    fn remark(&self, number: u64, review: &ForgeReview, remark: &ForgeRemark) -> Result<(), Failure> {
        let inline = json!({"path": remark.file, "to": remark.line});
        let asked = json!({"content": {"raw": review.body_of(remark)}, "inline": inline});
        let path = self.path(&format!("/pullrequests/{number}/comments"));
        self.client.write(Write::Post, &path, &asked).map(drop)
    }

    fn judge(&self, number: u64, review: &ForgeReview, user: &ForgeUser) -> Result<()> {
        let now = self.client.get(&self.path(&format!("/pullrequests/{number}")))?;
        let own = entries(now["participants"].clone()).into_iter();
        let own = own.filter(|one| line(one, "user.account_id") == user.id).map(|one| line(&one, "state"));
        let (state, call) = match review.verdict {
            ForgeVerdict::Approve => ("approved", "approve"),
            ForgeVerdict::RequestChanges => ("changes_requested", "request-changes"),
            ForgeVerdict::Comment => return Ok(()),
        };
        if own.into_iter().any(|now| now == state) {
            return Ok(());
        }
        let path = self.path(&format!("/pullrequests/{number}/{call}"));
        self.client.write(Write::Post, &path, &json!({})).map(drop).map_err(|why| self.client.error(why))
    }
}
