//! The built-in profile `sh`, whose task is a shell script. It needs no installation, so that everything can be tried on any machine.

use super::{AgentProgram, Launch, Launcher, Options, Protocol, Stdin, TaskHandling, launch::PROMPT_FILE};
use crate::{Result, config::Config, conversation::SessionReader};

/// Its name.
pub const NAME: &str = "sh";

/// The shell as an agent program.
pub(super) struct Sh;

impl AgentProgram for Sh {
    fn name(&self) -> &'static str {
        NAME
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        Some(self)
    }

    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        None
    }
}

impl Launcher for Sh {
    fn is_installed(&self, _config: &Config<'_>) -> bool {
        true
    }

    fn reads(&self, _config: &Config<'_>) -> Result<TaskHandling> {
        Ok(TaskHandling::Script)
    }

    fn protocol(&self) -> Protocol {
        Protocol::PLAIN
    }

    fn supported(&self) -> &'static [&'static str] {
        &[]
    }

    /// Runs the script from a file, because Linux limits an argument to 128 KiB, and with an empty standard input, so that a script
    /// that asks a question ends instead of waiting forever.
    fn launch(&self, _config: &Config<'_>, options: &Options) -> Result<Launch> {
        options.refuse_for(NAME)?;
        Ok(Launch::plain(vec!["/bin/sh".into(), PROMPT_FILE.into()], Stdin::Empty, TaskHandling::Script))
    }
}
