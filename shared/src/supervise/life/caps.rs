//! Caps on money and tokens: warns when one is near; pauses the agent when one is reached, asks whether it may be raised, and waits for
//! the answer. While a cap of the run or of the day is reached, the agent stays in the queue.

use std::{
    fs,
    time::{Duration, Instant},
};

use jiff::civil::Date;
use tokio::time::sleep;

use super::{Supervisor, TICK, limited::Waited, tracking::RepositoryState};
use crate::{
    Result,
    agents::{FailureKind, StreamSummary},
    model::{
        Agent, Cap, Cost, Event, Fact, Phase, Price, Team,
        cap::{Amounts, CapScope, Raises, Scopes},
        event::{PhaseChange, Usage},
    },
    private_files,
    store::Chain,
    supervise::{
        children,
        ending::{AttemptEnd, EndedAttempt},
        helper::HelperTask,
        queue,
        spending::{self, SharedRaises},
    },
};

/// The shortest time between two sums over the agents of this clone.
const SUM_INTERVAL: Duration = Duration::from_secs(5);
/// The share of the time that summing may take: one part in so many.
const SUM_SHARE: u32 = 100;
/// How long an agent may finish the tool call in which it reached a cap.
const CALL_TIME: Duration = Duration::from_secs(10 * 60);
/// How long the words of an answer may be followed by the tool call that it consists of too: programs report them one by one.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// What a supervisor knows about the use of money and tokens.
#[derive(Default)]
pub(super) struct Spending {
    /// What the agent had used in all its sessions when the attempt was launched.
    before: Amounts,
    /// What the role that works had used then, if the agent has a team.
    role_before: Amounts,
    /// What its session had used then.
    known: Usage,
    /// What the agent has used in all its sessions.
    now: Amounts,
    /// The current day, and what the agent had used before it.
    day: Option<(Date, Amounts)>,
    /// What the other agents of this clone used.
    others: Scopes<Amounts>,
    /// When that was summed, and when it is due again.
    due: Option<Instant>,
    /// The caps that the agent was warned of.
    told: Vec<Cap>,
    /// When a cap was reached during a tool call.
    reached: Option<Instant>,
    /// Since when the program has been seen in an answer that may still call a tool.
    answering: Option<Instant>,
    /// The cap that is shown in `status` while the agent is queued.
    shown: Option<Cap>,
}

impl Supervisor {
    /// Returns whether the caps apply: there are some, and the program says what it uses.
    fn is_capped(&self) -> bool {
        let reported = self.spec.launch.protocol.reports();
        !self.spec.spending.caps.is_empty() && (reported.tokens || reported.cost)
    }

    /// Reads what the agent used by its events, before its first launch.
    pub(super) fn read_spending(&mut self) -> Result<()> {
        if self.is_capped() {
            let chain = Chain::of_agent(&self.repo()?, &self.id)?;
            self.remember_spending(&chain.fold().agent, &chain.events);
        }
        Ok(())
    }

    fn remember_spending(&mut self, agent: &Agent, events: &[Event]) {
        let (now, zone) = (self.environment.now(), self.environment.time_zone());
        let day = spending::day_of(now, &zone);
        let before = spending::used_before(events, spending::begin_of(day, &zone, now));
        let used = spending::of_agent(agent);
        let role_before = spending::of_role(agent);
        self.stage = agent.team.as_ref().map_or(0, Team::place);
        if agent.team.as_ref().and_then(Team::last).is_some_and(|part| part.outcome.is_some()) {
            // The role is done: another one, with its own cap, is next.
            self.spec.spending.caps.role = Amounts::default();
        }
        let day = Some((day, before));
        self.spending = Spending { before: used, now: used, role_before, day, ..Spending::default() };
    }

    /// Takes over what the agent and its session used when an attempt is launched.
    pub(super) fn spending_at_launch(&mut self, agent: &Agent) {
        self.spending.before = spending::of_agent(agent);
        self.spending.now = self.spending.before;
        self.spending.role_before = spending::of_role(agent);
        (self.spending.reached, self.spending.answering) = (None, None);
        let resumed = self.session.as_ref().filter(|(_, known)| *known).map(|(session, _)| session);
        let known = Some(&self.used).filter(|used| resumed.is_some() && used.session.as_ref() == resumed);
        self.spending.known = known.cloned().unwrap_or_default();
    }

    fn price(&self, summary: &StreamSummary) -> Option<Price> {
        let model = summary.usage.model.as_deref().or(self.spec.launch.model.as_deref());
        self.spec.spending.price(model)
    }

    /// Notes what the agent has used so far, also for the supervisors of other agents.
    pub(super) fn count(&mut self, summary: &mut StreamSummary) {
        let session = spending::session_now(&self.spending.known, summary, self.price(summary));
        let new = spending::amounts(&session).minus(spending::amounts(&self.spending.known));
        self.spending.now = self.spending.before.plus(new);
        summary.total = self.spending.now;
    }

