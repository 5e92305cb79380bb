//! What a coding agent says, whichever program it is: the words that supervisor, `status` and `logs` share.

use super::limit::Reached;

/// One thing said.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A turn begins.
    Begun {
        /// The conversation.
        session: String,
        /// The model.
        model: String,
        /// What the agent may do.
        mode: String,
        /// Where it works.
        folder: String,
    },
    /// The agent took up a message from us.
    Heard(String),
    /// Words of the agent.
    Text(String),
    /// Its thoughts.
    Thinking(String),
    /// It uses a tool.
    Tool {
        /// The use.
        id: String,
        /// Such as `Bash`.
        name: String,
        /// On what, in a line.
        about: String,
    },
    /// What a tool gave.
    Result {
        /// The tool failed.
        error: bool,
        /// What it gave.
        text: String,
    },
    /// A tool was refused without a question.
    Denied {
        /// The use.
        id: String,
        /// Such as `Bash`.
        tool: String,
        /// Why.
        why: String,
    },
    /// It asks, and waits.
    Asks(Question),
    /// It does not wait for that answer any more.
    Withdrawn(String),
    /// The model did not answer; it tries again by itself.
    Retry {
        /// Which try.
        attempt: u64,
        /// Of how many.
        most: u64,
        /// Why.
        why: String,
    },
    /// The model did not answer, and it gave up: a word for it, and a sentence.
    Trouble(String, String),
    /// The service behind it gives no more for a while, or soon will.
    Limit(Reached),
    /// A turn ended. Not yet the end: that is the end of the output.
    Turn(Turn),
    /// Something for people.
    Note(String),
    /// A line that is not in the program's own speech.
    Plain(String),
    /// Said by a subagent.
    Inner(Box<Self>),
}

/// What kind of question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ask {
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
    /// What kind.
    pub ask: Ask,
    /// In a line: the tool and on what, or the question and the choices.
    pub text: String,
}

/// How a turn ended. Cost and tokens are of the whole conversation so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Turn {
    /// As it should.
    pub ok: bool,
    /// The program's word for how, where it is not ok.
    pub how: String,
    /// The answer of the model's service, where that was the reason.
    pub status: Option<u16>,
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
    /// What was denied: the uses, and the tools.
    pub denied: Vec<(String, String)>,
}
