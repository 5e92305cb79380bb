//! The gates of a run: where it waits for a person's answer.
//!
//! An answer is a proposal, which any clone may write. Only the clone that drives the run closes a gate, and names the answer that
//! counted: which clones are trusted differs from clone to clone, so the events alone cannot decide it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    AgentId, IdOrText, WriterId,
    cap::Cap,
    event::{Event, EventId},
    text::{self, short_or_none},
    via::Via,
};

pub use super::gate_options::{GateKind, GateOption};

/// The maximum number of gates of a run, and of answers to a gate, that are read.
pub const MAX_GATES: usize = 1000;
/// The maximum number of options of a gate.
const MAX_OPTIONS: usize = 20;
/// The maximum length of the word of a kind or of an option, in bytes.
const MAX_WORD: usize = 40;

/// What the fact `gate_opened` states. Kinds and options are any words, because newer programs have more of them.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct GateOpened {
    /// Its number, from 1; a run never uses one twice.
    pub gate: u64,
    /// Why it was opened, a word of [`GateKind`].
    pub kind: String,
    /// The id of its task in the plan; absent if it is about the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The agent of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<IdOrText<AgentId>>,
    /// The newest attempt of the agent. An answer counts only for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The head of the agent's work, as a commit id. An answer counts only for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// What can be answered, words of [`GateOption`].
    pub options: Vec<String>,
    /// What happened, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// The cap on the cost or the tokens of the run that is reached; `accept` raises it by its step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Cap>,
    /// When the usage limit ends; `wait` waits until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
    /// When the clone that opened it takes the default if nobody has answered; absent if it waits without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub deadline: Option<Timestamp>,
    /// The option that is taken then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// What the fact `decided` states: an answer, which counts if the clone that drives the run heeds it.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Decided {
    /// The number of the gate.
    pub gate: u64,
    /// One of its options.
    pub option: String,
    /// What the person adds; `retry` passes it on to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What the fact `gate_closed` states.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct GateClosed {
    /// The number of the gate.
    pub gate: u64,
    /// The option that counts; absent if what the gate was about has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// The id of the event whose answer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
}

impl GateOpened {
    pub(super) fn is_sound(&self) -> bool {
        let words = [&self.kind].into_iter().chain(&self.options).chain(&self.default);
        self.gate > 0 && self.options.len() <= MAX_OPTIONS && words.into_iter().all(|word| is_word(word))
    }
}

impl Decided {
    pub(super) fn is_sound(&self) -> bool {
        self.gate > 0 && is_word(&self.option)
    }
}

impl GateClosed {
    pub(super) fn is_sound(&self) -> bool {
        self.gate > 0 && self.option.as_deref().is_none_or(is_word)
    }
}

fn is_word(word: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_WORD).contains(&word.len()) && word.bytes().all(is_letter)
}

/// A gate, as the events of a run describe it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Gate {
    /// What its clone stated when it opened it. Its texts are safe to show.
    pub opened: GateOpened,
    /// The clone that opened it. It closes it, or a clone that has taken the run since.
    pub writer: WriterId,
    /// When it was opened.
    pub at: Timestamp,
    /// The answers, in the order of the events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<GateAnswer>,
    /// How it was closed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<GateClosed>,
}

/// An answer to a gate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct GateAnswer {
    /// The event.
    pub event: EventId,
    /// The clone that wrote it.
    pub writer: WriterId,
    /// When it was written.
    pub at: Timestamp,
    /// The option.
    pub option: String,
    /// What the person added, as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Through which window the person answered, where that was no terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

impl Gate {
    pub(super) fn new<F>(event: &Event<F>, opened: &GateOpened) -> Self {
        let opened = GateOpened {
            task: opened.task.as_deref().map(text::short),
            agent: opened.agent.as_ref().map(IdOrText::short),
            head: short_or_none(opened.head.as_deref()),
            says: short_or_none(opened.says.as_deref()),
            ..opened.clone()
        };
        Self { opened, writer: event.writer.clone(), at: event.at, answers: Vec::new(), closed: None }
    }

    /// Adds an answer; more than can be read are left out.
    pub(super) fn add<F>(&mut self, event: &Event<F>, decided: &Decided) {
        if self.answers.len() < MAX_GATES {
            self.answers.push(GateAnswer {
                event: event.id,
                writer: event.writer.clone(),
                at: event.at,
                option: decided.option.clone(),
                note: decided.note.clone(),
                via: event.via,
            });
        }
    }

    /// Returns why it was opened.
    pub fn kind(&self) -> GateKind {
        GateKind::parse(&self.opened.kind)
    }

    /// Returns the first answer of a clone that `is_trusted` and that names one of the options.
    pub fn first_answer(&self, is_trusted: &dyn Fn(&WriterId) -> bool) -> Option<&GateAnswer> {
        let counts = |answer: &&GateAnswer| self.opened.options.contains(&answer.option);
        self.answers.iter().filter(counts).find(|answer| is_trusted(&answer.writer))
    }

    /// Returns the option that is taken at this time because nobody answered. Only what ends something is: nothing is started, landed or
    /// changed because nobody answered.
    pub fn overdue(&self, now: Timestamp) -> Option<GateOption> {
        self.opened.deadline.filter(|deadline| *deadline <= now)?;
        let option = GateOption::parse(self.opened.default.as_deref()?)?;
        matches!(option, GateOption::Skip | GateOption::Stop).then_some(option)
    }

    /// Returns whether it was closed with this option.
    pub fn counted(&self, option: GateOption) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.option.as_deref() == Some(option.as_str()))
    }

    /// Returns the answer that counted.
    pub fn heeded(&self) -> Option<&GateAnswer> {
        let decision = self.closed.as_ref()?.decision.as_ref()?;
        self.answers.iter().find(|answer| answer.event.hex() == *decision)
    }
}
