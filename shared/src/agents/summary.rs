//! The summary of an attempt's output so far. Pure.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{
    FailureKind, Question, StreamEvent, Turn,
    limit::{ReportedLimit, Reset},
};
use crate::model::{Cost, SessionId, Tokens, cap::Amounts, event::Usage, last_words, text};

/// Maximum width of an activity, in columns.
const MAX_ACTIVITY_WIDTH: usize = 120;
/// Number of recent tool calls that are kept, to describe one that is denied.
const MAX_RECENT_CALLS: usize = 32;
/// Maximum number of denied tool calls that are kept, so that none is counted twice.
const MAX_DENIED_CALLS: usize = 1000;

/// Why the model did not answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ApiError {
    /// The program's word for it.
    pub kind: String,
    /// The error message.
    pub text: String,
}

/// What the turn in progress used so far.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct LiveUsage {
    /// Its tokens.
    pub tokens: Tokens,
    /// Its cost, if the program reports that before the turn has ended.
    pub cost: Option<Cost>,
}

/// The summary. The serialized fields are for `status`; the others are for the supervisor.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct StreamSummary {
    /// Whether the program has started its session.
    pub begun: bool,
    /// What it used.
    pub usage: Usage,
    /// Its permission mode, in its own word.
    pub mode: Option<String>,
    /// What it is doing, on one line.
    pub activity: Option<String>,
    /// What the agent itself said last; see [`last_words`].
    pub last_words: Option<String>,
    /// The first tool call that was denied, on one line.
    pub first_denied: Option<String>,
    /// The usage limit that it came near or reached. A limit that was reached is dropped when the model answers again.
    pub limit: Option<ReportedLimit>,
    /// What the turn in progress used so far, which `usage` does not contain yet.
    pub live: LiveUsage,
    /// What the agent used in all its sessions, as its supervisor computes it.
    pub total: Amounts,
    /// Whether the program reports what a turn costs.
    #[serde(skip)]
    pub reports_cost: bool,
    /// The number of tool calls that have no result yet.
    #[serde(skip)]
    pub open_calls: u32,
    /// Whether the answer that the model gave last may still continue with a tool call.
    #[serde(skip)]
    pub may_call: bool,
    /// Whether the model has answered.
    #[serde(skip)]
    pub answered: bool,
    /// Whether the agent has called a tool.
    #[serde(skip)]
    pub called_tool: bool,
    /// Its open questions, in the order in which they were asked.
    #[serde(skip)]
    pub questions: VecDeque<Question>,
    /// The result of its last turn; `None` while a turn is in progress.
    #[serde(skip)]
    pub last_turn: Option<Turn>,
    /// The last API error since the model last answered.
    #[serde(skip)]
    pub api_error: Option<ApiError>,
    /// What the session had used before the process began to count.
    #[serde(skip)]
    before: Usage,
    #[serde(skip)]
    recent: VecDeque<(String, String)>,
    #[serde(skip)]
    denied: Vec<String>,
    #[serde(skip)]
    folder: String,
}

/// Returns a path relative to the agent's working directory; any other text is returned unchanged.
pub fn relative_to<'a>(folder: &str, about: &'a str) -> &'a str {
    let below = about.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    below.filter(|_| !folder.is_empty()).unwrap_or(about)
}

impl StreamSummary {
    /// Begins the summary of a process that counts from its start, in a session that has used something before.
    pub fn after(before: &Usage) -> Self {
        let before = Usage { turns: 0, denials: 0, model: None, ..before.clone() };
        Self { usage: Usage { session: None, ..before.clone() }, before, ..Self::default() }
    }

