//! A conversation as it is reported.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    conversation::{ConversationFacts, Subagent},
    ops::{agent_object, sessions::catalogue::SessionRow},
};

/// The object of one conversation. What the program did not record is `None`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Session {
    /// The program's own id.
    pub id: String,
    /// The name of its program.
    pub program: String,
    /// The title that a person gave it, else that of the program, else its noted last prompt, its summary, what was typed first.
    pub title: Option<String>,
    /// The beginning of what was asked first.
    pub first_prompt: Option<String>,
    /// The beginning of what was asked last.
    pub last_prompt: Option<String>,
    /// The folder in which it was last.
    pub cwd: Option<String>,
    /// The checkout of that folder's repository.
    pub repository: Option<String>,
    /// The branch it was last on.
    pub branch: Option<String>,
    /// Prompts and answers; what tools gave is none.
    pub messages: Option<u64>,
    /// The first time in it, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub started_at: Option<String>,
    /// The last time in it, else when its file was last written, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub last_active_at: String,
    /// The model that answered last.
    pub model: Option<String>,
    /// Tokens read, caches included.
    pub input_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
    /// What it cost, as its program says.
    pub cost_usd: Option<f64>,
    /// Whether a program is in it now.
    pub live: bool,
    /// That program's process.
    pub pid: Option<i32>,
    /// Bytes of the transcript.
    pub size: u64,
    /// The transcript; none where only the kept one is left.
    pub path: Option<PathBuf>,
    /// The orchestra agent it belongs to.
    pub agent: Option<String>,
    /// Whether it is kept in this repository.
    pub kept: bool,
    /// What it started.
    pub subagents: Vec<SubAgent>,
    /// The conversation that started it, where that is gone.
    pub subagent_of: Option<String>,
    /// Other files with conversations of the same id.
    pub other_files: Vec<PathBuf>,
}

/// A conversation that another one started.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct SubAgent {
    /// The program's own id.
    pub id: String,
    /// Which kind.
    pub kind: Option<String>,
    /// What it was for.
    pub description: Option<String>,
    /// Bytes of its transcript.
    pub size: u64,
    /// Its transcript; none where only the kept one is left.
    pub path: Option<PathBuf>,
    /// Prompts and answers in it.
    pub messages: Option<u64>,
    /// Tokens it read, caches included; they are part of those of its conversation.
    pub input_tokens: Option<u64>,
    /// Tokens it wrote, likewise.
    pub output_tokens: Option<u64>,
    /// What it cost, likewise.
    pub cost_usd: Option<f64>,
}

/// A title as a list shows it.
pub(super) fn on_one_line(title: &str) -> String {
    title.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl From<Subagent> for SubAgent {
    fn from(inner: Subagent) -> Self {
        let Subagent { id, kind, about, path, size, .. } = inner;
        let path = Some(path).filter(|path| !path.as_os_str().is_empty());
        let unknown = (None, None, None, None);
        let (messages, input_tokens, output_tokens, cost_usd) = unknown;
        Self { id, kind, description: about, size, path, messages, input_tokens, output_tokens, cost_usd }
    }
}

impl SubAgent {
    /// Of one that was read whole.
    pub(super) fn read(inner: Subagent, facts: &ConversationFacts) -> Self {
        let (input_tokens, output_tokens) = facts.tokens();
        let cost_usd = facts.spent().map(agent_object::dollars);
        Self { messages: Some(facts.messages), input_tokens, output_tokens, cost_usd, ..Self::from(inner) }
    }
}

impl Session {
    /// Of what the lines say; the rest is for the caller to fill in.
    pub(super) fn of(row: &SessionRow) -> Self {
        let SessionRow { id, program, facts, is_whole, .. } = row;
        let (input_tokens, output_tokens) = row.tokens();
        let is_counted = |has_sum: bool| *is_whole || has_sum;
        let has_tokens = is_counted(facts.input_tokens.is_some());
        let has_cost = is_counted(facts.cost_micros.is_some());
        Self {
            id: id.clone(),
            program: program.clone(),
            title: facts.best_title().map(|title| on_one_line(title)),
            first_prompt: facts.first_typed().cloned(),
            last_prompt: facts.last_prompt.clone(),
            cwd: facts.cwd.clone(),
            repository: None,
            branch: facts.branch.clone(),
            messages: is_whole.then_some(facts.messages),
            started_at: facts.started_at.clone(),
            last_active_at: String::new(),
            model: facts.model.clone(),
            input_tokens: input_tokens.filter(|_| has_tokens),
            output_tokens: output_tokens.filter(|_| has_tokens),
            cost_usd: row.spent().filter(|_| has_cost).map(agent_object::dollars),
            live: false,
            pid: None,
            size: 0,
            path: None,
            agent: None,
            kept: false,
            subagents: Vec::new(),
            subagent_of: None,
            other_files: Vec::new(),
        }
    }

    /// The folder in which it was last.
    pub fn folder(&self) -> Option<&Path> {
        self.cwd.as_deref().map(Path::new)
    }
}
