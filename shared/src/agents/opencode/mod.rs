//! opencode: its sessions can be read.

mod examination;
mod sessions;

use super::{AgentProgram, Launcher, examination::Examination};
use crate::conversation::SessionReader;

const NAME: &str = "opencode";

/// opencode as an agent program.
pub(super) struct Opencode;

impl AgentProgram for Opencode {
    fn name(&self) -> &'static str {
        NAME
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        None
    }

    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        Some(&sessions::Sessions)
    }

    fn examination(&self) -> Option<&'static Examination> {
        Some(&examination::EXAMINATION)
    }
}