    /// Adds one event.
    pub fn observe(&mut self, event: &StreamEvent) {
        self.may_call = match event {
            StreamEvent::Text(_) | StreamEvent::Thinking(_) | StreamEvent::Used { .. } => true,
            StreamEvent::SessionStarted { .. }
            | StreamEvent::ToolUse { .. }
            | StreamEvent::ToolResult { .. }
            | StreamEvent::TurnEnded(_) => false,
            _ => self.may_call,
        };
        match event {
            StreamEvent::SessionStarted { session, model, mode, folder } => {
                self.begin(session, model, mode);
                self.folder.clone_from(folder);
            }
            StreamEvent::Text(words) => {
                self.record_answer();
                self.set_last_words(words);
                self.set_activity(words);
            }
            StreamEvent::Thinking(_) => {
                self.record_answer();
                self.set_activity("thinking");
            }
            StreamEvent::ToolUse { id, name, about } => {
                self.record_answer();
                self.called_tool = true;
                self.open_calls += 1;
                let what = format!("{name} {}", relative_to(&self.folder, about));
                self.set_activity(&what);
                self.recent.push_back((id.clone(), text::one_line(&what, MAX_ACTIVITY_WIDTH)));
                if self.recent.len() > MAX_RECENT_CALLS {
                    self.recent.pop_front();
                }
            }
            StreamEvent::ToolDenied { id, tool, .. } => self.record_denial(id, tool),
            StreamEvent::QuestionAsked(question) => self.questions.push_back(question.clone()),
            StreamEvent::QuestionCancelled(id) => self.questions.retain(|question| question.id != *id),
            StreamEvent::Retry { attempt, most, why } => {
                self.set_activity(&format!("the model does not answer ({why}): retry {attempt} of {most}"));
            }
            StreamEvent::ApiError(kind, sentence) => {
                let text = text::one_line(sentence, MAX_ACTIVITY_WIDTH);
                self.api_error = Some(ApiError { kind: kind.clone(), text });
                self.set_activity(sentence);
            }
            StreamEvent::UsageLimit(reached) => self.record_limit(reached),
            StreamEvent::Used { tokens, cost } => {
                self.live.tokens = self.live.tokens.plus(*tokens);
                let more = cost.map(|cost| cost.saturating_add(self.live.cost.unwrap_or_default()));
                self.live.cost = more.or(self.live.cost);
            }
            StreamEvent::ToolResult { .. } => self.open_calls = self.open_calls.saturating_sub(1),
            StreamEvent::TurnEnded(turn) => self.end(turn),
            StreamEvent::Remark(note) => self.set_activity(note),
            StreamEvent::Subagent(event) => {
                self.called_tool = true;
                if let StreamEvent::ToolUse { name, about, .. } = event.as_ref() {
                    let about = relative_to(&self.folder, about);
                    self.set_activity(&format!("subagent: {name} {about}"));
                }
            }
            StreamEvent::MessageAccepted(_) | StreamEvent::Unparsed(_) => {}
        }
    }

    /// Records that the model answered, which ends an API error or a reached usage limit.
    fn record_answer(&mut self) {
        self.answered = true;
        self.api_error = None;
        self.limit.take_if(|limit| !limit.warning);
    }

    /// Records a usage limit. A limit with a time is not replaced by one without: an event says more than the text after it.
    fn record_limit(&mut self, reached: &ReportedLimit) {
        let known = self.limit.as_ref().filter(|known| !known.warning);
        if known
            .is_none_or(|known| !matches!(known.reset, Reset::At(_)) || matches!(reached.reset, Reset::At(_)))
        {
            self.limit = Some(reached.clone());
        }
        self.set_activity(&reached.sentence());
    }

    fn begin(&mut self, session: &str, model: &str, mode: &str) {
        let given =
            |text: &str| Some(text::one_line(text, MAX_ACTIVITY_WIDTH)).filter(|text| !text.is_empty());
        self.begun = true;
        self.last_turn = None;
        self.open_calls = 0;
        self.usage.session = given(session).map(SessionId::from);
        self.usage.model = given(model);
        self.mode = given(mode);
    }

