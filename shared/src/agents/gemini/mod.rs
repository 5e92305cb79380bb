//! Gemini CLI: its sessions can be read, and its messages about usage limits are recognized if a custom command runs it.

mod limit;
mod sessions;

use super::{AgentProgram, Launcher, examination::Examination, limit::ReportedLimit};
use crate::conversation::SessionReader;

const NAME: &str = "gemini";

/// It has no command that tells whether a user is logged in.
const EXAMINATION: Examination =
    Examination { tried: ("0.61.0", "0.61.0"), login: None, install: "npm install -g @google/gemini-cli" };

/// Gemini CLI as an agent program.
pub(super) struct Gemini;

impl AgentProgram for Gemini {
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
        &["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_GEMINI_BASE_URL"]
    }

    fn examination(&self) -> Option<&'static Examination> {
        Some(&EXAMINATION)
    }

    fn usage_limit_in(&self, line: &str) -> Option<ReportedLimit> {
        limit::in_line(line)
    }
}
