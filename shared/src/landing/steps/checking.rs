//! Runs the checks of a step, and those of the target if the first step fails.

use super::Runner;
use crate::{
    Code, Error, Result,
    git::Oid,
    landing::{
        outcome::CheckFailure,
        ready::{self, Ready},
        state::{RunCheck, Step},
        verify::{self, CommitCheck, Verified},
    },
    model::{event::Landing, text},
    store::operations::Stage,
};

impl Runner<'_> {
    /// Runs the checks on a commit. Returns the first one that fails. `step.log` names the output of the last one.
    pub(super) fn check(&mut self, commit: Oid, step: &mut Step) -> Result<Option<CheckFailure>> {
        for (name, command) in self.state.options.checks.clone() {
            self.step_context(&[]).tell(step, &name);
            let ran = self.run_check(commit, &command)?;
            let tree = self.repo.tree_of(commit)?;
            match &ran.known {
                None => step.log = Some(self.keep_output(step.rank, &name, &ran)?),
                Some(known) => {
                    step.log.clone_from(&known.result.output);
                    step.settled.push(format!("{name} {}", known.label()));
                }
            }
            let has_failed = self.failed.iter().any(|(on, check)| *on == tree && *check == command);
            if ran.known.is_none() && has_failed {
                self.counts.repeated += 1;
            }
            if let Some(why) = ran.failure {
                let check = RunCheck { name, command };
                step.failed_check = Some(check.clone());
                self.failed.push((tree, check.command.clone()));
                return Ok(Some(CheckFailure { check, why, output: ran.output }));
            }
            if has_failed && !step.flaky.contains(&name) {
                step.flaky.push(name);
            }
        }
        step.failed_check = None;
        Ok(None)
    }

    /// Runs the checks on the target itself. When the first check fails, the target may be the cause.
    ///
    /// # Errors
    /// The target itself fails a check (3), so that no branch can be checked on top of it.
    pub(super) fn check_target(&mut self) -> Result<()> {
        if self.target_passes || self.state.count(Landing::Merged) > 0 {
            return Ok(());
        }
        for (name, command) in self.state.options.checks.clone() {
            let ran = self.run_check(self.state.base, &command)?;
            if let Some(why) = &ran.failure {
                return Err(self.target_fails(&name, why, &ran)?);
            }
            ran.record(self.repo, None);
        }
        self.target_passes = true;
        Ok(())
    }

    fn target_fails(&mut self, name: &str, why: &str, ran: &Verified) -> Result<Error> {
        self.keep_output(0, name, ran)?;
        self.journal.operation.stage = Stage::Aborted;
        self.save()?;
        let into = text::safe(&self.state.into);
        let error = Error::new(
            Code::CheckFailsOnTarget,
            format!("{name} fails on {into} itself, before anything is merged: {why}"),
        )
        .hint("git orchestra logs --check shows what it printed");
        Ok(match ready::hint(self.repo) {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }

    /// Runs a check on a commit, or takes the result of the run beside the steps before it.
    fn run_check(&mut self, commit: Oid, command: &str) -> Result<Verified> {
        let ran = match self.beside.take(commit, command)? {
            Some(ran) => ran,
            None => self.run_check_here(commit, command)?,
        };
        match ran.known {
            Some(_) => self.counts.known += 1,
            None => self.counts.run += 1,
        }
        Ok(ran)
    }

    fn run_check_here(&mut self, commit: Oid, command: &str) -> Result<Verified> {
        let (timeout, recheck) = (self.state.options.check_timeout, self.state.options.recheck);
        let cx = self.step_context(&[]);
        let bounds = cx.bounds(timeout);
        let what = CommitCheck { commit, command, recheck };
        let ready = Ready::of(cx.repo)?;
        if ready.is_some() && !(cx.around.is_accepted)() {
            return Err(Error::refused("git config was changed, so the checks cannot be made ready")
                .hint("git orchestra merge-ranked --continue asks about the changes"));
        }
        verify::check_commit(cx.around.context, cx.repo, cx.scratch, what, ready.as_ref(), bounds)
    }

    /// Stores the output of a check that ran in the operation, and records the outcome. Returns the name by which `git show` prints it.
    fn keep_output(&mut self, rank: usize, name: &str, ran: &Verified) -> Result<String> {
        let file = format!("{rank:03}-{name}.log");
        self.journal.put(self.repo, &file, &ran.output)?;
        let spec = self.journal.spec_of(&file);
        ran.record(self.repo, Some(spec.clone()));
        Ok(spec)
    }
}
