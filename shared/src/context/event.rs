//! The progress of operations, for whoever shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{AgentId, Phase, event::Landing};

/// One event in the progress of an operation. Of several items, `done` counts those that are done, this one included.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[schemars(rename = "ProgressEvent")]
pub enum Event {
    /// A step of a landing begins to merge a branch, to check it, or to have it repaired.
    LandingStepStarted {
        /// The number of the step; 1 is the first.
        rank: usize,
        /// How many branches land.
        of: usize,
        /// The branch.
        branch: String,
        /// What begins, in a few words: `merging`, or the name of a check.
        doing: String,
    },
    /// A step of a landing has ended. The target moves only after the last one.
    LandingStepEnded {
        /// The number of the step.
        rank: usize,
        /// How many branches land.
        of: usize,
        /// The branch.
        branch: String,
        /// What became of the branch; none if that is not decided.
        outcome: Option<Landing>,
        /// Why, in words.
        why: Option<String>,
    },
    /// A fetch from a remote begins.
    FetchStarted {
        /// The name or the URL of the remote.
        remote: String,
    },
    /// What the remote does not have is searched for secrets before it is sent.
    ScanStarted {
        /// The name or the URL of the remote.
        remote: String,
    },
    /// A push to a remote begins.
    PushStarted {
        /// The name or the URL of the remote.
        remote: String,
        /// How many refs are sent.
        refs: usize,
    },
    /// Git reports progress of a transfer.
    GitProgress {
        /// The last line that git wrote.
        line: String,
    },
    /// The supervisor of an agent has started.
    AgentStarted {
        /// The agent.
        agent: AgentId,
        /// How many agents have been started.
        done: usize,
        /// How many are to be started.
        of: usize,
    },
    /// An agent that was to stop or to pause has done so.
    AgentEnded {
        /// The agent.
        agent: AgentId,
        /// Its phase.
        phase: Phase,
        /// How many agents have ended.
        done: usize,
        /// How many are to end.
        of: usize,
    },
    /// The work of an agent was saved.
    WorkSaved {
        /// The agent.
        agent: AgentId,
        /// How many agents have been looked at.
        done: usize,
        /// How many are to be looked at.
        of: usize,
    },
    /// Everything of an agent was stored, so that it can be removed.
    AgentStored {
        /// The agent.
        agent: AgentId,
        /// How many agents have been stored.
        done: usize,
        /// How many are to be stored.
        of: usize,
    },
    /// An agent was removed.
    AgentRemoved {
        /// The agent.
        agent: AgentId,
        /// How many agents have been removed.
        done: usize,
        /// How many are to be removed.
        of: usize,
    },
    /// A removed agent was restored.
    AgentRestored {
        /// The agent.
        agent: AgentId,
        /// How many agents have been restored.
        done: usize,
        /// How many are to be restored.
        of: usize,
    },
    /// Files of sessions were read.
    SessionsRead {
        /// How many sessions have been read.
        done: usize,
        /// How many are to be read.
        of: usize,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_reads_back_as_it_was_written() {
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
