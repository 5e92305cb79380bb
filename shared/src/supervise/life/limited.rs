//! An agent whose service gives no more for a while: it is paused, its work saved and its slot given back; its supervisor waits for
//! the end of the limit and resumes the conversation. Killed, it leaves a paused agent that a person can resume.

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
    world::{self, Environment},
};

/// The agent that goes first tries so many seconds after the end of the limit, and up to as many more: other machines may have
/// agents of the same account.
const LATER: i64 = 30;
const SPREAD: i64 = 60;

/// What a supervisor knows of usage limits.
pub(super) struct KnownLimits {
    breaker: Breaker,
    pass: Pass,
    /// How often in a row the service refused the agent without any answer.
    refused: u32,
    /// The breaker was told that the service answers.
    told: bool,
    /// What is shown as waited for in the queue.
    shown: Option<HeldLimit>,
}

impl KnownLimits {
    pub(super) fn new(environment: &Environment, private: &PrivateDir, spec: &Spec) -> Self {
        let account = agents::program(&spec.profile).map_or(&[][..], |program| program.account_variables());
        let breaker = Breaker::new(environment, private, &spec.profile, account, spec.options.model.clone());
        let pass = if spec.despite_limit { Pass::OnDemand } else { Pass::None };
        Self { breaker, pass, refused: 0, told: false, shown: None }
    }

    /// The repository is in another place.
    pub(super) fn move_to(&mut self, private: &PrivateDir) {
        self.breaker.move_to(private);
    }
}

/// How the waiting of a paused agent ended.
pub(super) enum Waited {
    /// The limit is over.
    Over,
    /// The agent is to come to another end.
    Ended(AttemptEnd),
    /// The supervisor is to go; the agent stays paused, as it says.
    Left,
}

impl Supervisor {
    /// Waits in the queue as long as a usage limit holds that concerns the agent; others go first meanwhile.
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
            // What changes while it waits is nothing of its time: the look is taken again.
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

    /// Waits as a paused agent.
    pub(super) async fn wait_for_reset(&mut self) -> Waited {
        loop {
            // Where the repository is away, so is what is known of the limit.
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
                // What cannot be read now may be read at the next look.
                Err(_) => sleep(TICK).await,
            }
        }
    }

    /// The limit that holds for the agent; nothing where it may start.
    fn limit_in_the_way(&mut self) -> Option<HeldLimit> {
        match self.limits.breaker.turn(&self.limits.pass, &Clocks::read(self.environment.clock())) {
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
        shut.left(&Clocks::read(self.environment.clock()))
            > self.spec.limits.limit_wait + Duration::from_secs((LATER + SPREAD).unsigned_abs())
    }

    /// For `status`, which cannot know whom a limit concerns.
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

    /// An attempt begins.
    pub(super) const fn begin_limits(&mut self) {
        self.limits.told = false;
    }

    /// What the attempt has said so far tells of limits: an answer of the service ends what is known of one.
    pub(super) fn hear_limits(&mut self, answered: bool, model: Option<&str>) {
        if !answered || self.limits.told {
            return;
        }
        self.limits.told = true;
        self.limits.refused = 0;
        self.limits.breaker.set_model(model.map(str::to_owned));
        if matches!(self.limits.pass, Pass::First(_) | Pass::OnDemand) {
            self.limits.breaker.open(&Clocks::read(self.environment.clock()));
        }
        self.limits.pass = Pass::None;
    }

    /// The end of an attempt that ran into a limit; any other is given back.
    pub(super) fn limited(&mut self, ended: EndedAttempt) -> EndedAttempt {
        let reached = ended.limit_reached().cloned();
        let model =
            ended.summary.as_ref().and_then(|summary| summary.usage.model.as_deref()).map(str::to_owned);
        let Some(reached) = reached else {
            // Of a program that is not understood, success is the answer. Any other end proves nothing: another agent goes first.
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
        let now = Clocks::read(self.environment.clock());
        let here = Here {
            now: Timestamp::from_second(now.wall).unwrap_or_default(),
            zone: self.environment.time_zone(),
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
            // Without the file nobody would know when to go on: a person decides.
            Err(_) => Limit { until: Timestamp::from_second(until).ok(), ..Limit::of(reached.kind) },
        };
        if limit.resumes { AttemptEnd::Limited(limit) } else { self.stays_paused(limit) }
    }

    /// The agent is paused, and nobody but a person resumes it.
    fn stays_paused(&self, limit: Limit) -> AttemptEnd {
        AttemptEnd::Limited(Limit { resumes: false, ..limit })
    }

    /// A new launch of an agent that was paused, by this supervisor: as `resume` does it.
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
