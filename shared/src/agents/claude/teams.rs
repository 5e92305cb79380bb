//! Claude Code with its experimental agent teams: one agent of ours that leads several of its own.

use super::{Claude, launch};
use crate::{
    Result,
    agents::{
        AgentProgram, Launch, Launcher, Options, Protocol, SessionFiles, TaskHandling, launch::AGENT_ID,
    },
    config::Config,
    conversation::SessionReader,
};

const NAME: &str = "agent-teams";

/// The variables that turn teams on, and give each agent a list of tasks of its own: by default, all worktrees of a repository share
/// one.
const VARIABLES: [(&str, &str); 2] =
    [("CLAUDE_CODE_EXPERIMENTAL_AGENT_TEAMS", "1"), ("CLAUDE_CODE_TASK_LIST_ID", AGENT_ID)];

/// Claude Code with agent teams as an agent program.
pub(in crate::agents) struct AgentTeams;

impl AgentProgram for AgentTeams {
    fn name(&self) -> &'static str {
        NAME
    }

    fn launcher(&self) -> Option<&dyn Launcher> {
        Some(self)
    }

    /// Its sessions are those of Claude Code.
    fn session_reader(&self) -> Option<&'static dyn SessionReader> {
        Claude.session_reader()
    }

    fn account_variables(&self) -> &'static [&'static str] {
        Claude.account_variables()
    }
}

impl Launcher for AgentTeams {
    fn is_installed(&self, config: &Config<'_>) -> bool {
        Claude.is_installed(config)
    }

    fn reads(&self, config: &Config<'_>) -> Result<TaskHandling> {
        Claude.reads(config)
    }

    fn protocol(&self) -> Protocol {
        Claude.protocol()
    }

    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch> {
        let env = VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Ok(Launch { env, ..launch::launch(config, options)? })
    }

    fn session_files(&self) -> Option<&'static dyn SessionFiles> {
        Claude.session_files()
    }

    fn manual_resume_command(&self, session: &str) -> Option<String> {
        Claude.manual_resume_command(session)
    }
}
