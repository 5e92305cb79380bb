//! The events that report the progress of operations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{AgentId, Phase, event::Landing};

/// An event in the progress of an operation. Where there are several items, `done` is the number of those that are done, including
/// this one, and `of` the number of all.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[schemars(rename = "ProgressEvent")]
pub enum Event {
    /// A step of a landing begins to merge a branch, to check it, or to have it repaired.
    LandingStepStarted {
        /// The number of the step, from 1.
        rank: usize,
        /// The number of branches to land.
        of: usize,
        /// The branch.
        branch: String,
        /// The activity that begins: `merging`, or the name of a check.
        doing: String,
    },
    /// A step of a landing has ended. The target moves only after the last one.
    LandingStepEnded {
        /// The number of the step.
        rank: usize,
        /// The number of branches to land.
        of: usize,
        /// The branch.
        branch: String,
        /// The outcome for the branch; `None` if it is not decided yet.
        outcome: Option<Landing>,
        /// The reason for the outcome, for people.
        why: Option<String>,
    },
    /// A fetch from a remote begins.
    FetchStarted {
        /// The name or the URL of the remote.
        remote: String,
    },
    /// The search for secrets in the objects that the remote does not have begins.
    ScanStarted {
        /// The name or the URL of the remote.
        remote: String,
    },
    /// A push to a remote begins.
    PushStarted {
        /// The name or the URL of the remote.
        remote: String,
        /// The number of refs to send.
        refs: usize,
    },
    /// Git reported the progress of a transfer.
    GitProgress {
        /// The last line that git wrote.
        line: String,
    },
    /// The supervisor of an agent has started.
    AgentStarted {
        /// The agent.
        agent: AgentId,
        /// The number of agents started so far.
        done: usize,
        /// The number of agents to start.
        of: usize,
    },
    /// An agent has stopped or paused as requested.
    AgentEnded {
        /// The agent.
        agent: AgentId,
        /// Its phase.
        phase: Phase,
        /// The number of agents that have ended so far.
        done: usize,
        /// The number of agents that are to end.
        of: usize,
    },
    /// The work of an agent was saved.
    WorkSaved {
        /// The agent.
        agent: AgentId,
        /// The number of agents examined so far.
        done: usize,
        /// The number of agents to examine.
        of: usize,
    },
    /// All data of an agent was stored, so that the agent can be removed.
    AgentStored {
        /// The agent.
        agent: AgentId,
        /// The number of agents stored so far.
        done: usize,
        /// The number of agents to store.
        of: usize,
    },
    /// The teardown of a worktree begins.
    WorktreeTornDown {
        /// The agent.
        agent: AgentId,
        /// The number of worktrees torn down so far.
        done: usize,
        /// The number of worktrees to tear down.
        of: usize,
    },
    /// An agent was removed.
    AgentRemoved {
        /// The agent.
        agent: AgentId,
        /// The number of agents removed so far.
        done: usize,
        /// The number of agents to remove.
        of: usize,
    },
    /// A removed agent was restored.
    AgentRestored {
        /// The agent.
        agent: AgentId,
        /// The number of agents restored so far.
        done: usize,
        /// The number of agents to restore.
        of: usize,
    },
    /// A heavy command has to wait for a slot of the machine.
    SlotAwaited {
        /// How many slots there are for it.
        slots: u32,
        /// Descriptions of the commands that use them, for people.
        used_by: Vec<String>,
    },
    /// A heavy command that had to wait got its slot.
    SlotTaken {
        /// How long it waited.
        waited_seconds: u64,
    },
    /// The files of a session were read.
    SessionsRead {
        /// The number of sessions read so far.
        done: usize,
        /// The number of sessions to read.
        of: usize,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_keeps_its_value_through_json() {
        let event = Event::LandingStepEnded {
            rank: 1,
            of: 2,
            branch: "b".to_owned(),
            outcome: Some(Landing::Merged),
            why: None,
        };
        let written = serde_json::to_value(&event).unwrap();
        assert_eq!(
            written,
            json!({"event": "landing_step_ended", "rank": 1, "of": 2, "branch": "b", "outcome": "merged", "why": null})
        );
        assert_eq!(serde_json::from_value::<Event>(written).unwrap(), event);
    }
}
