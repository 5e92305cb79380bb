//! What an attempt has said so far, summed up. Pure.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{
    Question, Said, Turn,
    limit::{Reached, Reset},
};
use crate::model::{Cost, SessionId, event::Usage, text};

/// Columns kept of what an agent does.
const ACTIVITY: usize = 120;
/// Uses of tools remembered, to name the one that is denied.
const RECENT: usize = 32;
/// Denied uses remembered, so that none is counted twice.
const DENIED: usize = 1000;

/// A model that did not answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Trouble {
    /// The program's word for it.
    pub kind: String,
    /// A sentence.
    pub text: String,
}

/// The sum. What is written down is for `status`; the rest is for the supervisor.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Tally {
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
    /// What it asks, first first.
    #[serde(skip)]
    pub questions: VecDeque<Question>,
    /// How its last turn ended; none while one is under way.
    #[serde(skip)]
    pub last: Option<Turn>,
    /// Why the model did not answer, since it last did.
    #[serde(skip)]
    pub trouble: Option<Trouble>,
    #[serde(skip)]
    recent: VecDeque<(String, String)>,
    #[serde(skip)]
    denied: Vec<String>,
    #[serde(skip)]
    folder: String,
}

/// A path as seen from the folder in which an agent works.
pub fn within<'a>(folder: &str, about: &'a str) -> &'a str {
    let below = about.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    below.filter(|_| !folder.is_empty()).unwrap_or(about)
}

impl Tally {
    /// Adds one thing said.
    pub fn hear(&mut self, said: &Said) {
        match said {
            Said::Begun { session, model, mode, folder } => {
                self.begin(session, model, mode);
                self.folder.clone_from(folder);
            }
            Said::Text(words) => {
                self.hear_answer();
                self.does(words);
            }
            Said::Thinking(_) => {
                self.hear_answer();
                self.does("thinking");
            }
            Said::Tool { id, name, about } => {
                self.hear_answer();
                let what = format!("{name} {}", within(&self.folder, about));
                self.does(&what);
                self.recent.push_back((id.clone(), text::one_line(&what, ACTIVITY)));
                if self.recent.len() > RECENT {
                    self.recent.pop_front();
                }
            }
            Said::Denied { id, tool, .. } => self.deny(id, tool),
            Said::Asks(question) => self.questions.push_back(question.clone()),
            Said::Withdrawn(id) => self.questions.retain(|question| question.id != *id),
            Said::Retry { attempt, most, why } => {
                self.does(&format!("the model does not answer ({why}): try {attempt} of {most}"));
            }
            Said::Trouble(kind, sentence) => {
                self.trouble = Some(Trouble { kind: kind.clone(), text: text::one_line(sentence, ACTIVITY) });
                self.does(sentence);
            }
            Said::Limit(reached) => self.limited(reached),
            Said::Turn(turn) => self.end(turn),
            Said::Note(note) => self.does(note),
            Said::Inner(said) => {
                if let Said::Tool { name, about, .. } = said.as_ref() {
                    let about = within(&self.folder, about);
                    self.does(&format!("subagent: {name} {about}"));
                }
            }
            Said::Heard(_) | Said::Result { .. } | Said::Plain(_) => {}
        }
    }

    /// The model gave an answer: whatever kept it from that is over.
    fn hear_answer(&mut self) {
        self.answered = true;
        self.trouble = None;
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
        self.last = None;
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
        self.last = Some(turn.clone());
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
