//! A conversation as it is reported.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{
    conversation::{Facts, Inner},
    ops::agent_object,
};

/// The object of one conversation. What the program did not record is `None`.
#[derive(Clone, Debug, Serialize)]
pub struct Session {
    /// The program's own id.
    pub id: String,
    /// The name of its program.
    pub program: String,
    /// The title that was given to it, else its last prompt, else its first.
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
    pub started_at: Option<String>,
    /// When it was last written, RFC 3339.
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
}

/// A conversation that another one started.
#[derive(Clone, Debug, Serialize)]
pub struct SubAgent {
    /// The program's own id.
    pub id: String,
    /// Which kind.
    pub kind: Option<String>,
    /// What it was for.
    pub description: Option<String>,
    /// Bytes of its transcript.
    pub size: u64,
    /// Its transcript.
    pub path: PathBuf,
}

impl From<Inner> for SubAgent {
    fn from(inner: Inner) -> Self {
        let Inner { id, kind, about, path, size } = inner;
        Self { id, kind, description: about, size, path }
    }
}

impl Session {
    /// Of what the lines say; the rest is for the caller to fill in. `counted`: every line was read.
    pub(super) fn of(id: &str, program: &str, facts: &Facts, counted: bool) -> Self {
        let (input_tokens, output_tokens) = facts.tokens();
        let titles = [&facts.title, &facts.last_prompt, &facts.first_prompt];
        let summed = facts.input_tokens.is_some();
        Self {
            id: id.to_owned(),
            program: program.to_owned(),
            title: titles.into_iter().find_map(Clone::clone),
            first_prompt: facts.first_prompt.clone(),
            last_prompt: facts.last_prompt.clone(),
            cwd: facts.cwd.clone(),
            repository: None,
            branch: facts.branch.clone(),
            messages: counted.then_some(facts.messages),
            started_at: facts.started_at.clone(),
            last_active_at: String::new(),
            model: facts.model.clone(),
            input_tokens: input_tokens.filter(|_| counted || summed),
            output_tokens: output_tokens.filter(|_| counted || summed),
            cost_usd: facts
                .spent()
                .filter(|_| counted || facts.cost_micros.is_some())
                .map(agent_object::dollars),
            live: false,
            pid: None,
            size: 0,
            path: None,
            agent: None,
            kept: false,
            subagents: Vec::new(),
        }
    }

    /// The folder in which it was last.
    pub fn folder(&self) -> Option<&Path> {
        self.cwd.as_deref().map(Path::new)
    }
}
