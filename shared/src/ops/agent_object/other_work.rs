//! Work of an agent that is not part of its head, because two clones worked on the agent at the same time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    git::{Oid, Repo},
    model::{Agent, AgentId, CommitId, IdOrText, OtherWork, WriterId, text},
    store::{self, writer},
};

/// The most agents that are looked at for a warning.
const MOST_WARNED: usize = 256;

/// What another clone made of the same attempt.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "OtherWork")]
pub struct OtherWorkObject {
    /// The commit that holds it.
    pub head: IdOrText<CommitId>,
    /// The clone that made it.
    pub writer: WriterId,
    /// Whether that is this clone.
    pub own: bool,
    /// The number of its commits that the agent's work does not have; `None` if the commit is not in this clone.
    pub commits: Option<u64>,
}

impl OtherWorkObject {
    /// Describes the works that the agent's head does not contain, as far as the commits are in this clone.
    pub(super) fn of(repo: &Repo, others: Vec<OtherWork>, head: Option<&IdOrText<CommitId>>) -> Vec<Self> {
        if others.is_empty() {
            return Vec::new();
        }
        let own = writer::known_writer(repo);
        let head: Option<Oid> = head.and_then(IdOrText::commit).filter(|head| repo.has_commit(*head));
        // A person may have merged it by hand.
        let user = repo.head().ok();
        let is_merged = |commit: Oid| user.is_some_and(|user| repo.contains(user, commit).unwrap_or(false));
        let one = |OtherWork { head: other, writer }: OtherWork| {
            let commit = other.commit().filter(|commit| repo.has_commit(*commit));
            if commit.is_some_and(is_merged) {
                return None;
            }
            let commits = head.zip(commit).and_then(|(head, commit)| repo.commits_between(head, commit).ok());
            let is_own = own.as_deref() == Some(writer.as_str());
            (commits != Some(0)).then_some(Self { head: other, writer, own: is_own, commits })
        };
        others.into_iter().filter_map(one).collect()
    }

    /// Explains such work of some agents; an agent that cannot be read is left out.
    pub(in crate::ops) fn warnings_about<'a>(
        repo: &Repo,
        ids: impl Iterator<Item = &'a AgentId>,
    ) -> Vec<String> {
        let read = |id: &'a AgentId| Some((id, store::agent(repo, id).ok()?));
        ids.take(MOST_WARNED)
            .filter_map(read)
            .flat_map(|(id, agent)| Self::warnings(repo, id, &agent))
            .collect()
    }

    /// Explains such work of an agent.
    pub(in crate::ops) fn warnings(repo: &Repo, id: &AgentId, agent: &Agent) -> Vec<String> {
        let others = Self::of(repo, agent.other_work.clone(), agent.head.as_ref());
        let explain = |other: Self| match other.sentence(id) {
            (sentence, Some(command)) => format!("{sentence} ({command})"),
            (sentence, None) => sentence,
        };
        others.into_iter().map(explain).collect()
    }

    /// Explains it in a sentence, and returns a command that merges it, if this clone has the commit.
    pub fn sentence(&self, id: &AgentId) -> (String, Option<String>) {
        let head = self.head.commit().map_or_else(|| self.head.to_string(), |head| head.short());
        let whose = match self.own {
            true => "this clone".to_owned(),
            false => format!("clone {}", text::one_line(self.writer.as_str(), 40)),
        };
        let at_once = format!("two clones worked on '{id}' at once");
        match self.commits {
            Some(commits) => (
                format!(
                    "{at_once}: {} of {whose} is not in its work, up to {head}",
                    text::count(commits, "commit")
                ),
                Some(format!("git merge {head} merges it into the current branch")),
            ),
            None => (
                format!("{at_once}: the work {head} of {whose} is not in its work, and not in this clone"),
                None,
            ),
        }
    }
}
