//! The agents after which another one starts, and the work that it took from them. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Agent, AgentId, CommitId, IdOrText, lines::Value, words::words};

/// Maximum number of agents after which one starts; further ones in an event do not count.
pub const MAX_DEPENDENCIES: usize = 16;

words! {
    /// What an agent does when one of those that it waits for ends without being done.
    #[derive(Default)]
    pub enum OnFailed {
        /// It waits until somebody resumes that agent.
        #[default]
        Wait = "wait",
        /// It starts with the work that is there.
        Start = "start",
        /// It is stopped.
        Stop = "stop",
    }
}

/// An agent after which another one starts: that begins with its work.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Dependency {
    /// The agent.
    pub agent: IdOrText<AgentId>,
    /// The commit that held its work when the other one started; `None` before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<IdOrText<CommitId>>,
}

/// The work that an agent starts with, once all agents after which it starts are done.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct StartedWith {
    /// The commit that it starts from: the only one of `heads`, or a merge of them.
    pub base: IdOrText<CommitId>,
    /// The commits that hold the work of those agents, in their order.
    pub heads: Vec<IdOrText<CommitId>>,
}

impl Dependency {
    /// Returns the agents of an event, as they are before the other one starts.
    pub(super) fn of_event(agents: &[IdOrText<AgentId>]) -> Vec<Self> {
        let named = agents.iter().filter_map(|agent| IdOrText::short_or_none(Some(agent)));
        named.take(MAX_DEPENDENCIES).map(|agent| Self { agent, head: None }).collect()
    }
}

impl Agent {
    /// Returns the agents that must be done before it starts; none once it has started with their work.
    pub fn waits_for(&self) -> Vec<AgentId> {
        if self.after.iter().all(|one| one.head.is_some()) {
            return Vec::new();
        }
        self.after.iter().filter_map(|one| one.agent.id().cloned()).collect()
    }

    /// Returns the commit with the work of others that it started with, which is not part of its own.
    pub fn work_of_others(&self) -> Option<CommitId> {
        self.base.commit().filter(|_| !self.after.is_empty() && self.waits_for().is_empty())
    }

    /// Applies that it starts with the work of others. A list that does not fit to the agents has no effect.
    pub(super) fn start_with(&mut self, started: &StartedWith) {
        if started.heads.len() != self.after.len() {
            return;
        }
        for (one, head) in self.after.iter_mut().zip(&started.heads) {
            one.head = Some(head.short());
        }
        self.base = started.base.short();
        // What it has before its program runs is its base.
        self.head = self.head.take().map(|_| self.base.clone());
    }
}

/// As one line of JSON: what is safe to show contains no line break.
impl Value for Vec<Dependency> {
    fn write(&self, out: &mut String) {
        if !self.is_empty() {
            out.push_str(&serde_json::to_string(self).unwrap_or_default());
        }
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_waits_until_it_starts_with_the_work_of_all() {
        let commit = |digit: &str| IdOrText::<CommitId>::read(&digit.repeat(40));
        let named = ["add-auth-k3m9q", "add-docs-x2b4c"].map(IdOrText::read);
        let mut agent = Agent { after: Dependency::of_event(&named), base: commit("1"), ..Agent::default() };
        assert_eq!(agent.waits_for().len(), 2);
        assert_eq!(agent.work_of_others(), None);
        agent.start_with(&StartedWith { base: commit("2"), heads: vec![commit("2")] });
        assert_eq!(agent.base, commit("1"));
        agent.start_with(&StartedWith { base: commit("4"), heads: vec![commit("2"), commit("3")] });
        assert!(agent.waits_for().is_empty());
        assert_eq!(agent.work_of_others(), commit("4").commit());
        let mut line = String::new();
        agent.after.write(&mut line);
        assert_eq!(Vec::<Dependency>::read(&line), Some(agent.after));
    }

    #[test]
    fn an_agent_after_none_has_no_work_of_others() {
        let agent = Agent { base: IdOrText::read(&"1".repeat(40)), ..Agent::default() };
        assert_eq!((agent.waits_for().len(), agent.work_of_others()), (0, None));
        let many = vec![IdOrText::read("add-auth-k3m9q"); MAX_DEPENDENCIES + 1];
        assert_eq!(Dependency::of_event(&many).len(), MAX_DEPENDENCIES);
    }
}
