//! The agents after which another one starts, and the work that it took from them. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AgentId, CommitId, IdOrText, lines::JsonItem, words::words};

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

impl JsonItem for Dependency {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lines::Value;

    #[test]
    fn what_an_event_names_is_kept_on_one_line() {
        let many = vec![IdOrText::read("add-auth-k3m9q"); MAX_DEPENDENCIES + 1];
        let mut all = Dependency::of_event(&many);
        assert_eq!(all.len(), MAX_DEPENDENCIES);
        all[0].head = Some(IdOrText::read(&"1".repeat(40)));
        let mut line = String::new();
        all.write(&mut line);
        assert_eq!(Vec::<Dependency>::read(&line), Some(all));
    }
}
