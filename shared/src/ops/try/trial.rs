//! The commit at which `HEAD` is detached during a trial, and what its trailers say.

use crate::{
    git::{Oid, Repo},
    model::{AgentId, secret, text, trailers},
};

/// A trial: whose work, and where to return.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Trial {
    pub(super) agent: AgentId,
    /// The branch, without `refs/heads/`.
    pub(super) branch: String,
    /// Its commit when the trial began.
    pub(super) tip: Oid,
}

impl Trial {
    /// Reads the trial of a commit; `None` if the commit is not one. Its first parent must be the commit that it names.
    pub(super) fn at(repo: &Repo, commit: Oid) -> Option<Self> {
        let commit = repo.read_commit(commit).ok()?;
        let trial = Self::read(&commit.message)?;
        (commit.parents.len() == 2 && commit.parents.first() == Some(&trial.tip)).then_some(trial)
    }

    fn read(message: &str) -> Option<Self> {
        let trailers = trailers::paragraph(message)?;
        let value = |key: &str| trailers::value(trailers, key);
        Some(Self {
            agent: AgentId::parse(value("Agent")?).ok()?,
            branch: value("Try-On").filter(|branch| !branch.is_empty())?.to_owned(),
            tip: Oid::parse(value("Try-Tip")?)?,
        })
    }

    /// Returns the message of its commit.
    pub(super) fn message(&self, title: &str) -> String {
        let Self { agent, branch, tip } = self;
        format!(
            "Try agent {agent}: {}\n\nThis commit is only to be looked at: 'git orchestra try --back' leaves it.\n\n\
             Orchestra-Agent: {agent}\nOrchestra-Try-On: {branch}\nOrchestra-Try-Tip: {tip}\n",
            text::one_line(&secret::redact_words(title, &[]), 100)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let trial = Trial {
            agent: AgentId::parse("tidy-k3m9q").expect("an id"),
            branch: "feature/ä b".to_owned(),
            tip: Oid::EMPTY_TREE,
        };
        assert_eq!(Trial::read(&trial.message("Tidy\nup")), Some(trial));
        for message in [
            "Tidy\n",
            "Merge agent x\n\nOrchestra-Agent: tidy-k3m9q\n",
            "x\n\nOrchestra-Agent: tidy-k3m9q\nOrchestra-Try-On: main\nOrchestra-Try-Tip: zz\n",
        ] {
            assert_eq!(Trial::read(message), None, "{message}");
        }
    }
}
