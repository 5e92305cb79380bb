//! Codex: its sessions can be read, and its messages about usage limits are recognized if a custom command runs it.

mod limit;
mod sessions;

use super::{AgentProgram, Launcher, limit::ReportedLimit};
use crate::conversation::SessionReader;

const NAME: &str = "codex";

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

    fn usage_limit_in(&self, line: &str) -> Option<ReportedLimit> {
        limit::in_line(line)
    }
}
