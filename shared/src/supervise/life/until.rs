//! Runs the check that decides whether an agent is done, when its turn has ended.

use super::{
    Supervisor, attempt,
    command::{AgentCommand, CommandEnd},
};
use crate::{
    Error, Result,
    model::{Fact, Phase, WorkCheck, event::PhaseChange},
    private_files,
    store::layout,
    supervise::{
        ending::{AttemptEnd, EndedAttempt},
        helper::HelperTask,
        rounds,
        spec::Until,
    },
};

/// How a check ended.
enum CheckEnd {
    /// It ran on this tree, and failed for this reason or passed.
    Ran { tree: String, failure: Option<String> },
    /// The agent ends before its check does.
    Ended(AttemptEnd),
}

impl Supervisor {
    /// Runs the check of an agent whose turn ended without error, unless messages wait for the agent. Adds the messages that came
    /// meanwhile. Returns the end with the outcome, and the report for the agent if it continues.
    pub(super) async fn check_work(
        &mut self,
        ended: EndedAttempt,
        unheard: &mut Vec<String>,
    ) -> Result<(EndedAttempt, Option<String>)> {
        let has_sessions = self.spec.launch.has_sessions();
        let is_over = has_sessions && !unheard.is_empty() || ended.conclusion().phase != Phase::Done;
        let Some(until) = self.spec.until.clone().filter(|_| !is_over) else { return Ok((ended, None)) };
        self.end_tree(&ended.end)?;
        let (tree, failure) = match self.run_check(&until, &ended).await? {
            CheckEnd::Ran { tree, failure } => (tree, failure),
            CheckEnd::Ended(end) => return Ok((EndedAttempt { end, ..ended }, None)),
        };
        if has_sessions {
            self.end_asked()?;
            unheard.extend(self.take_messages());
        }
        let check = self.rounds.add(&until, tree, failure);
        if !unheard.is_empty() {
            self.rounds.forget();
        }
        let report = rounds::asks_again(&check).then(|| {
            let output = attempt::tail(&self.dir.check(self.record.attempt)).unwrap_or_default();
            rounds::report(&until.command, &check, &output)
        });
        Ok((EndedAttempt { check: Some(check), unheard: unheard.len(), ..ended }, report))
    }

    async fn run_check(&mut self, until: &Until, ended: &EndedAttempt) -> Result<CheckEnd> {
        self.show_check(until, ended)?;
        self.run_helper(HelperTask::Snapshot).await?;
        let tree = self.in_repository(|supervisor| {
            let repo = supervisor.repo()?;
            let kept = repo.find_ref(&layout::snapshot_ref(&supervisor.id))?;
            Ok(repo.tree_of(kept.ok_or_else(|| Error::internal("no snapshot"))?)?.to_string())
        })?;
        let output = self.dir.check(self.record.attempt);
        let command = AgentCommand { command: &until.command, output: &output, limit: until.limit };
        Ok(match self.run_command(&command).await? {
            CommandEnd::Ran { failure } => CheckEnd::Ran { tree, failure },
            CommandEnd::Ended(end) => CheckEnd::Ended(end),
        })
    }

    /// Records that the check runs, and shows it as what the agent does.
    fn show_check(&mut self, until: &Until, ended: &EndedAttempt) -> Result<()> {
        let command = WorkCheck::of(&until.command, String::new(), None).command;
        let now = format!("checking: {}", command.as_deref().unwrap_or("its check"));
        if let Some(mut summary) = ended.summary.clone() {
            summary.activity = Some(now.clone());
            if let Ok(text) = serde_json::to_vec(&summary) {
                let _ = private_files::replace(&self.dir.stream_summary(), text);
            }
        }
        self.append_facts(&[Fact::Phase(PhaseChange::new(self.record.attempt, Phase::Running).because(now))])
    }
}
