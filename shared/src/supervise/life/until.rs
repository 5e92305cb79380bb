//! Runs the check that decides whether an agent is done, when its turn has ended.

use std::time::{Duration, Instant};

use super::{
    Supervisor, attempt,
    command::{AgentCommand, CommandEnd},
};
use crate::{
    Result,
    checks::{self, Run},
    config::{Config, keys::SLOTS},
    context::Limits,
    git::Oid,
    model::{Fact, Phase, WorkCheck, check_result::Counting, event::PhaseChange},
    private_files,
    slots::{Slot, Slots},
    store::layout::output_of_check,
    supervise::{
        ending::{AttemptEnd, EndedAttempt},
        helper::{Helper, HelperTask},
        launch, processes, rounds,
        spec::Until,
    },
    worktree::snapshots,
    world::Timestamp,
};

/// The pause between two attempts to take a slot of the machine.
const SLOT_PAUSE: Duration = Duration::from_millis(100);
/// How often it is looked whether a check of the base has ended.
const BASE_PAUSE: Duration = Duration::from_millis(100);

/// How a check ended.
enum CheckEnd {
    /// It failed on this tree for this reason or passed; with the time, if that was known before.
    Done { tree: Oid, failure: Option<String>, known_at: Option<Timestamp> },
    /// The agent ends before its check does.
    Ended(AttemptEnd),
}