    /// Adds what the turn in progress used to the usage that the end of the attempt records.
    pub(super) fn settle(&mut self, summary: &mut StreamSummary) {
        self.count(summary);
        if summary.usage.session.is_some() {
            summary.usage = spending::session_now(&self.spending.known, summary, self.price(summary));
        }
        summary.live = Default::default();
    }

    /// Returns the caps that are near or reached, those that are reached first.
    fn caps(&mut self) -> Vec<Cap> {
        if !self.is_capped() {
            return Vec::new();
        }
        let (used, raises) = (self.used_by_scope(), self.raises());
        self.spec.spending.caps.judge(&raises, &used)
    }

    fn used_by_scope(&mut self) -> Scopes<Amounts> {
        let today = spending::day_of(self.environment.now(), &self.environment.time_zone());
        let now = self.spending.now;
        let before = match self.spending.day {
            Some((day, before)) if day == today => before,
            // A new day: the others are summed again.
            _ => {
                self.spending.day = Some((today, now));
                (self.spending.due, self.spending.others.day) = (None, Amounts::default());
                now
            }
        };
        let role = self.spending.role_before.plus(now.minus(self.spending.before));
        let others = &self.spending.others;
        let agent = others.agent.plus(now);
        Scopes { agent, role, run: others.run.plus(now), day: others.day.plus(now.minus(before)) }
    }

    fn shared_raises(&self) -> SharedRaises {
        let today = spending::day_of(self.environment.now(), &self.environment.time_zone());
        SharedRaises::new(&self.private, &self.spec.spending.run, today)
    }

    fn raises(&self) -> Scopes<Raises> {
        let rules = &self.spec.spending;
        let shared = if rules.caps.has_no_common() { Scopes::default() } else { self.shared_raises().read() };
        let role = rules.role_raises.get(&self.stage).copied().unwrap_or_default();
        Scopes { agent: rules.raises, role, ..shared }
    }

    /// Returns whether a cap counts what other agents use: one of the run or of the day, or the agent's own once it started others, or if
    /// another one started it.
    fn counts_others(&self) -> bool {
        let caps = &self.spec.spending.caps;
        let has_parent = self.spec.spending.parent.is_some();
        let may_have_others = || has_parent || self.spec.resumed || self.dir.has_children().exists();
        !caps.has_no_common() || !caps.agent.is_empty() && may_have_others()
    }

    /// Sums what the other agents of this clone used, if a cap needs that and it is due. The sum is made by a helper, and takes at most
    /// one hundredth of the time.
    pub(super) async fn sum_others(&mut self) {
        let is_due = self.spending.due.is_none_or(|due| Instant::now() >= due);
        if !self.is_capped() || !self.counts_others() || !is_due {
            return;
        }
        let begun = Instant::now();
        // What cannot be summed now is summed later: the last figures hold until then.
        if let Ok(others) = self.run_helper(HelperTask::Sum).await.and_then(|helper| helper.sum()) {
            self.spending.others = others;
        }
        let pause = (begun.elapsed() * SUM_SHARE).max(SUM_INTERVAL);
        self.spending.due = Some(Instant::now() + pause);
    }

    /// Returns the money that is left until the first cap on it, with what the session has cost, for a program that stops by itself.
    pub(super) fn money_left(&mut self) -> Option<Cost> {
        if !self.is_capped() {
            return None;
        }
        let (used, raises) = (self.used_by_scope(), self.raises());
        let left = self.spec.spending.caps.money_left(&raises, &used)?;
        Some(left.saturating_add(self.spending.known.cost.unwrap_or_default()))
    }

    /// Looks at the caps while a program runs. Returns the end of the attempt if one is reached, as soon as no tool call is in progress.
    pub(super) fn cap_reached(&mut self, summary: &StreamSummary, waits: bool) -> Result<Option<AttemptEnd>> {
        let may_call = self.may_call_soon(summary);
        for cap in self.caps() {
            if cap.warning {
                self.warn_of_cap(cap, waits)?;
                continue;
            }
            let since = *self.spending.reached.get_or_insert_with(Instant::now);
            // A turn that is over costs nothing more.
            let is_over = summary.last_turn.is_some();
            let is_calling = summary.open_calls > 0 || may_call;
            if !is_over && (!is_calling || since.elapsed() >= CALL_TIME) {
                return Ok(Some(AttemptEnd::Capped(cap)));
            }
        }
        Ok(None)
    }

    /// Returns whether a tool call may follow at once, as the rest of an answer whose words were reported a moment ago. To stop the
    /// program now could interrupt that call.
    fn may_call_soon(&mut self, summary: &StreamSummary) -> bool {
        if !summary.may_call {
            self.spending.answering = None;
            return false;
        }
        self.spending.answering.get_or_insert_with(Instant::now).elapsed() < ANSWER_TIME
    }

    /// Records that a cap is near, once; not while the agent waits, because the event would end that.
    fn warn_of_cap(&mut self, cap: Cap, waits: bool) -> Result<()> {
        if waits || self.spending.told.iter().any(|told| told.is_same(&cap)) {
            return Ok(());
        }
        let step = PhaseChange::new(self.record.attempt, Phase::Running);
        self.append_facts(&[Fact::Phase(PhaseChange { cap: Some(cap.clone()), ..step })])?;
        self.spending.told.push(cap);
        Ok(())
    }

