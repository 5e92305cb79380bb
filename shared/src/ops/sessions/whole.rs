//! A conversation as programs read it: what is known of it, and everything that was said. It may be longer than memory, so it can
//! be written piece by piece as well.

use std::cell::RefCell;

use schemars::JsonSchema;
use serde::{
    Deserialize, Serialize, Serializer,
    ser::{Error as _, SerializeSeq},
};

use super::{Session, read::Open};
use crate::{
    Error,
    conversation::{ItemKind, TranscriptItem},
};

/// A conversation, whole.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Conversation<Said = Vec<Entry>> {
    /// What is known of it.
    #[serde(flatten)]
    pub session: Session,
    /// What was said and done in it, in its order.
    pub said: Said,
}

/// One thing that was said or done in a conversation.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "ConversationEntry")]
pub struct Entry {
    /// It is of a sub-agent whose words are in the same file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subagent: bool,
    /// When, as the program recorded it.
    pub at: Option<String>,
    /// Who said it, or what it is.
    pub role: Role,
    /// The name of the tool that the agent used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The tool failed, or was denied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub error: bool,
    /// The words; of a tool, what it was used on.
    pub text: String,
}

/// Who said something in a conversation, or what it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The user asked, or typed a command.
    User,
    /// The agent answered.
    Assistant,
    /// The agent thought.
    Thinking,
    /// The agent used a tool.
    Tool,
    /// A tool gave this.
    Result,
    /// The program itself remarked it.
    Note,
}

impl From<TranscriptItem> for Entry {
    fn from(piece: TranscriptItem) -> Self {
        let (role, tool, error, text) = match piece.what {
            ItemKind::Prompt(text) => (Role::User, None, false, text),
            ItemKind::Answer(text) => (Role::Assistant, None, false, text),
            ItemKind::Thought(text) => (Role::Thinking, None, false, text),
            ItemKind::Tool { name, input } => (Role::Tool, Some(name), false, input),
            ItemKind::Result { error, text } => (Role::Result, None, error, text),
            ItemKind::Note(text) => (Role::Note, None, false, text),
        };
        Self { subagent: piece.by_subagent, at: piece.at, role, tool, error, text }
    }
}

/// What is said in an open conversation, read while it is written. It can be written once.
pub struct Streamed<'a> {
    open: RefCell<&'a mut Open>,
    failed: RefCell<Option<Error>>,
}

impl<'a> Conversation<Streamed<'a>> {
    /// An open conversation, to be written.
    pub fn streamed(open: &'a mut Open) -> Self {
        let session = open.session.clone();
        Self { session, said: Streamed { open: RefCell::new(open), failed: RefCell::default() } }
    }

    /// Why its transcript could not be read to the end, where writing it failed for that reason.
    pub fn failure(self) -> Option<Error> {
        self.said.failed.into_inner()
    }
}

impl Serialize for Streamed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = serializer.serialize_seq(None)?;
        let mut written = Ok(());
        let read = self.open.borrow_mut().pieces(|piece| {
            written = entries.serialize_element(&Entry::from(piece));
            written.is_ok()
        });
        written?;
        match read {
            Ok(_) => entries.end(),
            Err(error) => {
                let said = S::Error::custom(error.one_line());
                self.failed.replace(Some(error));
                Err(said)
            }
        }
    }
}
