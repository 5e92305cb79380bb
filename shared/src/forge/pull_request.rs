//! What is known of a pull request, whatever the forge calls it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{git::Oid, model::published::PullRequestState};

/// As many digits name a commit.
const MIN_DIGITS: usize = 12;

/// A pull request, or merge request.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Its page for people.
    pub url: String,
    /// Its title.
    pub title: String,
    /// The branch with the work.
    pub head: String,
    /// The repository of that branch, if it is another one: a fork.
    pub fork: Option<String>,
    /// The newest commit of that branch that the forge knows; Bitbucket shortens it.
    pub commit: String,
    /// The branch that it should be merged into.
    pub base: String,
    /// Whether it is open.
    pub state: PullRequestState,
    /// Whether it is a draft.
    pub draft: bool,
    /// The login of its author.
    pub author: String,
    /// Its text.
    #[serde(skip)]
    pub body: String,
}

impl PullRequest {
    /// Returns whether its head is a commit, as far as the forge tells.
    pub fn is_at(&self, commit: Oid) -> bool {
        self.commit.len() >= MIN_DIGITS && commit.to_string().starts_with(&self.commit)
    }
}

/// A pull request to open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewPullRequest {
    /// One line.
    pub title: String,
    /// The text, in Markdown.
    pub body: String,
    /// The branch with the work, which is on the forge already.
    pub head: String,
    /// The branch that it should be merged into.
    pub base: String,
    /// Whether it is a draft.
    pub draft: bool,
}

/// What to change in a pull request; what is `None` stays as it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PullRequestChange {
    /// The title.
    pub title: Option<String>,
    /// The text.
    pub body: Option<String>,
    /// The branch that it should be merged into.
    pub base: Option<String>,
}

/// How a pull request is merged.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MergeMethod {
    /// With a merge commit.
    #[default]
    Merge,
    /// As one commit.
    Squash,
    /// Its commits on top of the base.
    Rebase,
}

impl MergeMethod {
    /// Returns the word in options and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Merge, Self::Squash, Self::Rebase].into_iter().find(|method| method.as_str() == word)
    }
}
