//! opencode, started as `opencode run --format json`. All of it was seen in version 1.18.33.
//!
//! It cannot ask: a question ends it, with exit code 0. Its permissions therefore deny what would be asked. Its messages are read when it
//! starts. It retries an overloaded service silently and without end: only the idle watch ends that.

mod examination;
mod launch;
mod permission;
mod sessions;
mod stream;

use super::{
    AgentProgram, HomeFolder, Launch, Launcher, Options, Protocol, TaskHandling,
    designer_options::LaunchDesigner, examination::Examination, installed,
};
use crate::{Result, config::Config, conversation::SessionReader};

const NAME: &str = "opencode";

/// Its sessions are in a database, of which no part can be shared alone.
const HOME: &[HomeFolder] = &[
    HomeFolder {
        variable: Some("XDG_DATA_HOME"),
        below_variable: NAME,
        written: &["/"],
        ..HomeFolder::below(".local/share/opencode")
    },
    HomeFolder {
        variable: Some("XDG_STATE_HOME"),
        below_variable: NAME,
        written: &["/"],
        ..HomeFolder::below(".local/state/opencode")
    },
    // It writes a .gitignore and installs what plugins need beside its settings.
    HomeFolder {
        variable: Some("XDG_CONFIG_HOME"),
        below_variable: NAME,
        read: &[
            "AGENTS.md",
            "agent",
            "agents",
            "command",
            "commands",
            "config.json",
            "opencode.json",
            "opencode.jsonc",
            "plugin",
            "plugins",
            "skill",
            "skills",
            "themes",
            "tui.json",
        ],
        ..HomeFolder::below(".config/opencode")
    },
];

/// opencode as an agent program.
pub(super) struct Opencode;

impl AgentProgram for Opencode {
    fn name(&self) -> &'static str {
        NAME
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        Some(self)
    }

    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        Some(&sessions::Sessions)
    }

    fn home_folders(&self) -> &'static [HomeFolder] {
        HOME
    }

    fn examination(&self) -> Option<&'static Examination> {
        Some(&examination::EXAMINATION)
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["models.dev", "opencode.ai"]
    }
}

impl Launcher for Opencode {
    fn is_installed(&self, config: &Config<'_>) -> bool {
        installed::path(config, NAME).is_some()
    }

    fn reads(&self, _config: &Config<'_>) -> Result<TaskHandling> {
        Ok(TaskHandling::Prose)
    }

    fn designer(&self) -> Option<LaunchDesigner> {
        Some(launch::designer)
    }

    fn protocol(&self) -> Protocol {
        Protocol::of(&stream::RunJson)
    }

    fn supported(&self) -> &'static [&'static str] {
        launch::SUPPORTED
    }

    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        launch::launch(config, options)
    }

    fn manual_resume_command(&self, session: &str) -> Option<String> {
        Some(format!("opencode --session {session}"))
    }
}
