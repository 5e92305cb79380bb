//! The agents after which an agent starts, as other clones and people see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    git::Repo,
    model::{Agent, AgentId, CommitId, Dependency, IdOrText, Phase},
    store,
};

/// An agent after which another one starts, with its work.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct DependencyObject {
    /// The agent.
    pub agent: IdOrText<AgentId>,
    /// Its phase now; `null` if it is not known here.
    pub phase: Option<Phase>,
    /// The commit with its work from which the other one started; `null` before.
    pub head: Option<IdOrText<CommitId>>,
    /// Whether its work is another one by now, so that the other agent's base is stale.
    pub changed: bool,
}

impl DependencyObject {
    /// Returns what is known of an agent after which another one starts.
    pub(super) fn of(repo: &Repo, dependency: Dependency) -> Self {
        let Dependency { agent, head } = dependency;
        let now = agent.id().and_then(|id| store::any_agent(repo, id).ok());
        let is_other = |head: &IdOrText<CommitId>| {
            now.as_ref().is_some_and(|now| now.phase.is_at_rest() && now.head.as_ref() != Some(head))
        };
        Self {
            phase: now.as_ref().map(|now| now.phase),
            changed: head.as_ref().is_some_and(is_other),
            agent,
            head,
        }
    }

    /// Says which agents have other work by now than the work with which an agent started. `None`: none has.
    pub fn stale(repo: &Repo, agent: &Agent) -> Option<String> {
        let after: Vec<Self> = agent.after.iter().cloned().map(|one| Self::of(repo, one)).collect();
        stale(&after)
    }

    /// Returns whether the other agent does not start before somebody resumes this one.
    pub fn needs_somebody(&self) -> bool {
        self.phase.is_some_and(|phase| phase.is_terminal() && phase != Phase::Done)
    }
}

/// Describes the work that changed after an agent started with it, such as `started with work of add-auth-k3m9q that has changed since`.
pub(super) fn stale(after: &[DependencyObject]) -> Option<String> {
    let changed = after.iter().filter(|one| one.changed).map(|one| one.agent.to_string());
    let changed: Vec<String> = changed.collect();
    (!changed.is_empty())
        .then(|| format!("started with work of {} that has changed since", changed.join(", ")))
}

/// Describes what an agent waits for: `after add-auth-k3m9q`, or `waits: add-auth-k3m9q failed`. `None` if it waits for none.
pub(super) fn waits(after: &[DependencyObject]) -> Option<String> {
    let open: Vec<&DependencyObject> = after.iter().filter(|one| one.head.is_none()).collect();
    if open.is_empty() {
        return None;
    }
    let ended: Vec<String> = open
        .iter()
        .filter(|one| one.needs_somebody())
        .map(|one| format!("{} {}", one.agent, one.phase.map_or("failed", Phase::as_str)))
        .collect();
    if !ended.is_empty() {
        return Some(format!("waits: {}", ended.join(", ")));
    }
    let running: Vec<String> =
        open.iter().filter(|one| one.phase != Some(Phase::Done)).map(|one| one.agent.to_string()).collect();
    (!running.is_empty()).then(|| format!("after {}", running.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_waits_for_is_said_until_it_starts() {
        let one = |name: &str, phase, head: Option<&str>| DependencyObject {
            agent: IdOrText::read(name),
            phase: Some(phase),
            head: head.map(IdOrText::read),
            changed: false,
        };
        for (after, expected) in [
            (vec![], None),
            (vec![one("a", Phase::Running, None)], Some("after a")),
            (vec![one("a", Phase::Running, None), one("b", Phase::Done, None)], Some("after a")),
            (vec![one("a", Phase::Queued, None), one("b", Phase::Paused, None)], Some("after a, b")),
            (vec![one("a", Phase::Running, None), one("b", Phase::Failed, None)], Some("waits: b failed")),
            (vec![one("a", Phase::Done, None)], None),
            (vec![one("a", Phase::Failed, Some("1"))], None),
        ] {
            assert_eq!(waits(&after).as_deref(), expected);
        }
    }

    #[test]
    fn work_that_changed_since_is_named() {
        let one = |name: &str, changed| DependencyObject {
            agent: IdOrText::read(name),
            phase: Some(Phase::Done),
            head: Some(IdOrText::read("1")),
            changed,
        };
        assert_eq!(stale(&[one("a", false)]), None);
        let some = [one("a", true), one("b", false), one("c", true)];
        assert_eq!(stale(&some).as_deref(), Some("started with work of a, c that has changed since"));
    }
}