    fn end(&mut self, turn: &Turn) {
        let highest = |known: Option<u64>, before: Option<u64>, said: Option<u64>| {
            known.max(said.map(|said| said.saturating_add(before.unwrap_or(0))))
        };
        let Usage { cost, input_tokens, output_tokens, .. } = &self.before;
        let known = self.usage.cost.map(Cost::micros);
        let cost = highest(known, cost.map(Cost::micros), turn.cost_micros);
        self.usage.cost = cost.map(Cost::from_micros);
        // A program that is interrupted may leave out the answer that it was reading.
        let is_cut = turn.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Interrupted);
        let cut = if is_cut { self.live.tokens } else { Tokens::default() };
        let at_least =
            |known: Option<u64>, more: u64| (more > 0).then(|| known.unwrap_or(0).saturating_add(more));
        let Usage { input_tokens: read, output_tokens: written, .. } = self.usage;
        self.usage.input_tokens =
            highest(read, *input_tokens, turn.input_tokens).max(at_least(read, cut.all_input()));
        self.usage.output_tokens =
            highest(written, *output_tokens, turn.output_tokens).max(at_least(written, cut.output));
        self.usage.turns += turn.turns;
        self.reports_cost |= turn.cost_micros.is_some();
        self.open_calls = 0;
        if turn.input_tokens.is_some() || turn.output_tokens.is_some() {
            self.live.tokens = Tokens::default();
        }
        if turn.cost_micros.is_some() {
            self.live.cost = None;
        }
        for (id, tool) in &turn.denied {
            self.record_denial(id, tool);
        }
        // The text of a failure is not the agent's.
        if turn.failure.is_none() {
            self.set_last_words(&turn.text);
        }
        self.set_activity(&turn.text);
        self.questions.clear();
        self.last_turn = Some(turn.clone());
    }

    fn record_denial(&mut self, id: &str, tool: &str) {
        if self.denied.iter().any(|known| known == id) || self.denied.len() >= MAX_DENIED_CALLS {
            return;
        }
        self.denied.push(id.to_owned());
        self.usage.denials += 1;
        let used = self.recent.iter().find(|(known, _)| known == id).map(|(_, what)| what.clone());
        let what = used.unwrap_or_else(|| text::one_line(tool, MAX_ACTIVITY_WIDTH));
        self.set_activity(&format!("denied: {what}"));
        self.first_denied.get_or_insert(what);
    }

    fn set_last_words(&mut self, said: &str) {
        self.last_words = last_words::of_prose(said).or_else(|| self.last_words.take());
    }

    fn set_activity(&mut self, what: &str) {
        let line = what.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let line = text::one_line(line, MAX_ACTIVITY_WIDTH);
        if !line.is_empty() {
            self.activity = Some(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::event::TurnFailure;

    #[test]
    fn an_answer_may_continue_with_a_tool_call_until_it_did_or_the_turn_ends() {
        let call = StreamEvent::ToolUse { id: "a".into(), name: "Bash".into(), about: "ls".into() };
        let result = StreamEvent::ToolResult { error: false, text: String::new() };
        let mut summary = StreamSummary::default();
        for (event, may_call) in [
            (StreamEvent::Text("I list them.".into()), true),
            (StreamEvent::Remark("a hook ran".into()), true),
            (call, false),
            (result, false),
            (StreamEvent::Thinking("hm".into()), true),
            (StreamEvent::Used { tokens: Tokens::default(), cost: None }, true),
            (StreamEvent::TurnEnded(Turn::default()), false),
        ] {
            summary.observe(&event);
            assert_eq!(summary.may_call, may_call, "{event:?}");
        }
    }

    #[test]
    fn what_a_turn_in_progress_used_is_replaced_by_its_totals() {
        let mut summary = StreamSummary::default();
        let tokens = Tokens { input: 10, output: 2, ..Tokens::default() };
        let call = StreamEvent::ToolUse { id: "a".into(), name: "Bash".into(), about: "ls".into() };
        let result = StreamEvent::ToolResult { error: false, text: String::new() };
        for event in [
            StreamEvent::Used { tokens, cost: None },
            call.clone(),
            StreamEvent::Subagent(Box::new(call)),
            StreamEvent::Used { tokens, cost: Some(Cost::from_micros(5)) },
        ] {
            summary.observe(&event);
        }
        assert_eq!((summary.live.tokens, summary.open_calls), (tokens.plus(tokens), 1));
        summary.observe(&result);
        summary.observe(&result);
        assert_eq!((summary.live.cost, summary.open_calls), (Some(Cost::from_micros(5)), 0));
        let turn = Turn { input_tokens: Some(20), output_tokens: Some(4), ..Turn::default() };
        summary.observe(&StreamEvent::TurnEnded(turn));
        let cost = Some(Cost::from_micros(5));
        assert_eq!(summary.live, LiveUsage { cost, ..LiveUsage::default() }, "the turn reports no cost");
        assert!(!summary.reports_cost);
    }

    #[test]
    fn an_interrupted_turn_counts_the_answer_that_it_cut() {
        let failure = Some(TurnFailure { word: String::new(), kind: FailureKind::Interrupted });
        for (said, before, expected) in
            [(0, None, 10), (12, None, 12), (0, Some(100), 110), (12, Some(100), 112)]
        {
            let mut summary = StreamSummary::after(&Usage { input_tokens: before, ..Usage::default() });
            let tokens = Tokens { input: 10, ..Tokens::default() };
            summary.observe(&StreamEvent::Used { tokens, cost: None });
            let turn = Turn { input_tokens: Some(said), failure: failure.clone(), ..Turn::default() };
            summary.observe(&StreamEvent::TurnEnded(turn));
            assert_eq!(summary.usage.input_tokens, Some(expected), "{said} {before:?}");
        }
    }

    #[test]
    fn figures_of_a_process_are_added_to_those_of_the_session() {
        let used = |input, output| Turn {
            input_tokens: Some(input),
            output_tokens: Some(output),
            ..Turn::default()
        };
        let before = Usage { input_tokens: Some(100), turns: 7, ..Usage::default() };
        for (mut summary, expected) in [
            (StreamSummary::after(&before), (Some(130), Some(4))),
            (StreamSummary::default(), (Some(30), Some(4))),
        ] {
            // Later turns of a process include the earlier ones.
            for turn in [used(10, 1), used(30, 4)] {
                summary.observe(&StreamEvent::TurnEnded(turn));
            }
            assert_eq!((summary.usage.input_tokens, summary.usage.output_tokens), expected);
            assert_eq!((summary.usage.turns, summary.usage.cost), (0, None));
        }
    }
}
