//! Issues: their texts, by number and by label.

use serde_json::Value;

use super::{
    bitbucket::Bitbucket,
    fields::{block, encoded, entries, line, number, page},
    gitea::Gitea,
    github::GitHub,
    gitlab::GitLab,
    issue::Issue,
    service::HasIssues,
};
use crate::{Code, Error, Result};

impl HasIssues for GitHub {
    fn issue(&self, number: u64) -> Result<Option<Issue>> {
        github_like(self.client.find(&self.path(&format!("/issues/{number}")))?)
    }

    fn issues(&self, label: &str, most: usize) -> Result<Vec<Issue>> {
        let path = self.path(&format!("/issues?labels={}&state=open&per_page=100", encoded(label)));
        all_github_like(self.client.list(&path, most, entries)?)
    }
}

impl HasIssues for Gitea {
    fn issue(&self, number: u64) -> Result<Option<Issue>> {
        github_like(self.client.find(&self.path(&format!("/issues/{number}")))?)
    }

    fn issues(&self, label: &str, most: usize) -> Result<Vec<Issue>> {
        let path = self.path(&format!("/issues?labels={}&state=open&type=issues&limit=50", encoded(label)));
        all_github_like(self.client.list(&path, most, entries)?)
    }
}

impl HasIssues for GitLab {
    fn issue(&self, number: u64) -> Result<Option<Issue>> {
        self.client.find(&self.path(&format!("/issues/{number}")))?.map(|value| of_gitlab(&value)).transpose()
    }

    fn issues(&self, label: &str, most: usize) -> Result<Vec<Issue>> {
        let path = self.path(&format!("/issues?labels={}&state=opened&per_page=100", encoded(label)));
        self.client.list(&path, most, entries)?.iter().map(of_gitlab).collect()
    }
}

impl HasIssues for Bitbucket {
    fn issue(&self, number: u64) -> Result<Option<Issue>> {
        let found = self.client.find(&self.path(&format!("/issues/{number}")))?;
        let read = |value: Value| {
            Ok(Issue {
                number: super::fields::number(&value, "id")?,
                title: line(&value, "title"),
                author: line(&value, "reporter.nickname"),
                url: page(&value, "links.html.href"),
                body: block(&value, "content.raw"),
            })
        };
        found.map(read).transpose()
    }

    fn issues(&self, _label: &str, _most: usize) -> Result<Vec<Issue>> {
        Err(Error::new(Code::ForgeRefused, "issues on Bitbucket have no labels"))
    }
}

/// Reads an issue of GitHub or Gitea, where a pull request is one as well.
fn github_like(found: Option<Value>) -> Result<Option<Issue>> {
    let read = |value: Value| {
        Ok(Issue {
            number: number(&value, "number")?,
            title: line(&value, "title"),
            author: line(&value, "user.login"),
            url: page(&value, "html_url"),
            body: block(&value, "body"),
        })
    };
    found.filter(|value| !value["pull_request"].is_object()).map(read).transpose()
}

fn all_github_like(all: Vec<Value>) -> Result<Vec<Issue>> {
    all.into_iter().filter_map(|one| github_like(Some(one)).transpose()).collect()
}

fn of_gitlab(value: &Value) -> Result<Issue> {
    Ok(Issue {
        number: number(value, "iid")?,
        title: line(value, "title"),
        author: line(value, "author.username"),
        url: page(value, "web_url"),
        body: block(value, "description"),
    })
}