    /// Returns the cap that is reached.
    pub(super) fn reached_cap(&mut self) -> Option<Cap> {
        self.caps().into_iter().find(|cap| !cap.warning)
    }

    /// Returns whether a cap is reached at this moment: what the other agents used is summed again.
    pub(super) async fn is_capped_now(&mut self) -> bool {
        self.spending.due = None;
        self.sum_others().await;
        self.reached_cap().is_some()
    }

    /// Turns the end of an attempt whose program stopped by itself at a cap into a pause. Returns any other end unchanged.
    pub(super) fn pause_if_capped(&mut self, ended: EndedAttempt) -> EndedAttempt {
        let turn = ended.summary.as_ref().and_then(|summary| summary.last_turn.as_ref());
        let failure = turn.and_then(|turn| turn.failure.as_ref());
        let has_stopped = failure.is_some_and(|failure| failure.kind == FailureKind::OutOfBudget);
        match self.reached_cap().filter(|_| has_stopped) {
            Some(cap) => EndedAttempt { end: AttemptEnd::Capped(cap), ..ended },
            None => ended,
        }
    }

    /// Waits in the queue while a cap of the run or of the day is reached. Others go first meanwhile. Returns the end if the agent's own
    /// cap is reached: then it asks.
    pub(super) async fn wait_for_caps(&mut self) -> Result<Option<AttemptEnd>> {
        let mut ticket = None;
        loop {
            self.sum_others().await;
            let Some(cap) = self.reached_cap() else { break };
            if cap.scope.is_own() {
                return Ok(Some(AttemptEnd::Capped(cap)));
            }
            if ticket.is_none() {
                ticket = queue::step_aside(&self.private, &self.id);
            }
            self.show_cap(&cap);
            let _ = fs::remove_file(self.dir.surroundings());
            if let Some(end) = self.wait_once(TICK).await? {
                return Ok(Some(end));
            }
        }
        if self.spending.shown.take().is_some() {
            let _ = fs::remove_file(self.dir.cap());
        }
        match ticket {
            Some(ticket) => queue::rejoin(&self.private, &ticket).map(|()| None),
            None => Ok(None),
        }
    }

    /// Writes the cap for `status`, which cannot tell which agents it applies to.
    fn show_cap(&mut self, cap: &Cap) {
        if self.spending.shown.as_ref() == Some(cap) {
            return;
        }
        if let Ok(text) = serde_json::to_vec(cap)
            && private_files::replace(&self.dir.cap(), text).is_ok()
        {
            self.spending.shown = Some(cap.clone());
        }
    }

    /// Asks the agents below this one to pause as well if its own cap is reached: what they use counts towards it. One that cannot be
    /// asked continues up to its own cap.
    pub(super) fn pause_below(&mut self, cap: &Cap) {
        if cap.scope != CapScope::Agent || !self.dir.has_children().exists() {
            return;
        }
        let id = self.id.clone();
        let reason = format!("agent '{id}', which started it, {}", cap.sentence());
        let _ = self.in_repository(|supervisor| children::pause_below(&supervisor.repo()?, &id, &reason));
    }

    /// Waits, while the agent is paused, for the answer whether a cap may be raised. A cap of the run or of the day may also be raised
    /// by the answer to another agent, or end with the day.
    pub(super) async fn wait_for_raise(&mut self, cap: &Cap) -> Waited {
        loop {
            if self.update_paths() == RepositoryState::Usable {
                if let Some(waited) = self.answer_about(cap) {
                    return waited;
                }
                self.sum_others().await;
                let is_reached = self.caps().iter().any(|now| now.scope == cap.scope && !now.warning);
                if !cap.scope.is_own() && !is_reached {
                    return Waited::Over;
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

    /// Returns how the wait ends if the answer is there.
    fn answer_about(&mut self, cap: &Cap) -> Option<Waited> {
        let answer = self.take_answer()?;
        if answer.allow != Some(true) {
            let why = answer.text.map(|why| format!(": {why}")).unwrap_or_default();
            let reason = format!("{} was not raised{why}", cap.name());
            return Some(Waited::Ended(AttemptEnd::Stopped(Some(reason))));
        }
        match self.raise(cap) {
            Ok(()) => Some(Waited::Over),
            Err(error) => Some(Waited::Ended(AttemptEnd::Failed(error.one_line()))),
        }
    }

    fn raise(&mut self, cap: &Cap) -> Result<()> {
        if !cap.scope.is_own() {
            return self.shared_raises().raise(cap.scope, cap.unit);
        }
        let rules = &mut self.spec.spending;
        match cap.scope {
            CapScope::Role => rules.role_raises.entry(self.stage).or_default().add(cap.unit),
            _ => rules.raises.add(cap.unit),
        }
        self.spec.write(&self.dir)
    }
}
