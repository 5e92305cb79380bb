//! The lines that aider prints: what the model said, then the tokens, the files that it edited, and the commit. A failed request is
//! known only at the end of the output, because the program may try again, and exits with 0 in any case.

mod figures;
#[cfg(test)]
mod tests;

use std::io::Read;

use crate::{
    agents::{
        Connection, Exchange, FailureKind, ProtocolKind, Question, QuestionKind, Reported, Session,
        StreamEvent, Turn, TurnFailure,
        limit::{ReportedLimit, Reset},
    },
    model::{Permission, limit::LimitKind, request::AskedRequest},
};

/// How a person gives it a login.
const LOGIN: &str = "set the API key of a service, such as OPENAI_API_KEY, and orchestra.agent.aider.model";
/// How often it repeats a request: it doubles its pause from an eighth of a second up to a minute.
const MAX_RETRIES: u64 = 8;
/// Maximum length of the text of the model that is held, in bytes.
const MAX_TEXT: usize = 256 << 10;
/// The line that it prints while it waits for somebody in a browser.
const WAITS_FOR_LOGIN: &str = "Waiting up to 5 minutes for you to finish in the browser";

/// The text that aider prints.
pub(super) struct Text;

impl ProtocolKind for Text {
    fn name(&self) -> &'static str {
        "aider_text"
    }

    fn is_structured(&self) -> bool {
        true
    }

    fn repeats_messages(&self) -> bool {
        false
    }

    fn counts_from_start(&self) -> bool {
        true
    }

    /// A line that begins with one of these characters would be a command.
    fn prompt(&self, text: String) -> String {
        if text.trim_start().starts_with(['/', '!']) { format!("\n{text}") } else { text }
    }

    fn reports(&self) -> Reported {
        Reported { tokens: true, cost: true }
    }

    fn open(&self) -> Box<dyn Exchange> {
        Box::new(Stream::default())
    }

    fn connect(&self, connection: &Connection<'_>) -> Box<dyn Exchange> {
        let session = match connection.session {
            Session::New(session) | Session::Known(session) => session.to_owned(),
            Session::None | Session::Unnamed => String::new(),
        };
        let mode = connection.permission.map_or("", Permission::as_str).to_owned();
        Box::new(Stream { session, mode, ..Stream::default() })
    }
}

/// A request that failed.
#[derive(Debug)]
struct ApiError {
    /// The program's word, such as `AuthenticationError`.
    word: String,
    text: String,
}

/// The state of parsing the output of one process.
#[derive(Debug, Default)]
struct Stream {
    session: String,
    mode: String,
    /// Whether the model was named.
    begun: bool,
    /// Whether the program describes itself: what follows the next empty line is the model's.
    in_heading: bool,
    /// The lines that are not known: what the model said, until its tokens are counted.
    text: String,
    /// The request that failed last, unless it was repeated.
    error: Option<ApiError>,
    /// Whether the lines of that error still go on.
    in_error: bool,
    /// Why the program gave up.
    gave_up: Option<(FailureKind, &'static str)>,
    retries: u64,
    turn: Turn,
}

impl Exchange for Stream {
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent> {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        if self.begun { self.line(line) } else { self.beginning(line) }
    }

    fn read_long(&mut self, _line: &mut dyn Read, length: u64) -> Vec<StreamEvent> {
        vec![StreamEvent::Remark(format!("a line of {length} bytes"))]
    }

    fn finish(&mut self) -> Vec<StreamEvent> {
        let mut events = self.remark();
        if let Some(error) = self.error.take() {
            let is_spent =
                ["insufficient_quota", "exceeded your current quota"].map(|words| error.text.contains(words));
            if is_spent.contains(&true) {
                events.push(StreamEvent::UsageLimit(ReportedLimit::of(LimitKind::Credits, Reset::Unknown)));
            }
            let failure = TurnFailure { kind: kind(&error.word), word: error.word };
            events.push(self.failed(failure, error.text));
        } else if let Some((kind, why)) = self.gave_up.take() {
            events.push(self.failed(TurnFailure { word: "gave_up".to_owned(), kind }, why.to_owned()));
        }
        events
    }

    fn message(&mut self, text: &str) -> Vec<u8> {
        format!("{text}\n").into_bytes()
    }
}

impl Stream {
    /// Returns the events on a line before the model is named.
    fn beginning(&mut self, line: &str) -> Vec<StreamEvent> {
        if line.starts_with(WAITS_FOR_LOGIN) {
            let request = AskedRequest::new(&format!("no model and no API key: {LOGIN}"), None);
            let question = Question { id: "login".to_owned(), kind: QuestionKind::Choice, request };
            return vec![StreamEvent::QuestionAsked(question)];
        }
        let named = ["Model: ", "Main model: "].iter().find_map(|begin| line.strip_prefix(begin));
        let Some(named) = named else {
            let note = line.trim();
            return if note.is_empty() { Vec::new() } else { vec![StreamEvent::Remark(note.to_owned())] };
        };
        (self.begun, self.in_heading) = (true, true);
        vec![StreamEvent::SessionStarted {
            session: self.session.clone(),
            model: named.split(" with ").next().unwrap_or(named).to_owned(),
            mode: self.mode.clone(),
            folder: String::new(),
        }]
    }

