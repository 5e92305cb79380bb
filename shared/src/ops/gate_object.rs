//! A gate of a run, as reports show it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    model::{
        AgentId, IdOrText, WriterId,
        run::{DrivingClone, Fold, Gate},
        text,
        via::Via,
        words::words,
    },
    world::Timestamp,
};

words! {
    /// What became of an answer to a gate.
    pub enum AnswerStanding {
        /// The clone that drives the run has not closed the gate yet.
        Waits = "waits",
        /// It counted.
        Heeded = "heeded",
        /// It did not count: another answer did, or what the gate was about has changed.
        Unheeded = "unheeded",
        /// This clone drives the run, and does not trust the clone that answered.
        NotTrusted = "not-trusted",
    }
}

/// The clone that drives a run.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RunClone {
    /// The clone.
    pub writer: WriterId,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether it is this clone.
    pub here: bool,
    /// How often the run changed its driver, and one more: 1 is the clone that began it.
    pub epoch: u64,
    /// Since when it drives the run.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
}

impl RunClone {
    /// Describes a clone to the clone `own`.
    pub(super) fn of(clone: &DrivingClone, own: Option<&WriterId>) -> Self {
        Self {
            writer: clone.writer.clone(),
            label: clone.label.clone(),
            here: own == Some(&clone.writer),
            epoch: clone.epoch,
            since: clone.since,
        }
    }
}

/// A gate that waits for a person's answer.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct OpenGate {
    /// Its number in the run.
    pub gate: u64,
    /// Why it was opened: `plan`, `failed`, `conflict`, `check-failed`, or another word of a newer program.
    pub kind: String,
    /// Its task; absent if it is about the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The agent of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<IdOrText<AgentId>>,
    /// What can be answered.
    pub options: Vec<String>,
    /// What happened, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// The worktree of this clone in which a person resolves the conflict, at the gate `edit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<PathBuf>,
    /// When it was opened.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub opened_at: Timestamp,
    /// When the default is taken if nobody has answered; absent if the gate waits without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub deadline: Option<Timestamp>,
    /// The option that is taken then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The answers so far, none of which was heeded yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<GivenAnswer>,
}

/// An answer to a gate.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct GivenAnswer {
    /// The option.
    pub option: String,
    /// The clone that answered.
    pub writer: WriterId,
    /// Through which window the person answered, where that was no terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// What the person added to the answer, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it counted, as far as this clone knows.
    pub standing: AnswerStanding,
}

/// The most answers to one gate that are shown, the first.
const MAX_SHOWN: usize = 20;

impl OpenGate {
    /// Describes a gate. `is_trusted` says whose answers count, as far as this clone knows.
    pub(super) fn of(gate: &Gate, is_trusted: &dyn Fn(&WriterId) -> bool) -> Self {
        let answer = |answer: &crate::model::run::gate::GateAnswer| GivenAnswer {
            option: answer.option.clone(),
            writer: answer.writer.clone(),
            via: answer.via,
            note: answer.note.as_deref().map(text::short),
            standing: if is_trusted(&answer.writer) {
                AnswerStanding::Waits
            } else {
                AnswerStanding::NotTrusted
            },
        };
        let opened = &gate.opened;
        Self {
            gate: opened.gate,
            kind: opened.kind.clone(),
            task: opened.task.clone(),
            agent: opened.agent.clone(),
            options: opened.options.clone(),
            says: opened.says.as_deref().map(text::short),
            worktree: None,
            opened_at: gate.at,
            deadline: opened.deadline,
            default: opened.default.clone(),
            answers: gate.answers.iter().take(MAX_SHOWN).map(answer).collect(),
        }
    }

    /// Describes the open gates of a run; one that has ended has none.
    pub(super) fn all(fold: &Fold, is_trusted: &dyn Fn(&WriterId) -> bool) -> Vec<Self> {
        if fold.run.phase.is_end() {
            return Vec::new();
        }
        fold.open_gates().map(|gate| Self::of(gate, is_trusted)).collect()
    }
}
