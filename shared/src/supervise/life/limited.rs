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
        limit::{Here, Reached},
    },
    model::{Fact, Limit, Phase, event::PhaseChange, limit::try_again_at},
    private_files,
    store::{append_if, layout::PrivateDir},
    supervise::{
        breaker::{Breaker, Clocks, HeldLimit, Pass, StartDecision},
        ending::{AttemptEnd, EndedAttempt},
        queue,
        spec::Spec,
    },
    world,
};

/// The first agent starts `LATER` seconds after the end of the limit, plus a random time up to `SPREAD` seconds: other machines may
/// have agents of the same account.
const LATER: i64 = 30;
const SPREAD: i64 = 60;

/// What a supervisor knows about usage limits.
pub(super) struct KnownLimits {
    breaker: Breaker,
    pass: Pass,
    /// How often in a row the service refused the agent.
    refused: u32,
    /// Whether the service has answered in this attempt.
    told: bool,
    /// The limit that is shown in `status` while the agent is queued.
    shown: Option<HeldLimit>,
}

impl KnownLimits {
    pub(super) fn new(private: &PrivateDir, spec: &Spec) -> Self {
        let account = agents::program(&spec.profile).map_or(&[][..], |program| program.account_variables());
        let breaker = Breaker::new(private, &spec.profile, account, spec.options.model.clone());
        let pass = if spec.despite_limit { Pass::OnDemand } else { Pass::None };
        Self { breaker, pass, refused: 0, told: false, shown: None }
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
    Left,
}

impl Supervisor {
    /// Waits in the queue while a usage limit applies to the agent. Others go first meanwhile.
    pub(super) async fn wait_for_limit(&mut self) -> Result<Option<AttemptEnd>> {
        let mut ticket = None;
        while let Some(shut) = self.limit_in_the_way() {
            if ticket.is_none() {
                ticket = queue::step_aside(&self.private, &self.id);
            }
            if self.is_too_long(&shut) {
                return Ok(Some(self.stays_paused(shut.limit())));
            }
            self.show_limit(&shut);
            // Changes made while it waits are not attributed to it: the record of its surroundings is taken again at the launch.
            let _ = fs::remove_file(self.dir.surroundings());
            if let Some(end) = self.rest_once(TICK).await? {
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
            if self.keep_up() == RepositoryState::Usable {
                let Some(shut) = self.limit_in_the_way() else { return Waited::Over };
                if self.is_too_long(&shut) {
                    return Waited::Ended(self.stays_paused(shut.limit()));
                }
            }
            match self.rest_once(TICK).await {
                Ok(Some(_)) if self.is_told_to_end => return Waited::Left,
                Ok(Some(end)) => return Waited::Ended(end),
                Ok(None) => {}
                // What cannot be read now may be readable at the next try.
                Err(_) => sleep(TICK).await,
            }
        }
    }

    /// Returns the limit that the agent must wait for; `None` if it may start.
    fn limit_in_the_way(&mut self) -> Option<HeldLimit> {
        match self.limits.breaker.turn(&self.limits.pass, &Clocks::read()) {
            StartDecision::Free => {}
            StartDecision::Follows => self.limits.pass = Pass::Follows,
            StartDecision::First(lock) => self.limits.pass = Pass::First(lock),
            StartDecision::Wait(shut) => {
                self.limits.pass = Pass::None;
                return Some(shut);
            }
        }
        None
    }

    fn is_too_long(&self, shut: &HeldLimit) -> bool {
        shut.left(&Clocks::read())
            > self.spec.limits.limit_wait + Duration::from_secs((LATER + SPREAD).unsigned_abs())
    }

    /// Writes the limit for `status`, which cannot tell which agents a limit applies to.
    fn show_limit(&mut self, shut: &HeldLimit) {
        if self.limits.shown.as_ref() == Some(shut) {
            return;
        }
        if let Ok(text) = serde_json::to_vec(&shut.limit())
            && private_files::replace(&self.dir.limit(), text).is_ok()
        {
            self.limits.shown = Some(shut.clone());
        }
    }

    /// Resets the state that belongs to one attempt.
    pub(super) const fn begin_limits(&mut self) {
        self.limits.told = false;
    }

    /// Ends known limits once the service has answered in this attempt.
    pub(super) fn hear_limits(&mut self, answered: bool, model: Option<&str>) {
        if !answered || self.limits.told {
            return;
        }
        self.limits.told = true;
        self.limits.refused = 0;
        self.limits.breaker.set_model(model.map(str::to_owned));
        if matches!(self.limits.pass, Pass::First(_) | Pass::OnDemand) {
            self.limits.breaker.open(&Clocks::read());
        }
        self.limits.pass = Pass::None;
    }

    /// Turns the end of an attempt that reached a limit into a pause. Returns any other end unchanged.
    pub(super) fn limited(&mut self, ended: EndedAttempt) -> EndedAttempt {
        let reached = ended.limit_reached().cloned();
        let model =
            ended.summary.as_ref().and_then(|summary| summary.usage.model.as_deref()).map(str::to_owned);
        let Some(reached) = reached else {
            // For plain output, success counts as an answer. Any other end proves nothing: another agent starts first.
            self.hear_limits(ended.summary.is_none() && ended.end == AttemptEnd::Exit(0), model.as_deref());
            return ended;
        };
        self.limits.breaker.set_model(model);
        let end = self.pause_for(&reached);
        self.limits.pass = Pass::None;
        self.ran = self.begun.elapsed();
        EndedAttempt { end, ..ended }
    }

    fn pause_for(&mut self, reached: &Reached) -> AttemptEnd {
        let now = Clocks::read();
        let here = Here {
            now: Timestamp::from_second(now.wall).unwrap_or_default(),
            zone: world::time_zone(),
            named: &world::zone_named,
        };
        let until = try_again_at(reached.until(&here), now.wall, self.limits.refused);
        self.limits.refused = self.limits.refused.saturating_add(1);
        let spread = world::random::<1>().map_or(0, |[byte]| i64::from(byte) * SPREAD / 255);
        let limit = match self.limits.breaker.shut(reached.kind, until, LATER + spread, &now) {
            Ok(shut) if self.spec.launch.has_sessions() && !self.is_too_long(&shut) => {
                Limit { resumes: true, ..shut.limit() }
            }
            Ok(shut) => shut.limit(),
            // Without the file the supervisor could not tell when to resume: a person decides.
            Err(_) => Limit { until: Timestamp::from_second(until).ok(), ..Limit::of(reached.kind) },
        };
        if limit.resumes { AttemptEnd::Limited(limit) } else { self.stays_paused(limit) }
    }

    /// Returns a pause after which only a person resumes the agent.
    fn stays_paused(&self, limit: Limit) -> AttemptEnd {
        AttemptEnd::Limited(Limit { resumes: false, ..limit })
    }

    /// Queues a paused agent for a new launch by this supervisor, as `resume` does.
    pub(super) fn reopen(&mut self) -> Result<()> {
        (self.spec.resumed, self.spec.fresh, self.spec.despite_limit) = (true, false, false);
        self.spec.write(&self.dir)?;
        let _ = fs::remove_file(self.dir.surroundings());
        queue::draw(&self.private, std::slice::from_ref(&self.id), self.spec.jobs)?;
        let fold = append_if(&self.repo()?, &self.id, |fold| {
            let why = fold.agent.reason.clone().unwrap_or_default();
            let step =
                PhaseChange::to(fold.agent.attempt + 1, Phase::Queued).because(format!("paused: {why}"));
            Some(vec![Fact::Phase(step)])
        })?;
        self.record.attempt = fold.agent.attempt;
        self.record.write(&self.lock)
    }
}
