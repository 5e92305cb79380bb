//! The facts that the events of a run state.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    RunPhase, TaskEnd,
    drive::{Driving, RunOptions},
    gate::{Decided, GateClosed, GateOpened},
};
use crate::model::{
    AgentId, IdOrText,
    facts::{EventFact, facts},
};

/// The maximum number of agents in one run.
pub const MAX_AGENTS: usize = 1000;
/// The names of the blobs with a long plan and a long note.
const PLAN: &str = "plan";
const NOTE: &str = "note";

facts! {
    /// A fact about a run. Its name in JSON is `t`.
    #[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
    #[serde(tag = "t")]
    pub enum Fact {
        /// A person or an agent started the run.
        Created(Created) = "created",
        /// A person or an agent wrote a note about the run.
        Note {
            /// The text of the note; absent if it is the blob `note` in the tree of the commit.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            text: Option<String>,
        } = "note",
        /// A task of the run's plan ended.
        Task(TaskEnd) = "task",
        /// The run ended.
        Finished {
            /// The phase at the end: any but `running`.
            phase: RunPhase,
            /// The reason, for people.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<String>,
        } = "finished",
        /// The clone that drives the run needs a person's answer.
        GateOpened(GateOpened) = "gate_opened",
        /// A person answered at a gate, in any clone.
        Decided(Decided) = "decided",
        /// The clone that drives the run closed a gate, and heeded an answer if it names one.
        GateClosed(GateClosed) = "gate_closed",
        /// A clone took the run over, and drives it from now on.
        Driving(Driving) = "driving",
    }
}

/// What [`Fact::Created`] states. The time and the writer are those of the event.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Created {
    /// The purpose of the run, in a few words.
    pub title: String,
    /// Its agents, in the order of their tasks.
    pub agents: Vec<IdOrText<AgentId>>,
    /// The label of the clone that created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The text of the file that the tasks were read from, if any. It is also absent if it is the blob `plan` in the tree of the
    /// commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// How its plan is carried out; absent if it has none, or if an earlier version began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<RunOptions>,
}

impl EventFact for Fact {
    const VERSION: u32 = 1;
    const NAMES: &'static [&'static str] = &Self::NAMES;
    const LONG_TEXTS: &'static [&'static str] = &[PLAN, NOTE];

    fn is_sound(&self) -> bool {
        match self {
            Self::Created(created) => {
                created.agents.len() <= MAX_AGENTS
                    && created.options.as_ref().is_none_or(RunOptions::is_sound)
            }
            Self::Note { .. } => true,
            Self::Task(end) => end.is_sound(),
            Self::Finished { phase, .. } => phase.is_end(),
            Self::GateOpened(opened) => opened.is_sound(),
            Self::Decided(decided) => decided.is_sound(),
            Self::GateClosed(closed) => closed.is_sound(),
            Self::Driving(driving) => driving.is_sound(),
        }
    }

    fn begins(&self) -> bool {
        matches!(self, Self::Created(_))
    }

    fn words(&self) -> Vec<&str> {
        match self {
            Self::Created(created) => {
                std::iter::once(created.title.as_str()).chain(created.plan.as_deref()).collect()
            }
            Self::Note { text } => text.as_deref().into_iter().collect(),
            Self::GateOpened(opened) => opened.says.as_deref().into_iter().collect(),
            Self::Decided(decided) => decided.note.as_deref().into_iter().collect(),
            Self::Finished { reason, .. } => reason.as_deref().into_iter().collect(),
            Self::Task(_) | Self::GateClosed(_) | Self::Driving(_) => Vec::new(),
        }
    }

    fn long_text(&mut self) -> Option<(&'static str, &mut Option<String>)> {
        match self {
            Self::Created(created) => Some((PLAN, &mut created.plan)),
            Self::Note { text } => Some((NOTE, text)),
            Self::Task(_)
            | Self::Finished { .. }
            | Self::GateOpened(_)
            | Self::Decided(_)
            | Self::GateClosed(_)
            | Self::Driving(_) => None,
        }
    }
}
