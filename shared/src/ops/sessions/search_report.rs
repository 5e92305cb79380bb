//! The results of a search, for programs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::search::{Hit, SessionHits};
use crate::conversation::ReadFailure;

/// The results of a search.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "SearchReport")]
pub struct Report {
    /// The number of sessions that were searched.
    pub searched: usize,
    /// The sessions with matches, newest first.
    pub sessions: Vec<FoundSession>,
    /// Files that could not be read.
    pub unreadable: Vec<ReadFailure>,
}

/// A session with matches.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct FoundSession {
    /// The id of the session.
    pub id: String,
    /// The name of its program.
    pub program: String,
    /// The title of the session.
    pub title: Option<String>,
    /// The folder that it was in last.
    pub cwd: Option<String>,
    /// The first matches, at most a hundred.
    pub hits: Vec<FoundLine>,
    /// The number of further matches.
    pub more: u64,
}

/// A match.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct FoundLine {
    /// When the message was written, as the program recorded it.
    pub at: Option<String>,
    /// Who wrote the message.
    pub role: Author,
    /// The subagent, if the match is in a subagent's own file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<String>,
    /// The line with the match.
    pub line: String,
}

/// The author of a message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The user.
    User,
    /// The agent.
    Assistant,
}

impl Author {
    /// Returns the word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl From<SessionHits> for FoundSession {
    fn from(hits: SessionHits) -> Self {
        let SessionHits { session, hits, more } = hits;
        let (id, program, title, cwd) = (session.id, session.program, session.title, session.cwd);
        Self { id, program, title, cwd, hits: hits.into_iter().map(FoundLine::from).collect(), more }
    }
}

impl From<Hit> for FoundLine {
    fn from(hit: Hit) -> Self {
        let line = hit.lines(0).1.join("\n");
        Self { line, role: hit.author(), subagent: hit.subagent, at: hit.at }
    }
}

impl Hit {
    /// Returns who wrote the message.
    pub const fn author(&self) -> Author {
        if self.by_user { Author::User } else { Author::Assistant }
    }

    /// Returns the line of the match with `context` lines before and after it, and the index of the line among them.
    pub fn lines(&self, context: usize) -> (usize, Vec<&str>) {
        let before = self.text.get(..self.place.start).unwrap_or_default();
        let at = before.matches('\n').count();
        let from = at.saturating_sub(context);
        (at - from, self.text.split('\n').skip(from).take(at - from + 1 + context).collect())
    }
}
