//! The pull requests of the forge, and what happens to them, whatever the interface calls it.

use std::{path::Path, process::Command};

use super::{LOGIN, State};

/// A pull request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// The branch with the work.
    pub head: String,
    /// The repository of that branch.
    pub repository: String,
    /// The branch that it should be merged into.
    pub base: String,
    /// `open`, `closed` or `merged`.
    pub state: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// Its author.
    pub author: String,
    /// The head when it was closed or merged.
    pub last_head: String,
    /// Whether its author lets those who maintain the repository push to its branch in a fork.
    pub allows_edits: bool,
    /// Its labels.
    pub labels: Vec<String>,
    /// Who was asked to review it.
    pub reviewers: Vec<String>,
}

/// Why something was refused.
pub(crate) enum Refusal {
    Exists(u64),
    Absent,
    HeadMoved,
    Invalid(&'static str),
    NotOpen,
    Conflict,
}

impl Pull {
    /// Returns the newest commit of its branch, else that of when it ended.
    pub(crate) fn commit(&self, state: &State) -> String {
        let now = tip(state.repository_of(self), &self.head).filter(|_| self.state == "open");
        now.unwrap_or_else(|| self.last_head.clone())
    }
}

impl State {
    /// Opens a pull request as forges do: one for each branch, and only with commits.
    pub(crate) fn open(
        &mut self,
        title: &str,
        body: &str,
        head: &str,
        base: &str,
        draft: bool,
    ) -> Result<Pull, Refusal> {
        let same = |one: &&Pull| one.state == "open" && one.head == head && one.base == base;
        if let Some(there) = self.pulls.iter().find(same) {
            return Err(Refusal::Exists(there.number));
        }
        let (Some(new), Some(old)) = (tip(&self.bare, head), tip(&self.bare, base)) else {
            return Err(Refusal::Invalid("head or base does not exist"));
        };
        let range = format!("{old}..{new}");
        if output(&self.bare, &["rev-list", "--count", &range]).as_deref() == Some("0") {
            return Err(Refusal::Invalid("No commits between the branches"));
        }
        if title.is_empty() {
            return Err(Refusal::Invalid("title is missing"));
        }
        let pull = Pull {
            number: self.pulls.len() as u64 + 1,
            title: title.into(),
            body: body.into(),
            head: head.into(),
            repository: super::REPOSITORY.into(),
            base: base.into(),
            state: "open".into(),
            draft,
            author: LOGIN.into(),
            last_head: new,
            allows_edits: false,
            labels: Vec::new(),
            reviewers: Vec::new(),
        };
        self.pulls.push(pull.clone());
        Ok(pull)
    }

    pub(crate) fn find(&mut self, number: &str) -> Result<&mut Pull, Refusal> {
        let number: u64 = number.parse().map_err(|_| Refusal::Absent)?;
        self.pulls.iter_mut().find(|one| one.number == number).ok_or(Refusal::Absent)
    }

    pub(crate) fn close(&mut self, number: &str) -> Result<Pull, Refusal> {
        let commit = self.find(number)?.clone().commit(self);
        let pull = self.find(number)?;
        if pull.state != "open" {
            return Err(Refusal::NotOpen);
        }
        (pull.state, pull.last_head) = ("closed".into(), commit);
        Ok(pull.clone())
    }

    /// Merges with real git; `expected` guards the head.
    pub(crate) fn merge(
        &mut self,
        number: &str,
        method: &str,
        expected: Option<&str>,
    ) -> Result<Pull, Refusal> {
        let pull = self.find(number)?.clone();
        if pull.state != "open" {
            return Err(Refusal::NotOpen);
        }
        let head = pull.commit(self);
        if expected.is_some_and(|expected| expected != head) {
            return Err(Refusal::HeadMoved);
        }
        let base = tip(&self.bare, &pull.base).ok_or(Refusal::Absent)?;
        let commit = match method {
            "rebase" => rebased(&self.bare, &base, &head),
            _ => merged(&self.bare, &base, &head, (method == "merge").then_some(&*head), &pull.title),
        };
        let commit = commit.ok_or(Refusal::Conflict)?;
        output(&self.bare, &["update-ref", &format!("refs/heads/{}", pull.base), &commit, &base])
            .ok_or(Refusal::Conflict)?;
        let pull = self.find(number)?;
        (pull.state, pull.last_head) = ("merged".into(), head);
        Ok(pull.clone())
    }
}

/// Makes a commit on top of `base` with what `head` has besides; with a second parent it is a merge.
fn merged(bare: &Path, base: &str, head: &str, parent: Option<&str>, message: &str) -> Option<String> {
    let tree = output(bare, &["merge-tree", "--write-tree", base, head])?;
    let mut arguments = vec!["commit-tree", &tree, "-p", base];
    arguments.extend(parent.iter().flat_map(|parent| ["-p", parent]));
    arguments.extend(["-m", message]);
    output(bare, &arguments)
}

/// Makes each commit of `head` again on top of `base`.
fn rebased(bare: &Path, base: &str, head: &str) -> Option<String> {
    let commits = output(bare, &["rev-list", "--reverse", "--no-merges", &format!("{base}..{head}")])?;
    commits.lines().try_fold(base.to_owned(), |onto, commit| {
        let message = output(bare, &["log", "-1", "--format=%B", commit])?;
        // Only what the commit itself changes is merged: its parent is what both share.
        let (tree, parent) = (format!("{onto}^{{tree}}"), format!("{commit}^"));
        let ours = output(bare, &["commit-tree", &tree, "-p", &parent, "-m", "ours"])?;
        let tree = output(bare, &["merge-tree", "--write-tree", &ours, commit])?;
        output(bare, &["commit-tree", &tree, "-p", &onto, "-m", &message])
    })
}

fn tip(bare: &Path, branch: &str) -> Option<String> {
    output(bare, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")])
}

pub(crate) fn output(bare: &Path, arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(bare).args(arguments);
    for (name, value) in [("NAME", "Forge"), ("EMAIL", "forge@example.com")] {
        git.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    let output = git.output().expect("git");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
