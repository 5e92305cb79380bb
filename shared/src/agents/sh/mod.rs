//! The embedded agent: the task is a shell script. It needs no install, so that everything can be tried on a bare machine.

use super::{AgentProgram, Launch, Launcher, Options, Protocol, Reads, Stdin, launch::PROMPT_FILE};
use crate::{Result, config::Config, conversation::SessionReader};

const NAME: &str = "sh";

/// The shell.
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

    fn reads(&self, _config: &Config<'_>) -> Result<Reads> {
        Ok(Reads::Script)
    }

    fn protocol(&self) -> Protocol {
        Protocol::PLAIN
    }

    /// The script is a file rather than an argument (Linux allows 128 KiB for one), and reads nothing: a script that asks a
    /// question ends instead of waiting for an answer that nobody gives.
    fn launch(&self, _config: &Config<'_>, options: &Options) -> Result<Launch> {
        options.refuse_for(NAME)?;
        Ok(Launch::plain(vec!["/bin/sh".into(), PROMPT_FILE.into()], Stdin::Empty, Reads::Script))
    }
}
