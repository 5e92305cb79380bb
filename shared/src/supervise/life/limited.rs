//! Pauses an agent that reached a usage limit: its work is saved and its slot freed; its supervisor waits for the end of the limit
//! and resumes the conversation. If the supervisor is killed, the agent stays paused and a person can resume it.

use std::{fs, time::Duration};

use jiff::Timestamp;
use tokio::time::sleep;

use super::{Supervisor, TICK, tracking::RepositoryState};
use crate::{
    Result,
    agents::{
        self,
        limit::{LocalClock, ReportedLimit},
    },
    model::{Fact, Limit, Phase, event::PhaseChange, limit::try_again_at},
    private_files,
    store::{self, append_if, layout::PrivateDir},
    supervise::{
        breaker::{Breaker, Clocks, HeldLimit, StartDecision, StartPermit},
        ending::{AttemptEnd, EndedAttempt},
        queue,
        spec::Spec,
    },
    world::{self, Environment},
};

/// The first agent starts `FIRST_DELAY` seconds after the end of the limit, plus a random time up to `MAX_RANDOM_DELAY` seconds: other machines may
/// have agents of the same account.
const FIRST_DELAY: i64 = 30;
const MAX_RANDOM_DELAY: i64 = 60;

/// What a supervisor knows about usage limits.
pub(super) struct KnownLimits {
    breaker: Breaker,
    permit: StartPermit,
    /// How often in a row the service refused the agent.
    refused: u32,
    /// Whether the service has answered in this attempt.
    success_recorded: bool,
    /// The limit that is shown in `status` while the agent is queued.
    shown: Option<HeldLimit>,
}

impl KnownLimits {
    pub(super) fn new(environment: &Environment, private: &PrivateDir, spec: &Spec) -> Self {
        let account = agents::program(&spec.profile).map_or(&[][..], |program| program.account_variables());
        let model = spec.launch.model.clone().or_else(|| spec.options.model.clone());
        let breaker = Breaker::new(environment, private, &spec.profile, account, model);
        let permit = if spec.despite_limit { StartPermit::OnDemand } else { StartPermit::None };
        Self { breaker, permit, refused: 0, success_recorded: false, shown: None }
    }

    /// Uses the files of the repository after it was moved.
    pub(super) fn move_to(&mut self, private: &PrivateDir) {
        self.breaker.move_to(private);
    }
}

/// How the wait of a paused agent ended.
pub(super) enum Waited {
    /// The limit is over.
    Over,
    /// The agent ends in another way.
    Ended(AttemptEnd),
    /// The supervisor terminates; the agent stays paused, as recorded.
    Terminated,
}

impl Supervisor {
    /// Waits in the queue while a usage limit applies to the agent. Others go first meanwhile.
    pub(super) async fn wait_for_limit(&mut self) -> Result<Option<AttemptEnd>> {
        let mut ticket = None;
        while let Some(held_limit) = self.blocking_limit() {
            if self.fall_back_unstarted(&held_limit.limit().sentence()) {
                continue;
            }
            if ticket.is_none() {
                ticket = queue::step_aside(&self.private, &self.id);
            }
            if self.is_too_long(&held_limit) {
                return Ok(Some(self.lasting_pause(held_limit.limit())));
            }
            self.show_limit(&held_limit);
            // Changes made while it waits are not attributed to it: the record of its surroundings is taken again at the launch.
            let _ = fs::remove_file(self.dir.surroundings());
            if let Some(end) = self.wait_once(TICK).await? {
                return Ok(Some(end));
            }
        }
        if self.limits.shown.take().is_some() {
            let _ = fs::remove_file(self.dir.limit());
        }
        match ticket {
            Some(ticket) => queue::rejoin(&self.private, &ticket).map(|()| None),
            None => Ok(None),
        }
    }

    /// Waits for the end of the limit while the agent is paused.
    pub(super) async fn wait_for_reset(&mut self) -> Waited {
        loop {
            // While the repository is away, so is the file of the limit.
            if self.update_paths() == RepositoryState::Usable {
                let Some(held_limit) = self.blocking_limit() else { return Waited::Over };
                if self.is_too_long(&held_limit) {
                    return Waited::Ended(self.lasting_pause(held_limit.limit()));
                }
            }
            match self.wait_once(TICK).await {
                Ok(Some(_)) if self.is_terminating => return Waited::Terminated,
                Ok(Some(end)) => return Waited::Ended(end),
                Ok(None) => {}
                // What cannot be read now may be readable at the next try.
                Err(_) => sleep(TICK).await,
            }
        }
    }

    /// Returns the limit that the agent must wait for; `None` if it may start.
    fn blocking_limit(&mut self) -> Option<HeldLimit> {
        match self.limits.breaker.decide(&self.limits.permit, &Clocks::read(self.environment.clock())) {
            StartDecision::Free => {}
            StartDecision::Follows => self.limits.permit = StartPermit::Follows,
            StartDecision::First(lock) => self.limits.permit = StartPermit::First(lock),
            StartDecision::Wait(held_limit) => {
                self.limits.permit = StartPermit::None;
                return Some(held_limit);
            }
        }
        None
    }

