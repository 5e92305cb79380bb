//! Codex: its sessions can be read, and its messages about usage limits are recognized if a custom command runs it.

mod limit;
mod sessions;

use super::{
    AgentProgram, Launcher,
    examination::{Examination, LoginQuery},
    limit::ReportedLimit,
};
use crate::conversation::SessionReader;

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

/// Codex as an agent program.
pub(super) struct Codex;

impl AgentProgram for Codex {
    fn name(&self) -> &'static str {
        NAME
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        None
    }

    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        Some(&sessions::Sessions)
    }

    fn account_variables(&self) -> &'static [&'static str] {
        &["CODEX_HOME", "CODEX_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"]
    }

    fn examination(&self) -> Option<&'static Examination> {
        Some(&EXAMINATION)
    }

    fn usage_limit_in(&self, line: &str) -> Option<ReportedLimit> {
        limit::in_line(line)
    }
}
