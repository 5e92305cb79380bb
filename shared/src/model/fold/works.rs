//! The newest work that each clone recorded for an agent. It matters only if an attempt was launched in two clones, or ended after
//! another clone had taken the agent over.

use serde::{Deserialize, Serialize};

use crate::model::{Agent, CommitId, IdOrText, OtherWork, WriterId};

/// What each clone recorded.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Works {
    newest: Vec<OtherWork>,
    /// Whether two clones worked on it at the same time.
    is_split: bool,
}

impl Works {
    /// Notes the head in an event of a clone, which was applied already.
    pub(super) fn name(&mut self, agent: &mut Agent, writer: &WriterId, head: Option<&IdOrText<CommitId>>) {
        if let Some(head) = head {
            OtherWork::set(&mut self.newest, writer, head);
        }
        self.apply(agent);
    }

    /// Notes that two clones launched one attempt.
    pub(super) fn launched_twice(&mut self, agent: &mut Agent) {
        self.is_split = true;
        self.apply(agent);
    }

    /// Notes that an attempt ended after another clone had launched the next one. [`Works::name`] follows with its head.
    pub(super) const fn came_late(&mut self) {
        self.is_split = true;
    }

    fn apply(&self, agent: &mut Agent) {
        if self.is_split {
            let others = self.newest.iter().filter(|one| agent.head.as_ref() != Some(&one.head));
            agent.other_work = others.cloned().collect();
        }
    }
}
