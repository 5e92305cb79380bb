//! What happens in the output of an agent program, whichever it is: the words that supervisor, `status` and `logs` share.

use super::limit::Reached;

/// One event in a program's output.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// A session was started or resumed; a turn begins.
    SessionStarted {
        /// Its id.
        session: String,
        /// The model.
        model: String,
        /// What the agent may do, in the program's own word.
        mode: String,
        /// Where it works.
        folder: String,
    },
    /// The agent took up a message from us.
    MessageAccepted(String),
    /// Words of the agent.
    Text(String),
    /// Its thoughts.
    Thinking(String),
    /// It uses a tool.
    ToolUse {
        /// The id of this use.
        id: String,
        /// The tool, such as `Bash`.
        name: String,
        /// What it is used on, in a line.
        about: String,
    },
    /// What a tool gave.
    ToolResult {
        /// The tool failed.
        error: bool,
        /// What it gave.
        text: String,
    },
    /// A tool was refused without a question.
    ToolDenied {
        /// The id of this use.
        id: String,
        /// The tool, such as `Bash`.
        tool: String,
        /// Why.
        why: String,
    },
    /// It asks, and waits for the answer.
    QuestionAsked(Question),
    /// It does not wait any more for the answer to the question of this id.
    QuestionCancelled(String),
    /// The model did not answer; the program tries again by itself.
    Retry {
        /// Which try.
        attempt: u64,
        /// Of how many.
        most: u64,
        /// Why.
        why: String,
    },
    /// The model did not answer, and the program gave up: the program's word for it, and a sentence.
    ApiError(String, String),
    /// The service behind it gives no more for a while, or soon will.
    UsageLimit(Reached),
    /// A turn ended. Not yet the end: that is the end of the output.
    TurnEnded(Turn),
    /// Something for people.
    Note(String),
    /// A line that is not in the program's protocol.
    Plain(String),
    /// An event of a subagent.
    Subagent(Box<Self>),
}

/// What kind of question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QuestionKind {
    /// May it use a tool?
    Permission,
    /// What does the user want?
    Choice,
}

/// A question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The answer repeats it.
    pub id: String,
    /// What is asked for.
    pub kind: QuestionKind,
    /// In a line: the tool and on what, or the question and the choices.
    pub text: String,
}

/// How a turn ended. Cost and tokens are of the whole session so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Turn {
    /// Why it failed; `None` if it did not.
    pub failure: Option<TurnFailure>,
    /// The last words, or the errors.
    pub text: String,
    /// Rounds with the model.
    pub turns: u64,
    /// Millionths of a US dollar.
    pub cost_micros: Option<u64>,
    /// Tokens read.
    pub input_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
    /// What was denied: the ids of the uses, and the tools.
    pub denied: Vec<(String, String)>,
}

/// Why a turn failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TurnFailure {
    /// The program's own word for it.
    pub word: String,
    /// What it means.
    pub kind: FailureKind,
}

/// What the failure of a turn means, whichever program says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailureKind {
    /// It used up the turns that it may take.
    OutOfTurns,
    /// It spent its budget.
    OutOfBudget,
    /// Somebody interrupted it.
    Interrupted,
    /// The session is too long for the model: no usage limit, whatever the text says of limits.
    ContextFull {
        /// The service answered with a status that may be another one in a while.
        is_transient: bool,
    },
    /// The program is not logged in; `login` says how a person does it.
    NotLoggedIn {
        /// Such as `run 'x' once to log in`.
        login: &'static str,
    },
    /// The same session, resumed in a while, may well succeed.
    Transient,
    /// It would fail again.
    Permanent,
}

impl Turn {
    /// Whether it ended as it should.
    pub const fn is_ok(&self) -> bool {
        self.failure.is_none()
    }
}
