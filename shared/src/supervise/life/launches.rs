//! Records the launches of a supervisor: the first, and each that follows an end.

use std::time::Instant;

use super::{Supervisor, fallback};
use crate::{
    Result,
    git::Repo,
    model::{
        Agent, Fact, Phase, Team,
        event::{Finished, PhaseChange},
    },
    sandbox,
    store::{Chain, append_if},
    supervise::{ending::EndedAttempt, processes},
};

impl Supervisor {
    /// Records the first launch of this supervisor. Returns why the agent ended before, if it did, and the messages to send to it.
    pub(super) fn first_launch(&mut self) -> Result<(Option<String>, Vec<String>)> {
        let repo = self.repo()?;
        let chain = Chain::of_agent(&repo, &self.id)?;
        let before = chain.fold().agent;
        let known = before.session.clone().filter(|_| !self.spec.fresh);
        let messages = self.requests.messages(&repo, &self.id, &chain.events)?;
        self.remember_usage(known.as_ref(), &chain.events);
        self.choose_session(known)?;
        self.part = self.first_part(before.team.as_ref());
        self.stage = before.team.as_ref().map_or(0, Team::place);
        self.record_launch(&repo, &[], None)?;
        // A message says how to continue, so the reason is not repeated.
        Ok((before.reason.filter(|_| messages.is_empty()), messages))
    }

    /// Records the end of an attempt and the start of the next in one commit, so that the agent never shows as ended in between.
    pub(super) fn next_launch(&mut self, before: &EndedAttempt, why: &str) -> Result<()> {
        self.in_repository(|supervisor| supervisor.record_next_launch(before, why))
    }

    fn record_next_launch(&mut self, before: &EndedAttempt, why: &str) -> Result<()> {
        let repo = self.repo()?;
        self.choose_session(self.session.clone().map(|(session, _)| session))?;
        let ran_seconds = self.ran_seconds();
        let finished =
            Fact::Finished(Finished { ran_seconds, ..before.fact_before_retry(self.record.attempt) });
        self.record_launch(&repo, &[finished], Some(why))
    }

    /// Records the start of an attempt: one more than the highest so far, unless `resume` has queued it. The session is recorded
    /// before the program starts, so that the agent can be resumed after a crash at any point.
    pub(super) fn record_launch(&mut self, repo: &Repo, first: &[Fact], reason: Option<&str>) -> Result<()> {
        // The end of the previous attempt contains its summary.
        let _ = std::fs::remove_file(self.dir.stream_summary());
        let session = self.session.as_ref().map(|(session, _)| session.clone());
        let reason = self.takes_over.as_deref().or(reason);
        let fold = append_if(repo, &self.id, |fold| {
            let reason = reason.map(str::to_owned);
            let mark = Some(processes::mark(&self.record.nonce));
            let sandbox = sandbox::description(self.spec.sandbox, self.spec.sandbox_engine);
            let step =
                PhaseChange { reason, session: session.clone(), mark, sandbox, ..launch_after(&fold.agent) };
            let is_other = self.takes_over.is_some() || self.part.is_some();
            let step = if is_other { fallback::announced(&self.spec, step) } else { step };
            let step = PhaseChange { part: self.part.clone(), ..step };
            Some(first.iter().cloned().chain([Fact::Phase(step)]).collect())
        })?;
        self.requests.remember_tip(repo, &self.id);
        self.record.attempt = fold.agent.attempt;
        self.launched = Some(Instant::now());
        self.spending_at_launch(&fold.agent);
        let begins = self.part.take().is_some();
        if self.takes_over.take().is_some() || begins {
            self.spec.write(&self.dir)?;
        }
        self.record.write(&self.lock)
    }

    /// Returns how long the current attempt has lasted.
    pub(super) fn ran_seconds(&self) -> Option<u64> {
        self.launched.map(|launched| launched.elapsed().as_secs())
    }
}

fn launch_after(agent: &Agent) -> PhaseChange {
    let is_open = agent.phase == Phase::Queued && agent.attempt > 0;
    PhaseChange::new(if is_open { agent.attempt } else { agent.attempt + 1 }, Phase::Starting)
}
