//! A session as it is reported.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    conversation::{ConversationFacts, Subagent},
    ops::{agent_object, sessions::catalogue::SessionRow},
};

/// One session in `--json`. A value that the program did not record is `null`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Session {
    /// The id that its program gave it.
    pub id: String,
    /// The name of its program.
    pub program: String,
    /// The title that a person gave it; otherwise the program's title, the last prompt that it recorded, its summary, or the
    /// first prompt.
    pub title: Option<String>,
    /// The beginning of the first prompt.
    pub first_prompt: Option<String>,
    /// The beginning of the last prompt.
    pub last_prompt: Option<String>,
    /// The folder that it was in last.
    pub cwd: Option<String>,
    /// The checkout of that folder's repository.
    pub repository: Option<String>,
    /// The branch that it was on last.
    pub branch: Option<String>,
    /// The number of prompts and answers, without the results of tools.
    pub messages: Option<u64>,
    /// The earliest time in it, as an RFC 3339 timestamp.
    #[schemars(extend("format" = "date-time"))]
    pub started_at: Option<String>,
    /// The latest time in it, otherwise when its file was written last, as an RFC 3339 timestamp.
    #[schemars(extend("format" = "date-time"))]
    pub last_active_at: String,
    /// The model that answered last.
    pub model: Option<String>,
    /// The number of input tokens, including cached ones.
    pub input_tokens: Option<u64>,
    /// The number of output tokens.
    pub output_tokens: Option<u64>,
    /// Its cost in US dollars, as its program reported.
    pub cost_usd: Option<f64>,
    /// Whether a process uses it now.
    pub live: bool,
    /// The id of that process.
    pub pid: Option<i32>,
    /// The size of the transcript, in bytes.
    pub size: u64,
    /// The path of the transcript; `null` if only the kept copy is left.
    pub path: Option<PathBuf>,
    /// The id of the agent that it belongs to.
    pub agent: Option<String>,
    /// The session of the agent that started its agent. It may be of another program, and need not be in this list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Whether a copy is kept in this repository.
    pub kept: bool,
    /// The subagents that it started.
    pub subagents: Vec<SubagentInfo>,
    /// The session that started it, if it is a subagent whose session no longer exists.
    pub subagent_of: Option<String>,
    /// Other files with sessions of the same id.
    pub other_files: Vec<PathBuf>,
}

/// A subagent: a session that another session started.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct SubagentInfo {
    /// The id that its program gave it.
    pub id: String,
    /// The kind of subagent, as its program names it.
    pub kind: Option<String>,
    /// What it was started for.
    pub description: Option<String>,
    /// The size of its transcript, in bytes.
    pub size: u64,
    /// The path of its transcript; `null` if only the kept copy is left.
    pub path: Option<PathBuf>,
    /// The number of prompts and answers in it.
    pub messages: Option<u64>,
    /// The number of its input tokens, including cached ones, which is part of that of its session.
    pub input_tokens: Option<u64>,
    /// The number of its output tokens, which is part of that of its session.
    pub output_tokens: Option<u64>,
    /// Its cost in US dollars, which is part of that of its session.
    pub cost_usd: Option<f64>,
}

/// Returns a title on one line, with single spaces.
pub(super) fn on_one_line(title: &str) -> String {
    title.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl From<Subagent> for SubagentInfo {
    fn from(inner: Subagent) -> Self {
        let Subagent { id, kind, about, path, size, .. } = inner;
        let path = Some(path).filter(|path| !path.as_os_str().is_empty());
        let unknown = (None, None, None, None);
        let (messages, input_tokens, output_tokens, cost_usd) = unknown;
        Self { id, kind, description: about, size, path, messages, input_tokens, output_tokens, cost_usd }
    }
}

impl SubagentInfo {
    /// Makes a subagent that was read completely.
    pub(super) fn read(inner: Subagent, facts: &ConversationFacts) -> Self {
        let (input_tokens, output_tokens) = facts.tokens();
        let cost_usd = facts.spent().map(agent_object::dollars);
        Self { messages: Some(facts.messages), input_tokens, output_tokens, cost_usd, ..Self::from(inner) }
    }
}

impl Session {
    /// Makes a session from the lines of its transcript. The caller fills in the rest.
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
            parent: None,
            kept: false,
            subagents: Vec::new(),
            subagent_of: None,
            other_files: Vec::new(),
        }
    }

    /// Returns the folder that it was in last.
    pub fn folder(&self) -> Option<&Path> {
        self.cwd.as_deref().map(Path::new)
    }
}
