//! Codex. It is started as `codex app-server`, whose protocol asks for permissions, accepts messages while it works, and reports usage
//! limits; `codex exec --json` does none of that. All of it was seen in version 0.169.0.
//!
//! In its sandbox `workspace-write` it cannot commit, because the repository is outside its worktree: its work is captured.

mod approval;
mod end;
mod launch;
mod limit;
mod protocol;
mod sessions;
mod stream;

use super::{
    AgentProgram, HomeFolder, Launch, Launcher, Options, Protocol, SessionFiles, TaskHandling,
    designer_options::LaunchDesigner,
    examination::{Examination, LoginQuery},
    installed,
    limit::ReportedLimit,
};
use crate::{Result, config::Config, conversation::SessionReader};

const NAME: &str = "codex";

const EXAMINATION: Examination = Examination {
    tried: ("0.169.0", "0.169.0"),
    login: Some(LoginQuery {
        arguments: &["login", "status"],
        variables: &[],
        parse: |succeeded, said| match (succeeded, said.contains("Not logged in")) {
            (false, true) => Some(false),
            (true, false) => Some(true),
            _ => None,
        },
        log_in: "codex login",
    }),
    install: "npm install -g @openai/codex",
};

const HOME: &[HomeFolder] = &[HomeFolder {
    variable: Some("CODEX_HOME"),
    read: &["AGENTS.md", "AGENTS.override.md", "config.toml", "prompts", "rules", "skills"],
    copied: &["installation_id", "models_cache.json", "version.json"],
    written: &["archived_sessions/", "sessions/", "auth.json"],
    ..HomeFolder::below(".codex")
}];

/// Codex as an agent program.
pub(super) struct Codex;

impl AgentProgram for Codex {
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

    fn account_variables(&self) -> &'static [&'static str] {
        &["CODEX_HOME", "CODEX_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"]
    }

    fn session_variables(&self) -> &'static [&'static str] {
        launch::SESSION_VARIABLES
    }

    fn examination(&self) -> Option<&'static Examination> {
        Some(&EXAMINATION)
    }

    fn usage_limit_in(&self, line: &str) -> Option<ReportedLimit> {
        limit::in_line(line)
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["api.openai.com", "auth.openai.com", "chatgpt.com"]
    }
}

impl Launcher for Codex {
    fn is_installed(&self, config: &Config<'_>) -> bool {
        installed::path(config, NAME).is_some()
    }

    fn reads(&self, _config: &Config<'_>) -> Result<TaskHandling> {
        Ok(TaskHandling::Prose)
    }

    fn protocol(&self) -> Protocol {
        Protocol::of(&protocol::AppServer)
    }

    fn supported(&self) -> &'static [&'static str] {
        launch::SUPPORTED
    }

    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        launch::launch(config, options)
    }

    /// In its sandbox it may run any command that only reads.
    fn reads_history(&self) -> bool {
        true
    }

    fn designer(&self) -> Option<LaunchDesigner> {
        Some(launch::designer)
    }

    fn session_files(&self) -> Option<&'static dyn SessionFiles> {
        Some(&sessions::Sessions)
    }

    fn manual_resume_command(&self, session: &str) -> Option<String> {
        Some(format!("codex resume --no-daemon {session}"))
    }
}
