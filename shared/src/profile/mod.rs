//! The coding agents: how each is started. Commands come only from this program or from the user's own git config.

mod command;
mod sh;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, config::Config, model::text};

/// How the agent's standard input behaves.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// There is nothing to read.
    Empty,
    /// The task, then the end.
    Prompt,
    /// The task, then nothing until the supervisor ends: an agent that reads on sees the end when its supervisor dies.
    Held,
}

/// How one agent is started.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Launch {
    /// Program and arguments; `{prompt_file}` stands for the file with the task.
    pub argv: Vec<String>,
    /// Its standard input.
    pub stdin: Stdin,
}

impl Launch {
    /// The arguments for a task that lies at `prompt`.
    pub fn argv_for(&self, prompt: &Path) -> Vec<String> {
        let path = prompt.to_string_lossy();
        self.argv.iter().map(|arg| arg.replace(PROMPT_FILE, &path)).collect()
    }
}

/// In a command: the file with the task.
const PROMPT_FILE: &str = "{prompt_file}";

/// How the agent `name` is started.
///
/// # Errors
/// There is no such agent, or its program is not on this machine; the error names those that are.
pub fn find(name: &str, config: &Config<'_>) -> Result<Launch> {
    let shown = text::safe(name);
    if let Some(command) = config.agent_command(name) {
        return command::launch(name, &command, config.agent_stdin_held(name)?);
    }
    if name == sh::NAME {
        return Ok(sh::launch());
    }
    Err(Error::refused(format!("no agent program '{shown}'"))
        .hint(format!("ready here: {}", ready(config).join(", ")))
        .hint(format!(
            "git config orchestra.agent.{shown}.command '… {PROMPT_FILE} …' makes one of any program"
        )))
}

/// The agents that can be started on this machine.
pub fn ready(config: &Config<'_>) -> Vec<String> {
    let own = config.agents().into_iter().filter(|name| find(name, config).is_ok());
    std::iter::once(sh::NAME.to_owned()).chain(own.filter(|name| name != sh::NAME)).collect()
}
