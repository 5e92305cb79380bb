//! A whole session in JSON: its description and all its entries. It may not fit into memory, so it can also be written while it is
//! read.

use std::cell::RefCell;

use schemars::JsonSchema;
use serde::{
    Deserialize, Serialize, Serializer,
    ser::{Error as _, SerializeSeq},
};

use super::{Session, read::OpenSession};
use crate::{
    Error,
    conversation::{ItemKind, TranscriptItem},
};

/// A session with all its entries.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct SessionTranscript<Said = Vec<TranscriptEntry>> {
    /// The description of the session.
    #[serde(flatten)]
    pub session: Session,
    /// Everything that was said and done in it, in order.
    pub said: Said,
}

/// One entry of a session.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "ConversationEntry")]
pub struct TranscriptEntry {
    /// Whether it belongs to a subagent that writes into the same file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subagent: bool,
    /// When it was written, as the program recorded it.
    pub at: Option<String>,
    /// Who wrote it, or what it is.
    pub role: Role,
    /// The name of the tool that the agent used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Whether the tool failed or was denied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub error: bool,
    /// The text; for a tool, what it was used on.
    pub text: String,
}

/// Who wrote an entry, or what it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A prompt or command of the user.
    User,
    /// An answer of the agent.
    Assistant,
    /// The agent's reasoning.
    Thinking,
    /// A use of a tool.
    Tool,
    /// The result of a tool.
    Result,
    /// A remark of the program itself.
    Note,
}

impl From<TranscriptItem> for TranscriptEntry {
    fn from(piece: TranscriptItem) -> Self {
        let (role, tool, error, text) = match piece.what {
            ItemKind::Prompt(text) => (Role::User, None, false, text),
            ItemKind::Answer(text) => (Role::Assistant, None, false, text),
            ItemKind::Thought(text) => (Role::Thinking, None, false, text),
            ItemKind::Tool { name, input } => (Role::Tool, Some(name), false, input),
            ItemKind::Result { error, text } => (Role::Result, None, error, text),
            ItemKind::Remark(text) => (Role::Note, None, false, text),
        };
        Self { subagent: piece.by_subagent, at: piece.at, role, tool, error, text }
    }
}

/// The entries of an open session, which are read while they are written. They can be written once.
pub struct Streamed<'a> {
    open: RefCell<&'a mut OpenSession>,
    failed: RefCell<Option<Error>>,
}

impl<'a> SessionTranscript<Streamed<'a>> {
    /// Prepares an open session to be written.
    pub fn streamed(open: &'a mut OpenSession) -> Self {
        let session = open.session.clone();
        Self { session, said: Streamed { open: RefCell::new(open), failed: RefCell::default() } }
    }

    /// Returns the error if writing failed because the transcript could not be read.
    pub fn failure(self) -> Option<Error> {
        self.said.failed.into_inner()
    }
}

impl Serialize for Streamed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = serializer.serialize_seq(None)?;
        let mut written = Ok(());
        let read = self.open.borrow_mut().each_item(|piece| {
            written = entries.serialize_element(&TranscriptEntry::from(piece));
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
