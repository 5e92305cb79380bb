//! aider. It prints text for people; the lines that say what happened are parsed.
//!
//! It is started once for each message. Its sessions have no id: its conversation is a file, which is kept in the agent's private
//! folder and stored with the output. It commits its edits itself.

mod launch;
mod stream;

use super::{
    AgentProgram, HomeFolder, Launch, Launcher, Options, Protocol, TaskHandling, examination::Examination,
    installed,
};
use crate::{Result, config::Config, conversation::SessionReader, model::Permission};

const NAME: &str = "aider";

/// It has no login of its own, but uses the API keys of the services.
const EXAMINATION: Examination = Examination {
    tried: ("0.86.2", "0.86.2"),
    login: None,
    install: "uv tool install --python 3.12 aider-chat",
};

const HOME: &[HomeFolder] = &[HomeFolder::below(".aider")];

/// aider as an agent program.
pub(super) struct Aider;

impl AgentProgram for Aider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        Some(self)
    }

    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        None
    }

    fn home_folders(&self) -> &'static [HomeFolder] {
        HOME
    }

    fn account_variables(&self) -> &'static [&'static str] {
        &["ANTHROPIC_API_KEY", "OPENAI_API_BASE", "OPENAI_API_KEY", "OPENROUTER_API_KEY"]
    }

    fn examination(&self) -> Option<&'static Examination> {
        Some(&EXAMINATION)
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["api.anthropic.com", "api.openai.com"]
    }
}

impl Launcher for Aider {
    fn is_installed(&self, config: &Config<'_>) -> bool {
        installed::path(config, NAME).is_some()
    }

    fn reads(&self, _config: &Config<'_>) -> Result<TaskHandling> {
        Ok(TaskHandling::Prose)
    }

    fn protocol(&self) -> Protocol {
        Protocol::of(&stream::Text)
    }

    fn supported(&self) -> &'static [&'static str] {
        launch::SUPPORTED
    }

    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        launch::launch(config, options)
    }

    fn interactive_argv(&self, launch: &Launch, _session: Option<&str>) -> Option<Vec<String>> {
        launch::interactive_argv(launch)
    }

    /// A reviewer only answers.
    fn review_permission(&self, configured: Permission) -> Permission {
        match configured {
            Permission::Default | Permission::DontAsk => Permission::Plan,
            other => other,
        }
    }
}
