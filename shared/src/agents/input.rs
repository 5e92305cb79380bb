//! Whether an agent takes what it is told for words or for a script. `sh` runs every word of its task, and so may any command of
//! the user's own: what reviewers, agents, branches and programs wrote is never handed to such an agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AgentProgram, configured::configured};
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{AGENT_COMMAND, AGENT_READS_PROSE},
    },
    model::{quote, text},
};

/// What a program makes of its task and of what it is told.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    /// It runs it, or may: only what the user typed for it is handed over.
    #[default]
    Script,
    /// It reads it as words: text of any origin is handed over.
    Prose,
}

/// What an agent is told, by who wrote it.
///
/// In JSON it is the text alone, and reading it gives [`Words::Composed`]: a request cannot say of itself that a person typed it.
/// Whoever takes requests from a person makes it [`Words::Typed`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(from = "String", into = "String")]
pub enum Words {
    /// The user typed it for this agent.
    Typed(String),
    /// We put it together from what reviewers, branches and programs wrote.
    Composed(String),
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self::Composed(text)
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        match words {
            Words::Typed(text) | Words::Composed(text) => text,
        }
    }
}

impl Words {
    /// The text itself.
    pub fn text(&self) -> &str {
        match self {
            Self::Typed(text) | Self::Composed(text) => text,
        }
    }
}

/// What the agent `name` makes of its task, whether or not it can be started here.
///
/// # Errors
/// `orchestra.agent.<name>.reads` is neither `prose` nor `script`.
fn reads(name: &str, config: &Config<'_>) -> Result<Reads> {
    let program = configured(name, config);
    let launcher = program.as_deref().and_then(AgentProgram::launcher);
    launcher.map_or(Ok(Reads::Script), |launcher| launcher.reads(config))
}

/// Refuses an agent to which text that the user did not type cannot be handed. `what` names that text.
///
/// # Errors
/// The agent takes what it is told for a script (3).
pub fn check_prose(name: &str, config: &Config<'_>, what: &str) -> Result<()> {
    if reads(name, config)? == Reads::Prose {
        return Ok(());
    }
    let shown = text::safe(name);
    let refused = Error::new(
        Code::TaskIsScript,
        format!("{what} cannot be given to agent '{shown}': it would run it as a script"),
    );
    if config.get(&AGENT_COMMAND.of(name))?.is_none() {
        return Err(refused);
    }
    let key = AGENT_READS_PROSE.of(name);
    let command = quote::command(&[&"git", &"config", &key.name(), &"prose"]);
    Err(refused.hint(format!("if it reads its task as words: {command}")))
}
