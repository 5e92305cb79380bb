//! Makes a worktree ready before the agent's program starts: ports of its own, and the user's setup.

use super::{
    Supervisor,
    command::{AgentCommand, CommandEnd},
};
use crate::{
    Error, Result,
    model::{Fact, Phase, event::PhaseChange, setup},
    supervise::{ending::AttemptEnd, ports::PortBlock, preparation::Setup},
    worktree::{include::Readiness, list},
};

impl Supervisor {
    /// Takes ports, and runs the setup unless it has succeeded in this worktree. Returns the end if the agent ends before its program
    /// starts.
    pub(super) async fn make_ready(&mut self) -> Result<Option<AttemptEnd>> {
        self.take_ports()?;
        let Some(setup) = self.spec.preparation.setup.clone() else { return Ok(None) };
        if self.in_repository(|supervisor| supervisor.is_set_up(&setup))? {
            return Ok(None);
        }
        let now = setup::activity(&setup.command);
        self.append_facts(&[Fact::Phase(
            PhaseChange::new(self.record.attempt, Phase::Starting).because(now),
        )])?;
        let output = self.dir.setup(self.record.attempt);
        let command =
            AgentCommand { command: &setup.command, output: &output, limit: setup.limit, slot: None };
        match self.run_command(&command).await? {
            CommandEnd::Ended(end) => Ok(Some(end)),
            CommandEnd::Ran { failure: Some(failure) } => {
                Ok(Some(AttemptEnd::Failed(setup::reason(&failure))))
            }
            CommandEnd::Ran { failure: None } => {
                self.in_repository(|supervisor| supervisor.note_set_up(&setup))?;
                Ok(None)
            }
        }
    }

    fn take_ports(&mut self) -> Result<()> {
        if self.ports.is_none() {
            self.ports = PortBlock::take(&self.environment, &self.id, self.spec.preparation.port);
        }
        let first = self.ports.as_ref().map(|block| block.first);
        if self.spec.preparation.port != first {
            self.spec.preparation.port = first;
            self.spec.write(&self.dir)?;
        }
        Ok(())
    }

    fn is_set_up(&self, setup: &Setup) -> Result<bool> {
        let worktree = list::worktree_of_agent(&self.repo()?, &self.id, &self.spec.branch)?;
        Ok(worktree.is_some_and(|found| Readiness::of(&found).set_up.as_ref() == Some(&setup.command)))
    }

    fn note_set_up(&self, setup: &Setup) -> Result<()> {
        let worktree = list::worktree_of_agent(&self.repo()?, &self.id, &self.spec.branch)?
            .ok_or_else(|| Error::new(crate::Code::WorktreeMissing, "the worktree is gone"))?;
        Readiness { set_up: Some(setup.command.clone()), ..Readiness::of(&worktree) }.write(&worktree)
    }
}
