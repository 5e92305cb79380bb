//! What can happen to a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RunPhase;
use crate::model::{
    AgentId, IdOrText,
    facts::{EventFact, facts},
};

/// Agents of one run.
pub const MAX_AGENTS: usize = 1000;

facts! {
    /// A fact about a run. `t` is its name in JSON.
    #[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
    #[serde(tag = "t")]
    pub enum Fact {
        /// Someone started agents together.
        Created(Created) = "created",
        /// Someone wrote a remark about the run.
        Note {
            /// The remark; absent where it is the blob `note` in the tree of the commit.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            text: Option<String>,
        } = "note",
        /// The run ended.
        Finished {
            /// How it ended: any phase but `running`.
            phase: RunPhase,
            /// Why, for people.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<String>,
        } = "finished",
    }
}

/// The beginning of a run; see [`Fact::Created`]. When, and by which writer, is in the event.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Created {
    /// What the run is for, in a few words.
    pub title: String,
    /// Its agents, in the order of their tasks.
    pub agents: Vec<IdOrText<AgentId>>,
    /// What people call the clone that created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The tasks as they were written, if they came from a file; absent as well where they are the blob `plan` in the tree of the
    /// commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

impl EventFact for Fact {
    const VERSION: u32 = 1;
    const NAMES: &'static [&'static str] = &Self::NAMES;

    fn is_sound(&self) -> bool {
        match self {
            Self::Created(created) => created.agents.len() <= MAX_AGENTS,
            Self::Note { .. } => true,
            Self::Finished { phase, .. } => phase.is_end(),
        }
    }

    fn begins(&self) -> bool {
        matches!(self, Self::Created(_))
    }

    fn long_text(&mut self) -> Option<(&'static str, &mut Option<String>)> {
        match self {
            Self::Created(created) => Some(("plan", &mut created.plan)),
            Self::Note { text } => Some(("note", text)),
            Self::Finished { .. } => None,
        }
    }
}