/// How the wait for a slot of the machine ended.
enum SlotWait {
    /// The check may run, in this slot if it needs one.
    Over(Option<Slot>),
    /// The agent ends before.
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
        let is_over = is_over || !self.is_checked();
        let Some(until) = self.spec.until.clone().filter(|_| !is_over) else { return Ok((ended, None)) };
        self.end_tree(&ended.end)?;
        let (tree, failure, known_at) = match self.run_check(&until, &ended).await? {
            CheckEnd::Done { tree, failure, known_at } => (tree, failure, known_at),
            CheckEnd::Ended(end) => return Ok((EndedAttempt { end, ..ended }, None)),
        };
        if has_sessions {
            self.end_asked()?;
            unheard.extend(self.take_messages());
        }
        let mut check = WorkCheck { known_at, ..self.rounds.add(&until, tree.to_string(), failure) };
        if !unheard.is_empty() {
            self.rounds.forget();
        }
        let asks_again = rounds::asks_again(&check);
        if check.failure.is_some() && !asks_again && unheard.is_empty() {
            check.fails_on_base = self.fails_on_base(&until, &ended).await;
        }
        let report = asks_again.then(|| {
            let output = attempt::tail(&self.dir.check(self.record.attempt)).unwrap_or_default();
            rounds::report(&until.command, &check, &output)
        });
        Ok((EndedAttempt { check: Some(check), unheard: unheard.len(), ..ended }, report))
    }

    /// Returns whether the check is about what its program does: of a team, only about the last role that writes.
    fn is_checked(&self) -> bool {
        self.spec.team.as_ref().is_none_or(|team| team.is_last_writer(self.stage))
    }

    /// Runs the check, unless it is known to pass on these files, and records how it ran.
    async fn run_check(&mut self, until: &Until, ended: &EndedAttempt) -> Result<CheckEnd> {
        self.show(ended, format!("checking: {}", shown(until)))?;
        self.run_helper(HelperTask::Snapshot).await?;
        let (tree, fresh, key, known) = self.in_repository(|supervisor| {
            let repo = supervisor.repo()?;
            let (tree, fresh) = snapshots::tree(&repo, &supervisor.id)?;
            let environment =
                launch::environment_of_commands(&repo, &supervisor.id, &supervisor.common, &supervisor.spec);
            let key = checks::key(&repo, &environment, tree, &until.command)?;
            let known = checks::known_pass(&repo, &key, Counting::Anywhere)?.filter(|_| !until.recheck);
            Ok((tree, fresh, key, known))
        })?;
        let output = self.dir.check(self.record.attempt);
        if let Some(known) = known {
            let _ = private_files::replace(&output, format!("{}\n", known.label()));
            return Ok(CheckEnd::Done { tree, failure: None, known_at: Some(known.result.at) });
        }
        let slot = match self.wait_for_machine(until, ended).await? {
            SlotWait::Over(slot) => slot,
            SlotWait::Ended(end) => return Ok(CheckEnd::Ended(end)),
        };
        let begun = Instant::now();
        let command = AgentCommand {
            command: &until.command,
            output: &output,
            limit: until.limit,
            slot: slot.as_ref().map(Slot::variable),
        };
        let failure = match self.run_command(&command).await? {
            CommandEnd::Ran { failure } => failure,
            CommandEnd::Ended(end) => return Ok(CheckEnd::Ended(end)),
        };
        drop(slot);
        let took = begun.elapsed();
        self.in_repository(|supervisor| {
            let output = Some(output_of_check(&supervisor.id, supervisor.record.attempt));
            let run = Run { failure: failure.clone(), fresh, took, output };
            checks::record(&supervisor.repo()?, &key, run);
            Ok(())
        })?;
        Ok(CheckEnd::Done { tree, failure, known_at: None })
    }

    /// Waits for a slot of the machine, so that the checks of many agents do not all run at once. The time is not counted as the agent's.
    /// Nothing is waited for if the locks cannot be written, or for too long: a check must not fail for that.
    async fn wait_for_machine(&mut self, until: &Until, ended: &EndedAttempt) -> Result<SlotWait> {
        let environment = self.environment.with(processes::AGENT, self.id.as_str()).at(&self.spec.worktree);
        let count = self.in_repository(|supervisor| Config::of(&supervisor.repo()?).get(&SLOTS))?;
        let Ok(slots) = Slots::of(&environment, count) else { return Ok(SlotWait::Over(None)) };
        if slots.is_inside() {
            return Ok(SlotWait::Over(None));
        }
        let Ok(place) = slots.queue_up() else { return Ok(SlotWait::Over(None)) };
        let started_at = Instant::now();
        let mut has_waited = false;
        loop {
            match slots.try_enter(&place, &environment, &until.command) {
                Ok(None) if started_at.elapsed() < Limits::default().slot => {}
                Ok(slot) => {
                    if has_waited {
                        self.show(ended, format!("checking: {}", shown(until)))?;
                    }
                    return Ok(SlotWait::Over(slot));
                }
                Err(_) => return Ok(SlotWait::Over(None)),
            }
            if !has_waited {
                self.show(ended, format!("waiting for a slot of the machine to check: {}", shown(until)))?;
                has_waited = true;
            }
            let before = Instant::now();
            if let Some(end) = self.wait_once(SLOT_PAUSE).await? {
                return Ok(SlotWait::Ended(end));
            }
            self.begun += before.elapsed();
        }
    }

    /// Returns whether the check fails on the base as well. It runs there once, in a fresh checkout; afterwards that is known. If that
    /// cannot be found out, or the agent is to end, the failure is the agent's.
    async fn fails_on_base(&mut self, until: &Until, ended: &EndedAttempt) -> bool {
        if let Some(fails) = self.known_on_base(until) {
            return fails;
        }
        if self.show(ended, format!("checking the base: {}", shown(until))).is_err() {
            return false;
        }
        let nonce = self.record.nonce.clone();
        let helper =
            Helper::start(&self.environment, &self.common, &self.id, &nonce, HelperTask::CheckBase, &[]);
        let Ok(helper) = helper else { return false };
        self.reaper.expect(helper.pid);
        let started_at = Instant::now();
        while self.reaper.ended(helper.pid).is_none() {
            let asked = self.wait_once(BASE_PAUSE).await;
            let is_late = started_at.elapsed() >= HelperTask::CheckBase.limit();
            if is_late || !matches!(asked, Ok(None)) || self.end_meanwhile().is_some() {
                self.end_helper(helper.pid);
                return false;
            }
        }
        self.known_on_base(until).unwrap_or(false)
    }

    /// Returns whether the check failed on the base, if that is known.
    fn known_on_base(&mut self, until: &Until) -> Option<bool> {
        let known = self.in_repository(|supervisor| {
            let repo = supervisor.repo()?;
            let tree = repo.tree_of(supervisor.spec.base)?;
            let key = checks::key(&repo, &supervisor.environment, tree, &until.command)?;
            checks::latest(&repo, &key, Counting::Fresh)
        });
        known.ok()?.map(|result| result.failure.is_some())
    }

    /// Records what runs for the agent after its turn, and shows it as what the agent does.
    fn show(&mut self, ended: &EndedAttempt, now: String) -> Result<()> {
        if let Some(mut summary) = ended.summary.clone() {
            summary.activity = Some(now.clone());
            if let Ok(text) = serde_json::to_vec(&summary) {
                let _ = private_files::replace(&self.dir.stream_summary(), text);
            }
        }
        self.append_facts(&[Fact::Phase(PhaseChange::new(self.record.attempt, Phase::Running).because(now))])
    }
}

/// Returns the command of a check as an event may hold it.
fn shown(until: &Until) -> String {
    let command = WorkCheck::of(&until.command, String::new(), None).command;
    command.unwrap_or_else(|| "its check".to_owned())
}
