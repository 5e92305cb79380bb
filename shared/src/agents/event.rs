//! The events in the output of an agent program, in the same form for every program.

use super::limit::ReportedLimit;
use crate::model::{Cost, Tokens, request::AskedRequest};

/// One event in a program's output.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// A session was started or resumed; a turn begins.
    SessionStarted {
        /// The id of the session.
        session: String,
        /// The model.
        model: String,
        /// The permission mode, in the program's own word.
        mode: String,
        /// The working directory.
        folder: String,
    },
    /// The agent accepted a message from git orchestra.
    MessageAccepted(String),
    /// Text of the agent.
    Text(String),
    /// Reasoning of the agent.
    Thinking(String),
    /// The agent calls a tool.
    ToolUse {
        /// The id of the call.
        id: String,
        /// The tool, such as `Bash`.
        name: String,
        /// A summary of its input, on one line.
        about: String,
    },
    /// The result of a tool call.
    ToolResult {
        /// Whether the tool failed.
        error: bool,
        /// The output of the tool.
        text: String,
    },
    /// A tool was denied without a question.
    ToolDenied {
        /// The id of the call.
        id: String,
        /// The tool, such as `Bash`.
        tool: String,
        /// The reason.
        why: String,
    },
    /// The agent asks a question, and waits for the answer.
    QuestionAsked(Question),
    /// The agent no longer waits for an answer to the question with this id.
    QuestionCancelled(String),
    /// The model did not answer, and the program retries.
    Retry {
        /// The number of the retry.
        attempt: u64,
        /// The maximum number of retries.
        most: u64,
        /// The reason.
        why: String,
    },
    /// The model did not answer, and the program does not retry: the program's word for the error, and a sentence.
    ApiError(String, String),
    /// A usage limit of the service was reached or is near.
    UsageLimit(ReportedLimit),
    /// A request to the model was answered, in whole or in part: what that used, while the turn is in progress.
    Used {
        /// The tokens.
        tokens: Tokens,
        /// The cost, if the program reports it.
        cost: Option<Cost>,
    },
    /// A turn ended. The program may begin another turn until its output ends.
    TurnEnded(Turn),
    /// A remark for people.
    Remark(String),
    /// A line that does not follow the program's protocol.
    Unparsed(String),
    /// An event of a subagent.
    Subagent(Box<Self>),
}

/// The kind of a question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QuestionKind {
    /// Whether it may use a tool.
    Permission,
    /// A choice between options.
    Choice,
}

/// A question of the agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The program's own id, which the answer repeats.
    pub id: String,
    /// Its kind.
    pub kind: QuestionKind,
    /// The tool with its whole input, or the question with its options.
    pub request: AskedRequest,
}

/// The result of a turn. Cost and tokens are totals of the session so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Turn {
    /// Why it failed; `None` if it did not.
    pub failure: Option<TurnFailure>,
    /// The final text, or an error message.
    pub text: String,
    /// The number of requests to the model.
    pub turns: u64,
    /// The cost in millionths of a US dollar.
    pub cost_micros: Option<u64>,
    /// Input tokens.
    pub input_tokens: Option<u64>,
    /// Output tokens.
    pub output_tokens: Option<u64>,
    /// The tool calls that were denied: the id of each call, and its tool.
    pub denied: Vec<(String, String)>,
}

/// Why a turn failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TurnFailure {
    /// The program's own word for it.
    pub word: String,
    /// Its meaning.
    pub kind: FailureKind,
}

/// The meaning of a turn's failure, for all programs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailureKind {
    /// It reached its maximum number of turns.
    OutOfTurns,
    /// It reached its budget.
    OutOfBudget,
    /// Somebody interrupted it.
    Interrupted,
    /// The session is too long for the model. This is not a usage limit, even if the text mentions a limit.
    ContextFull {
        /// Whether the status of the service's answer may change after a while.
        is_transient: bool,
    },
    /// The program is not logged in.
    NotLoggedIn {
        /// How a person logs in, such as `run 'x' once to log in`.
        login: &'static str,
    },
    /// The session may succeed if it is resumed later.
    Transient,
    /// The session would fail again.
    Permanent,
}

impl Turn {
    /// Returns whether it succeeded.
    pub const fn is_ok(&self) -> bool {
        self.failure.is_none()
    }
}
