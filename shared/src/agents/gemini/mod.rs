//! Gemini CLI.
//!
//! It is started once for each message: its prompt is its standard input, and a session that git orchestra named is resumed by its
//! name. Without a terminal it never asks: it offers the model only what the permission mode allows.

mod end;
mod launch;
mod limit;
mod modes;
mod own_home;
mod rules;
mod sessions;
mod stream;

use super::{
    AgentProgram, HomeFolder, HookForm, Launch, Launcher, Options, Protocol, SessionFiles, TaskHandling,
    designer_options::LaunchDesigner, examination::Examination, installed, limit::ReportedLimit,
};
use crate::{Result, config::Config, conversation::SessionReader};

const NAME: &str = "gemini";

/// It has no command that tells whether a user is logged in.
const EXAMINATION: Examination =
    Examination { tried: ("0.61.0", "0.61.0"), login: None, install: "npm install -g @google/gemini-cli" };

const HOME: &[HomeFolder] = &[HomeFolder {
    read: &[".env", "GEMINI.md", "commands", "extensions", "policies", "settings.json", "skills"],
    copied: &[
        "google_accounts.json",
        "installation_id",
        "projects.json",
        "state.json",
        "trustedFolders.json",
    ],
    written: &["history/", "tmp/", "oauth_creds.json"],
    ..HomeFolder::below(".gemini")
}];

/// Gemini CLI as an agent program.
pub(super) struct Gemini;

impl AgentProgram for Gemini {
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
        &["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_GEMINI_BASE_URL"]
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
        &[
            "accounts.google.com",
            "cloudcode-pa.googleapis.com",
            "generativelanguage.googleapis.com",
            "oauth2.googleapis.com",
        ]
    }
}

impl Launcher for Gemini {
    fn is_installed(&self, config: &Config<'_>) -> bool {
        installed::path(config, NAME).is_some()
    }

    fn reads(&self, _config: &Config<'_>) -> Result<TaskHandling> {
        Ok(TaskHandling::Prose)
    }

    fn protocol(&self) -> Protocol {
        Protocol::of(&stream::StreamJson)
    }

    fn supported(&self) -> &'static [&'static str] {
        launch::SUPPORTED
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
        Some(format!("gemini --resume {session}"))
    }
}
