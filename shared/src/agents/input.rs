//! Whether an agent reads its task as text or executes it as a script. `sh` executes its task, and a custom command may do so: text
//! from reviewers, agents, branches, and programs is never given to such an agent.

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

/// How a program treats its task and messages.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    /// It executes them, or may do so: only text that the user typed for it is passed on.
    #[default]
    Script,
    /// It reads them as text: text of any origin is passed on.
    Prose,
}

/// The text of a task or message, by its author.
///
/// In JSON it is the text alone, and deserializing it gives [`Words::Composed`]: a request cannot claim that a person typed it. Code
/// that takes requests from a person makes it [`Words::Typed`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(from = "String", into = "String")]
pub enum Words {
    /// The user typed it for this agent.
    Typed(String),
    /// Git orchestra composed it from the text of reviewers, branches, and programs.
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
    /// Returns the text.
    pub fn text(&self) -> &str {
        match self {
            Self::Typed(text) | Self::Composed(text) => text,
        }
    }
}

/// Returns how the profile `name` treats its task, whether or not it can be started here.
///
/// # Errors
/// `orchestra.agent.<name>.reads` is neither `prose` nor `script`.
fn reads(name: &str, config: &Config<'_>) -> Result<Reads> {
    let program = configured(name, config);
    let launcher = program.as_deref().and_then(AgentProgram::launcher);
    launcher.map_or(Ok(Reads::Script), |launcher| launcher.reads(config))
}

/// Fails if text that the user did not type must not be given to agents of the profile `name`. `what` names that text.
///
/// # Errors
/// The agent may execute its task as a script (3).
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
    Err(refused.hint(format!("if it reads its task as text: {command}")))
}
