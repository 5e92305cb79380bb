//! Claude Code. All options and events were seen in version 2.1.329; older versions have some of them.

mod end;
mod examination;
mod input;
mod launch;
mod limit;
mod permission;
mod protocol;
mod sessions;
mod stream;
mod teams;

use super::{
    AgentProgram, HomeFolder, HookForm, Launch, Launcher, Options, Protocol, SessionFiles, TaskHandling,
    designer_options::LaunchDesigner, examination::Examination, installed,
};
use crate::{Result, config::Config, conversation::SessionReader};

pub(super) use self::teams::AgentTeams;

const NAME: &str = "claude";
/// Its protocol.
pub(super) const STREAM_JSON: Protocol = Protocol::of(&protocol::StreamJson);

const HOME: &[HomeFolder] = &[
    HomeFolder {
        variable: Some("CLAUDE_CONFIG_DIR"),
        read: &[
            "CLAUDE.md",
            "agents",
            "commands",
            "hooks",
            "output-styles",
            "plugins",
            "rules",
            "settings.json",
            "skills",
        ],
        copied: &[".claude.json"],
        written: &["projects/", ".credentials.json"],
        ..HomeFolder::below(".claude")
    },
    HomeFolder { copied: &[".claude.json"], ..HomeFolder::below("") },
];

/// Claude Code as an agent program.
pub(super) struct Claude;

impl AgentProgram for Claude {
    fn name(&self) -> &'static str {
        NAME
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        Some(self)
    }

    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        Some(&sessions::Sessions)
    }

    fn account_variables(&self) -> &'static [&'static str] {
        &[
            "CLAUDE_CONFIG_DIR",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
        ]
    }

    fn session_variables(&self) -> &'static [&'static str] {
        launch::SESSION_VARIABLES
    }

    fn home_folders(&self) -> &'static [HomeFolder] {
        HOME
    }

    fn examination(&self) -> Option<&'static Examination> {
        Some(&examination::EXAMINATION)
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["api.anthropic.com", "claude.ai", "console.anthropic.com", "platform.claude.com"]
    }
}

impl Launcher for Claude {
    fn is_installed(&self, config: &Config<'_>) -> bool {
        installed::path(config, NAME).is_some()
    }

    fn reads(&self, _config: &Config<'_>) -> Result<TaskHandling> {
        Ok(TaskHandling::Prose)
    }

    fn protocol(&self) -> Protocol {
        STREAM_JSON
    }

    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        launch::launch(config, options)
    }

    fn designer(&self) -> Option<LaunchDesigner> {
        Some(launch::designer)
    }

    fn hooks(&self) -> Option<&'static HookForm> {
        Some(&launch::HOOKS)
    }

    fn session_files(&self) -> Option<&'static dyn SessionFiles> {
        Some(&sessions::Sessions)
    }

    fn manual_resume_command(&self, session: &str) -> Option<String> {
        Some(format!("claude --resume {session}"))
    }
}