    fn line(&mut self, line: &str) -> Vec<StreamEvent> {
        if self.in_heading {
            self.in_heading = !line.is_empty();
            return if self.in_heading { vec![StreamEvent::Remark(line.to_owned())] } else { Vec::new() };
        }
        if self.in_error {
            if line.is_empty() {
                self.in_error = false;
                return self.api_error();
            }
            if !line.starts_with("Retrying in ")
                && let Some(error) = &mut self.error
            {
                // The program breaks long lines.
                error.text.push(' ');
                error.text.push_str(line);
                return Vec::new();
            }
        }
        if let Some((word, text)) = figures::api_error(line) {
            let before = self.remark();
            self.error = Some(ApiError { word: word.to_owned(), text: text.to_owned() });
            self.in_error = true;
            return before;
        }
        if line.starts_with("Retrying in ") {
            return self.retry();
        }
        if let Some(used) = figures::tokens(line) {
            return self.count(&used);
        }
        if let Some(file) = line.strip_prefix("Applied edit to ") {
            // Before it, the program names the file about which it would have asked.
            let before = if self.text.trim() == file { self.drop_text() } else { self.remark() };
            let edit =
                StreamEvent::ToolUse { id: String::new(), name: "edit".to_owned(), about: file.to_owned() };
            return before.into_iter().chain([edit]).collect();
        }
        if figures::is_commit(line) {
            return self.remark().into_iter().chain([StreamEvent::Remark(line.to_owned())]).collect();
        }
        if let Some((kind, why)) = figures::gave_up(line) {
            self.gave_up = Some((kind, why));
        }
        if self.text.len() < MAX_TEXT {
            self.text.push_str(line);
            self.text.push('\n');
        }
        Vec::new()
    }

    fn api_error(&mut self) -> Vec<StreamEvent> {
        let error = self.error.as_ref();
        error.map(|error| StreamEvent::ApiError(error.word.clone(), error.text.clone())).into_iter().collect()
    }

    fn retry(&mut self) -> Vec<StreamEvent> {
        self.in_error = false;
        self.retries += 1;
        let why = self.error.take().map_or_else(String::new, |error| error.word);
        vec![StreamEvent::Retry { attempt: self.retries, most: MAX_RETRIES, why }]
    }

    /// Ends an answer of the model, with what it used. Tokens are those of the answer; the cost is that of the process.
    fn count(&mut self, used: &figures::Used) -> Vec<StreamEvent> {
        let said = std::mem::take(&mut self.text).trim().to_owned();
        (self.error, self.gave_up, self.retries) = (None, None, 0);
        let add = |known: Option<u64>, more: Option<u64>| match (known, more) {
            (Some(known), Some(more)) => Some(known.saturating_add(more)),
            (known, more) => known.or(more),
        };
        let turn = &mut self.turn;
        turn.input_tokens = add(turn.input_tokens, used.sent);
        turn.output_tokens = add(turn.output_tokens, used.received);
        turn.cost_micros = used.cost_micros.or(turn.cost_micros);
        let ended = Turn {
            text: figures::without_blocks(&said),
            turns: u64::from(used.sent.is_some()),
            ..turn.clone()
        };
        let said = Some(said).filter(|said| !said.is_empty()).map(StreamEvent::Text);
        said.into_iter().chain([StreamEvent::TurnEnded(ended)]).collect()
    }

    fn failed(&self, failure: TurnFailure, text: String) -> StreamEvent {
        StreamEvent::TurnEnded(Turn { failure: Some(failure), text, turns: 0, ..self.turn.clone() })
    }

    /// Returns the lines that nothing else claimed as a remark of the program.
    fn remark(&mut self) -> Vec<StreamEvent> {
        let text = std::mem::take(&mut self.text).trim().to_owned();
        Some(text).filter(|text| !text.is_empty()).map(StreamEvent::Remark).into_iter().collect()
    }

    fn drop_text(&mut self) -> Vec<StreamEvent> {
        self.text.clear();
        Vec::new()
    }
}

/// Returns what an error of the service means.
fn kind(word: &str) -> FailureKind {
    match word {
        "AuthenticationError" | "PermissionDeniedError" => FailureKind::NotLoggedIn { login: LOGIN },
        "ContextWindowExceededError" => FailureKind::ContextFull { is_transient: false },
        "BadRequestError"
        | "ContentPolicyViolationError"
        | "InvalidRequestError"
        | "NotFoundError"
        | "UnprocessableEntityError"
        | "UnsupportedParamsError" => FailureKind::Permanent,
        "BudgetExceededError" => FailureKind::OutOfBudget,
        _ => FailureKind::Transient,
    }
}
