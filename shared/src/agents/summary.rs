//! What happened in the stream of an attempt so far, summed up. Pure.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{
    Question, StreamEvent, Turn,
    limit::{Reached, Reset},
};
use crate::model::{Cost, SessionId, event::Usage, text};

/// Columns kept of what an agent does.
const ACTIVITY: usize = 120;
/// Uses of tools remembered, to name the one that is denied.
const RECENT: usize = 32;
/// Denied uses remembered, so that none is counted twice.
const DENIED: usize = 1000;

/// Why a model did not answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ApiError {
    /// The program's word for it.
    pub kind: String,
    /// A sentence.
    pub text: String,
}

/// The summary. What is written down is for `status`; the rest is for the supervisor.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct StreamSummary {
    /// The program has begun to work.
    pub begun: bool,
    /// What it used.
    pub usage: Usage,
    /// What it may do, by its own word.
    pub mode: Option<String>,
    /// What it does, in a line.
    pub activity: Option<String>,
    /// The first thing that it was denied, in a line.
    pub first_denied: Option<String>,
    /// The usage limit that it came near, or ran into; one that it ran into counts as long as nothing is answered.
    pub limit: Option<Reached>,
    /// The model has answered.
    #[serde(skip)]
    pub answered: bool,
    /// Its open questions, in the order in which they were asked.
    #[serde(skip)]
    pub questions: VecDeque<Question>,
    /// How its last turn ended; `None` while one is under way.
    #[serde(skip)]
    pub last_turn: Option<Turn>,
    /// Why the model did not answer, since it last did.
    #[serde(skip)]
    pub api_error: Option<ApiError>,
    #[serde(skip)]
    recent: VecDeque<(String, String)>,
    #[serde(skip)]
    denied: Vec<String>,
    #[serde(skip)]
    folder: String,
}

/// A path relative to the folder in which an agent works.
pub fn relative_to<'a>(folder: &str, about: &'a str) -> &'a str {
    let below = about.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    below.filter(|_| !folder.is_empty()).unwrap_or(about)
}

impl StreamSummary {
    /// Adds one event.
    pub fn observe(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::SessionStarted { session, model, mode, folder } => {
                self.begin(session, model, mode);
                self.folder.clone_from(folder);
            }
            StreamEvent::Text(words) => {
                self.hear_answer();
                self.does(words);
            }
            StreamEvent::Thinking(_) => {
                self.hear_answer();
                self.does("thinking");
            }
            StreamEvent::ToolUse { id, name, about } => {
                self.hear_answer();
                let what = format!("{name} {}", relative_to(&self.folder, about));
                self.does(&what);
                self.recent.push_back((id.clone(), text::one_line(&what, ACTIVITY)));
                if self.recent.len() > RECENT {
                    self.recent.pop_front();
                }
            }
            StreamEvent::ToolDenied { id, tool, .. } => self.deny(id, tool),
            StreamEvent::QuestionAsked(question) => self.questions.push_back(question.clone()),
            StreamEvent::QuestionCancelled(id) => self.questions.retain(|question| question.id != *id),
            StreamEvent::Retry { attempt, most, why } => {
                self.does(&format!("the model does not answer ({why}): try {attempt} of {most}"));
            }
            StreamEvent::ApiError(kind, sentence) => {
                let text = text::one_line(sentence, ACTIVITY);
                self.api_error = Some(ApiError { kind: kind.clone(), text });
                self.does(sentence);
            }
            StreamEvent::UsageLimit(reached) => self.limited(reached),
            StreamEvent::TurnEnded(turn) => self.end(turn),
            StreamEvent::Note(note) => self.does(note),
            StreamEvent::Subagent(event) => {
                if let StreamEvent::ToolUse { name, about, .. } = event.as_ref() {
                    let about = relative_to(&self.folder, about);
                    self.does(&format!("subagent: {name} {about}"));
                }
            }
            StreamEvent::MessageAccepted(_) | StreamEvent::ToolResult { .. } | StreamEvent::Plain(_) => {}
        }
    }

    /// The model gave an answer: whatever kept it from that is over.
    fn hear_answer(&mut self) {
        self.answered = true;
        self.api_error = None;
        self.limit.take_if(|limit| !limit.warning);
    }

    /// An event tells more than the text that follows it.
    fn limited(&mut self, reached: &Reached) {
        let known = self.limit.as_ref().filter(|known| !known.warning);
        if known
            .is_none_or(|known| !matches!(known.reset, Reset::At(_)) || matches!(reached.reset, Reset::At(_)))
        {
            self.limit = Some(reached.clone());
        }
        self.does(&reached.sentence());
    }

    fn begin(&mut self, session: &str, model: &str, mode: &str) {
        let given = |text: &str| Some(text::one_line(text, ACTIVITY)).filter(|text| !text.is_empty());
        self.begun = true;
        self.last_turn = None;
        self.usage.session = given(session).map(SessionId::from);
        self.usage.model = given(model);
        self.mode = given(mode);
    }

    fn end(&mut self, turn: &Turn) {
        let highest = |known: Option<u64>, said: Option<u64>| known.max(said);
        self.usage.cost = self.usage.cost.max(turn.cost_micros.map(Cost::from_micros));
        self.usage.input_tokens = highest(self.usage.input_tokens, turn.input_tokens);
        self.usage.output_tokens = highest(self.usage.output_tokens, turn.output_tokens);
        self.usage.turns += turn.turns;
        for (id, tool) in &turn.denied {
            self.deny(id, tool);
        }
        self.does(&turn.text);
        self.questions.clear();
        self.last_turn = Some(turn.clone());
    }

    fn deny(&mut self, id: &str, tool: &str) {
        if self.denied.iter().any(|known| known == id) || self.denied.len() >= DENIED {
            return;
        }
        self.denied.push(id.to_owned());
        self.usage.denials += 1;
        let used = self.recent.iter().find(|(known, _)| known == id).map(|(_, what)| what.clone());
        let what = used.unwrap_or_else(|| text::one_line(tool, ACTIVITY));
        self.does(&format!("denied: {what}"));
        self.first_denied.get_or_insert(what);
    }

    fn does(&mut self, what: &str) {
        let line = what.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let line = text::one_line(line, ACTIVITY);
        if !line.is_empty() {
            self.activity = Some(line);
        }
    }
}
