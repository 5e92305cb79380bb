//! What a search found, as programs read it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::search::{Hit, Hits};
use crate::conversation::ReadFailure;

/// Everything that a search found.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "SearchReport")]
pub struct Report {
    /// How many conversations were searched.
    pub searched: usize,
    /// Those in which something was found, the newest first.
    pub sessions: Vec<Found>,
    /// What could not be read.
    pub unreadable: Vec<ReadFailure>,
}

/// One conversation in which something was found.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Found {
    /// The program's own id of the conversation.
    pub id: String,
    /// The name of its program.
    pub program: String,
    /// Its title.
    pub title: Option<String>,
    /// The folder in which it was last.
    pub cwd: Option<String>,
    /// The places where the words stand, in their order, at most a hundred.
    pub hits: Vec<Place>,
    /// How many more there are.
    pub more: u64,
}

/// One place where the words stand.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Place {
    /// When it was said, as the program recorded it.
    pub at: Option<String>,
    /// Who said it.
    pub role: Author,
    /// The sub-agent in whose own file it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<String>,
    /// The line.
    pub line: String,
}

/// Who wrote what a search looks at.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The user.
    User,
    /// The agent.
    Assistant,
}

impl Author {
    /// The word, as JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl From<Hits> for Found {
    fn from(hits: Hits) -> Self {
        let Hits { session, hits, more } = hits;
        let (id, program, title, cwd) = (session.id, session.program, session.title, session.cwd);
        Self { id, program, title, cwd, hits: hits.into_iter().map(Place::from).collect(), more }
    }
}

impl From<Hit> for Place {
    fn from(hit: Hit) -> Self {
        let line = hit.lines(0).1.join("\n");
        Self { line, role: hit.author(), subagent: hit.subagent, at: hit.at }
    }
}

impl Hit {
    /// Who said it.
    pub const fn author(&self) -> Author {
        if self.by_user { Author::User } else { Author::Assistant }
    }

    /// The line of the hit among `context` lines before and after it, and which of them it is.
    pub fn lines(&self, context: usize) -> (usize, Vec<&str>) {
        let before = self.text.get(..self.place.start).unwrap_or_default();
        let at = before.matches('\n').count();
        let from = at.saturating_sub(context);
        (at - from, self.text.split('\n').skip(from).take(at - from + 1 + context).collect())
    }
}
