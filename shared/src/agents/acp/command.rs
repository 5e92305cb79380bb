//! A command of the user that speaks the protocol: `git config orchestra.agent.NAME.acp '…'`.

use super::{Acp, launch};
use crate::{
    Code, Error, Result,
    agents::{
        AgentProgram, Launch, Launcher, Options, Protocol, TaskHandling, custom::missing_program,
        limit::ReportedLimit,
    },
    config::{Config, keys::AGENT_ACP},
    conversation::SessionReader,
    model::{quote, text},
};

/// A command in the user's configuration. If it has the name of a known program, it is assumed to run that program, with the same account
/// and sessions.
pub(in crate::agents) struct AcpCommand {
    name: String,
    command: String,
    /// The known program of that name.
    known: Option<&'static dyn AgentProgram>,
}

impl AcpCommand {
    pub(in crate::agents) fn new(
        name: &str,
        command: String,
        known: Option<&'static dyn AgentProgram>,
    ) -> Self {
        Self { name: name.to_owned(), command, known }
    }
}

impl AgentProgram for AcpCommand {
    fn name(&self) -> &str {
        &self.name
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        Some(self)
    }

    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        self.known?.session_reader()
    }

    fn account_variables(&self) -> &'static [&'static str] {
        self.known.map_or(&[], |program| program.account_variables())
    }

    fn usage_limit_in(&self, line: &str) -> Option<ReportedLimit> {
        self.known?.usage_limit_in(line)
    }
}

impl Launcher for AcpCommand {
    fn is_installed(&self, config: &Config<'_>) -> bool {
        missing_program(config.environment(), &self.command).is_none()
    }

    fn reads(&self, _config: &Config<'_>) -> Result<TaskHandling> {
        Ok(TaskHandling::Prose)
    }

    fn protocol(&self) -> Protocol {
        Protocol::of(&Acp)
    }

    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        if let Some(program) = missing_program(config.environment(), &self.command) {
            let key = AGENT_ACP.of(&self.name);
            let (name, program) = (text::safe(&self.name), text::safe(program));
            let message = format!("the program '{program}' of agent '{name}' is not on PATH");
            let shows = quote::command(&[&"git", &"config", &key.name()]);
            return Err(
                Error::new(Code::ProgramMissing, message).hint(format!("{shows} shows what would run"))
            );
        }
        let argv = ["/bin/sh", "-c", &self.command, &self.name].map(str::to_owned);
        launch::launch(&self.name, argv.into(), config, options)
    }
}