    fn is_too_long(&self, held_limit: &HeldLimit) -> bool {
        held_limit.left(&Clocks::read(self.environment.clock()))
            > self.spec.limits.limit_wait
                + Duration::from_secs((FIRST_DELAY + MAX_RANDOM_DELAY).unsigned_abs())
    }

    /// Writes the limit for `status`, which cannot tell which agents a limit applies to.
    fn show_limit(&mut self, held_limit: &HeldLimit) {
        if self.limits.shown.as_ref() == Some(held_limit) {
            return;
        }
        if let Ok(text) = serde_json::to_vec(&held_limit.limit())
            && private_files::replace(&self.dir.limit(), text).is_ok()
        {
            self.limits.shown = Some(held_limit.clone());
        }
    }

    /// Resets the state that belongs to one attempt.
    pub(super) const fn reset_limits(&mut self) {
        self.limits.success_recorded = false;
    }

    /// Ends known limits once the service has answered in this attempt.
    pub(super) fn observe_limits(&mut self, answered: bool, model: Option<&str>) {
        if !answered || self.limits.success_recorded {
            return;
        }
        self.limits.success_recorded = true;
        self.limits.refused = 0;
        self.limits.breaker.set_model(model.map(str::to_owned));
        if matches!(self.limits.permit, StartPermit::First(_) | StartPermit::OnDemand) {
            self.limits.breaker.end_limits(&Clocks::read(self.environment.clock()));
        }
        self.limits.permit = StartPermit::None;
    }

    /// Turns the end of an attempt that reached a limit into a pause. Returns any other end unchanged.
    pub(super) fn pause_if_limited(&mut self, ended: EndedAttempt) -> EndedAttempt {
        let reached = ended.limit_reached().cloned();
        let model =
            ended.summary.as_ref().and_then(|summary| summary.usage.model.as_deref()).map(str::to_owned);
        let Some(reached) = reached else {
            // For plain output, success counts as an answer. Any other end proves nothing: another agent starts first.
            self.observe_limits(
                ended.summary.is_none() && ended.end == AttemptEnd::Exit(0),
                model.as_deref(),
            );
            return ended;
        };
        self.limits.breaker.set_model(model);
        let end = self.pause_for(&reached);
        self.limits.permit = StartPermit::None;
        self.ran = self.begun.elapsed();
        EndedAttempt { end, ..ended }
    }

    fn pause_for(&mut self, reached: &ReportedLimit) -> AttemptEnd {
        let now = Clocks::read(self.environment.clock());
        let here = LocalClock {
            now: Timestamp::from_second(now.wall).unwrap_or_default(),
            zone: self.environment.time_zone(),
            named: &world::zone_named,
        };
        let until = try_again_at(reached.until(&here), now.wall, self.limits.refused);
        self.limits.refused = self.limits.refused.saturating_add(1);
        let spread = world::random::<1>().map_or(0, |[byte]| i64::from(byte) * MAX_RANDOM_DELAY / 255);
        let limit = match self.limits.breaker.record(reached.kind, until, FIRST_DELAY + spread, &now) {
            Ok(held_limit) if self.spec.launch.has_sessions() && !self.is_too_long(&held_limit) => {
                Limit { resumes: true, ..held_limit.limit() }
            }
            Ok(held_limit) => held_limit.limit(),
            // Without the file the supervisor could not tell when to resume: a person decides.
            Err(_) => Limit { until: Timestamp::from_second(until).ok(), ..Limit::of(reached.kind) },
        };
        if limit.resumes { AttemptEnd::Limited(limit) } else { self.lasting_pause(limit) }
    }

    /// Returns a pause after which only a person resumes the agent.
    fn lasting_pause(&self, limit: Limit) -> AttemptEnd {
        AttemptEnd::Limited(Limit { resumes: false, ..limit })
    }

    /// Queues a paused agent for a new launch by this supervisor, as `resume` does.
    pub(super) fn queue_again(&mut self) -> Result<()> {
        self.draw_ticket()?;
        let fold = append_if(&self.repo()?, &self.id, |fold| {
            let why = fold.agent.reason.clone().unwrap_or_default();
            let step =
                PhaseChange::new(fold.agent.attempt + 1, Phase::Queued).because(format!("paused: {why}"));
            Some(vec![Fact::Phase(step)])
        })?;
        self.record.attempt = fold.agent.attempt;
        self.record.write(&self.lock)
    }

    /// Takes its place in the queue for the attempt that was recorded with the end of the last one.
    pub(super) fn enter_queue(&mut self) -> Result<()> {
        self.draw_ticket()?;
        self.record.attempt = store::agent(&self.repo()?, &self.id)?.attempt;
        self.record.write(&self.lock)
    }

    fn draw_ticket(&mut self) -> Result<()> {
        (self.spec.resumed, self.spec.fresh, self.spec.despite_limit) = (true, false, false);
        self.spec.write(&self.dir)?;
        let _ = fs::remove_file(self.dir.surroundings());
        queue::draw(&self.private, std::slice::from_ref(&self.id), self.spec.jobs).map(drop)
    }
}
