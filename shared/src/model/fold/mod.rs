//! The fold: a total function from a *set* of events to an agent's state. Order of arrival, duplicates, and the machine do not
//! matter.
//!
//! An agent lives in the clone that launched its highest attempt.
//!
//! Events are applied in the order (Lamport number, event id). A higher attempt wins. Within one attempt an end beats every
//! phase that is not an end; between two ends `done > failed > timeout > stopped`, and the contradiction is listed; between two
//! other phases the later one holds. Of two launches with one number, the first is the attempt; the other is listed as a
//! contradiction, and its later events are ignored.
//!
//! Usage is reported as the total of a session so far: of one session the highest figure holds, and the figures of several
//! sessions are added.

mod launches;
mod messages;
mod reviews;
mod usage;
mod works;

use serde::{Deserialize, Serialize};

pub use self::messages::Messages;
pub use self::reviews::{GivenReview, Reviews, standing_reviews};
use self::{launches::Launches, usage::SessionUsage};
use super::{
    Agent, BranchName, Cap, CommitId, Dependency, Event, Fact, IdOrText, Limit, Phase, SessionId, Tag, Team,
    WorkCheck, WorkStat, WriterId,
    event::{Check, Collected, Created, Finished, Landed, Landing, LeftOut, PhaseChange, Usage},
    hand_over::HandOver,
    landing::{FailedCheck, SetAside},
    request::{AskedRequest, Grant},
    subject::Subject as _,
    text::{self, short, short_or_none},
    verdict::CurrentVerdict,
};

/// The version of these rules. State that was written under another version is folded again.
pub const FOLD: u32 = 22;

/// Maximum width of a branch name in the state, in columns.
const BRANCH: usize = 1024;

/// The state of an agent, and what else its events say: enough to apply later events without the earlier ones. In JSON the state
/// is left out, because its trailers hold it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fold {
    /// The state.
    #[serde(skip)]
    pub agent: Agent,
    /// Contradictions between events, each as a sentence.
    pub conflicts: Vec<String>,
    /// The number of events that are newer than this program; if there is any, the agent is read-only here.
    pub newer: usize,
    /// The highest Lamport number of a request to stop; 0 if there is none.
    pub stop_asked: u64,
    /// The request to stop or pause since the last launch, with its reason, unless the agent has ended since.
    pub asked: Option<(StopMode, Option<String>)>,
    /// Whether there is a `created` event. Without it, the agent has no title, base, or branch.
    pub created: bool,
    /// The verdicts on its work, in order: of each reviewer in each clone, the last one on each work.
    pub verdicts: Vec<CurrentVerdict>,
    /// The verdicts on the work that was reviewed last, in full.
    pub reviews: Reviews,
    /// The files that were left out when its work was captured last.
    pub left_out: Vec<LeftOut>,
    /// The last end of its highest attempt that ended; `None` before the first end.
    pub end: Option<LastEnd>,
    /// The clones that wrote any of the events, sorted.
    pub writers: Vec<WriterId>,
    /// Its messages that nobody has read, and how many its newest attempt wrote.
    pub messages: Messages,
    launches: Launches,
    usage: SessionUsage,
    works: works::Works,
}

/// What an end of an attempt says about files that were not captured.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LastEnd {
    /// The number of the attempt.
    pub attempt: u32,
    /// The files that were left out.
    pub left_out: Vec<LeftOut>,
    /// How many more were left out.
    pub left_out_more: u64,
}

/// The two ways to end an agent's program.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopMode {
    /// The attempt ends as stopped.
    Stop,
    /// The attempt is paused until somebody resumes the agent.
    Pause,
}

/// Folds events, which may come in any order and several times.
pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Fold {
    Agent::fold(events)
}

impl Fold {
    /// Applies one event, which comes after all others in the order.
    pub(super) fn apply(&mut self, event: &Event) {
        self.agent.lamport = event.lamport;
        self.agent.told_at = event.at;
        insert_sorted(&mut self.writers, &event.writer);
        match &event.fact {
            None => self.newer += 1,
            Some(Fact::Created(created)) => self.created(event, created),
            Some(Fact::Stop { reason }) => {
                self.stop_asked = event.lamport;
                self.asked = Some((StopMode::Stop, reason.clone()));
            }
            // A request to pause does not replace a request to stop.
            Some(Fact::Pause { reason }) => {
                let stops = self.asked.as_ref().is_some_and(|(rest, _)| *rest == StopMode::Stop);
                if !stops {
                    self.asked = Some((StopMode::Pause, reason.clone()));
                }
            }
            Some(Fact::Send(_) | Fact::Restored {}) => {}
            // Tags choose what lands, so only the clone that it lives in changes them.
            Some(Fact::Tagged(change)) if event.writer == self.agent.writer => {
                Tag::change(&mut self.agent.tags, &change.add, &change.remove);
            }
            Some(Fact::Tagged(_)) => {}
            // Only the clone that it lives in knows who wrote a message.
            Some(Fact::Said(said)) if event.writer == self.agent.writer => {
                self.messages.add(event, said);
                self.agent.said += 1;
                self.agent.unread = self.messages.unread();
            }
            Some(Fact::Read(read)) if event.writer == self.agent.writer => {
                self.messages.read(&read.messages);
                self.agent.unread = self.messages.unread();
            }
            Some(Fact::Said(_) | Fact::Read(_) | Fact::Heard(_)) => {}
            // Any clone may push; the newest account holds.
            Some(Fact::Published(published)) => self.agent.published = Some(published.checked()),
            Some(Fact::Phase(step)) => self.phase(event, step),
            Some(Fact::Finished(finished)) => {
                self.left_out.clone_from(&finished.work.left_out);
                if self.end.as_ref().is_none_or(|end| end.attempt <= finished.attempt) {
                    let WorkStat { left_out, left_out_more, .. } = finished.work.clone();
                    self.end = Some(LastEnd { attempt: finished.attempt, left_out, left_out_more });
                }
                self.finished(event, finished);
                self.works.name(&mut self.agent, &event.writer, finished.head.as_ref());
            }
            Some(Fact::Landed(landed)) => apply_landing(&mut self.agent, landed, &event.writer),
            Some(Fact::Verdict(review)) => self.apply_verdict(event, review),
            Some(Fact::Withdrawn(withdrawn)) => self.withdraw_verdict(event, withdrawn),
            Some(Fact::Collected(collected)) => {
                self.left_out.clone_from(&collected.work.left_out);
                apply_collected(&mut self.agent, collected, &event.writer);
                self.works.name(&mut self.agent, &event.writer, Some(&collected.head));
            }
        }
    }

    fn created(&mut self, event: &Event, created: &Created) {
        if self.created {
            self.conflict(format!("created twice, by {} and {}", self.agent.writer, event.writer));
            return;
        }
        self.created = true;
        let agent = &mut self.agent;
        agent.title = text::title(&created.title);
        agent.profile = short(&created.profile);
        agent.role = short_or_none(created.role.as_deref());
        agent.team = created.team.as_ref().and_then(Team::checked);
        agent.model = short_or_none(created.model.as_deref());
        agent.run = created.run.short();
        agent.place = created.place;
        agent.parent = IdOrText::short_or_none(created.parent.as_ref());
        agent.reviews = IdOrText::short_or_none(created.reviews.as_ref());
        agent.designer = created.designer;
        agent.permission = short_or_none(created.permission.as_deref());
        agent.writer.clone_from(&event.writer);
        agent.label = short_or_none(created.label.as_deref());
        agent.tags = Tag::valid(&created.tags);
        agent.base = created.base.short();
        agent.after = Dependency::of_event(&created.after);
        agent.on_failed = short_or_none(created.on_failed.as_deref());
        agent.snapshot = IdOrText::short_or_none(created.snapshot.as_ref());
        agent.snapshot_files = created.snapshot_files;
        agent.branch = text::one_line(&created.branch, BRANCH).into();
        agent.queued_at = event.at;
    }

    fn phase(&mut self, event: &Event, step: &PhaseChange) {
        let launch = step.phase == Phase::Starting;
        if !self.is_of_attempt(event, step.attempt, launch) || step.attempt < self.agent.attempt {
            return;
        }
        let agent = &mut self.agent;
        if step.attempt > agent.attempt {
            if let Some(team) = agent.team.as_mut().filter(|_| step.phase == Phase::Queued) {
                team.resumed_after(agent.phase);
            }
            *agent = Agent {
                attempt: step.attempt,
                exit_code: None,
                ended_at: None,
                started_at: None,
                last_words: None,
                check: None,
                stuck_turns: 0,
                ..agent.clone()
            };
            if agent.writer != event.writer {
                agent.writer.clone_from(&event.writer);
                agent.label = short_or_none(step.label.as_deref());
            }
        } else if agent.phase.is_terminal() {
            return;
        }
        if launch {
            agent.started_at = Some(event.at);
            agent.sandbox = short_or_none(step.sandbox.as_deref());
            self.asked = None;
        }
        agent.phase = step.phase;
        agent.limit = None;
        // A warning holds for the rest of the attempt.
        agent.cap = step.cap.clone().or_else(|| agent.cap.take().filter(|cap| cap.warning && !launch));
        agent.reason = short_or_none(step.reason.as_deref());
        agent.question = short_or_none(step.question.as_deref());
        agent.choice = step.choice && agent.question.is_some();
        agent.request = step.request.as_ref().and_then(AskedRequest::checked);
        agent.stuck_turns = step.stuck_turns.unwrap_or(agent.stuck_turns);
        agent.automatic += u64::from(step.automatic);
        if let Some(pattern) = &step.always {
            Grant::add(&mut agent.always, pattern, &event.writer);
        }
        if let Some(profile) = short_or_none(step.profile.as_deref()) {
            agent.role = short_or_none(step.role.as_deref());
            if profile != agent.profile {
                HandOver::add(&mut agent.handed_over, step.attempt, &agent.profile);
                // Session, model and permissions are words of the earlier program.
                *agent = Agent { profile, session: None, model: None, permission: None, ..agent.clone() };
            }
        }
        if let Some(started) = &step.started_with {
            agent.start_with(started);
        }
        if let (Some(part), Some(team)) = (&step.part, &mut agent.team) {
            team.apply(step.attempt, part);
            if part.begins() {
                // The next role has a conversation and options of its own, even if it runs the same program.
                *agent = Agent { session: None, model: None, permission: None, ..agent.clone() };
            }
        }
        agent.session = SessionId::short_or_none(step.session.as_ref()).or_else(|| agent.session.take());
        agent.permission = short_or_none(step.permission.as_deref()).or_else(|| agent.permission.take());
        agent.model = short_or_none(step.model.as_deref()).or_else(|| agent.model.take());
    }

    fn finished(&mut self, event: &Event, finished: &Finished) {
        if !self.is_of_attempt(event, finished.attempt, false) {
            return;
        }
        if let Some(usage) = &finished.usage {
            self.used(finished.attempt, usage);
        }
        if finished.attempt < self.agent.attempt {
            // Another clone took it over while it ran: its late result is not the agent's, but it is not lost either.
            if event.writer != self.agent.writer {
                self.works.came_late();
            }
            return;
        }
        let same = finished.attempt == self.agent.attempt;
        let before = self.agent.phase;
        if same && before.is_terminal() {
            if before != finished.phase {
                self.conflict(format!(
                    "attempt {} ended twice: {} and {}",
                    finished.attempt,
                    before.as_str(),
                    finished.phase.as_str()
                ));
            }
            if before.rank() >= finished.phase.rank() {
                return;
            }
        }
        let agent = &mut self.agent;
        if !same {
            agent.started_at = None;
        }
        // An attempt that was paused may end a second time; it did not run in between.
        if let Some(started) = agent.started_at.filter(|_| !before.is_at_rest()) {
            // The clock of the wall may have been set between the two times.
            let by_wall = || u64::try_from(event.at.as_second() - started.as_second()).unwrap_or(0);
            let ran = finished.ran_seconds.unwrap_or_else(by_wall);
            agent.ran_seconds = agent.ran_seconds.saturating_add(ran);
        }
        self.asked = None;
        agent.attempt = finished.attempt;
        agent.phase = finished.phase;
        agent.reason = short_or_none(finished.reason.as_deref());
        agent.cap.clone_from(&finished.cap);
        let asked = finished.cap.as_ref().filter(|_| agent.asks_about_cap()).map(Cap::question);
        agent.question = asked.as_ref().map(|_| format!("{}{}", super::cap::QUESTION, finished.attempt));
        agent.choice = false;
        agent.request = asked.map(|asked| AskedRequest::new(&asked, None));
        agent.stuck_turns = 0;
        agent.ended_at = Some(event.at);
        agent.exit_code = finished.exit;
        agent.last_words = short_or_none(finished.last_words.as_deref());
        agent.check = finished.check.as_ref().and_then(WorkCheck::short);
        let head = IdOrText::short_or_none(finished.head.as_ref()).or_else(|| agent.head.take());
        set_work(agent, head, &finished.work, finished.unfinished.as_deref());
        agent.unsaved = short_or_none(finished.unsaved.as_deref());
        agent.limit = finished.limit.clone().map(Limit::with_safe_kind);
    }

    fn used(&mut self, attempt: u32, usage: &Usage) {
        let part = self.agent.team.as_ref().and_then(|team| team.part_of_attempt(attempt));
        self.usage.add(attempt, part, usage);
        let agent = &mut self.agent;
        if let Some((team, part)) = agent.team.as_mut().zip(part)
            && let Some(known) = team.parts.get_mut(part)
        {
            known.used = self.usage.of_part(part);
        }
        let totals = self.usage.totals();
        agent.cost = totals.cost;
        (agent.input_tokens, agent.output_tokens) = (totals.input_tokens, totals.output_tokens);
        (agent.turns, agent.denials) = (totals.turns, totals.denials);
        agent.model = short_or_none(usage.model.as_deref()).or_else(|| agent.model.take());
    }

    /// Returns whether an event of `attempt` comes from the writer that launched it. Attempt 0 is before any launch.
    fn is_of_attempt(&mut self, event: &Event, attempt: u32, launch: bool) -> bool {
        if attempt == 0 {
            return true;
        }
        let Some(writer) = self.launches.writer(attempt) else {
            self.launches.add(attempt, &event.writer);
            return true;
        };
        if *writer == event.writer {
            return true;
        }
        if launch {
            self.works.launched_twice(&mut self.agent);
            let sentence = format!("attempt {attempt} was launched by {writer} and {}", event.writer);
            self.conflict(sentence);
        }
        false
    }

    fn conflict(&mut self, sentence: String) {
        self.conflicts.push(sentence);
        self.agent.conflicts = self.conflicts.len() as u64;
    }
}

fn insert_sorted(writers: &mut Vec<WriterId>, writer: &WriterId) {
    if let Err(at) = writers.binary_search(writer) {
        writers.insert(at, writer.clone());
    }
}

/// Sets head and figures of an agent's work. Nothing else sets them.
fn set_work(agent: &mut Agent, head: Option<IdOrText<CommitId>>, work: &WorkStat, unfinished: Option<&str>) {
    agent.head = head;
    agent.work = work.without_paths();
    agent.unfinished = short_or_none(unfinished);
}

/// Applies work that was collected after the end. It counts only while the agent is at rest in the same attempt.
fn apply_collected(agent: &mut Agent, collected: &Collected, writer: &WriterId) {
    if !agent.phase.is_at_rest() || collected.attempt != agent.attempt {
        return;
    }
    let head = IdOrText::short_or_none(Some(&collected.head));
    if let Some(check) = agent.check.as_mut().filter(|_| agent.head != head) {
        check.outdated = true;
    }
    if let Some(started) = collected.started_with.as_ref().filter(|_| *writer == agent.writer) {
        agent.start_with(started);
    }
    set_work(agent, head, &collected.work, collected.unfinished.as_deref());
    agent.unsaved = None;
    if let Some(phase) = collected.phase.filter(|_| *writer == agent.writer) {
        agent.phase = phase;
        agent.limit = None;
        if agent.cap.take().is_some() {
            (agent.question, agent.request) = (None, None);
        }
        agent.reason = short_or_none(collected.reason.as_deref());
        if let Some(session) = &collected.session {
            agent.session = SessionId::short_or_none(Some(session));
        }
    }
}

/// Applies the outcome of a landing. The last outcome holds; work that did not land does not change what landed before.
fn apply_landing(agent: &mut Agent, landed: &Landed, writer: &WriterId) {
    match landed.outcome {
        Landing::Merged | Landing::UpToDate => {
            agent.landed_head = IdOrText::short_or_none(Some(&landed.head));
            agent.landed_as = IdOrText::short_or_none(landed.commit.as_ref());
            agent.landed_in = BranchName::short_or_none(Some(&landed.into));
            agent.set_aside = None;
            // Another clone may run other checks, or none: only the clone that saw the check fail clears it.
            agent.failed_check = agent
                .failed_check
                .take()
                .filter(|failed| failed.writer != *writer || !landed.passed.contains(&failed.check.id));
        }
        Landing::Undone => apply_undone(agent, landed, writer),
        Landing::NothingNew => {}
        Landing::SetAside => {
            let why =
                short_or_none(landed.reason.as_deref()).unwrap_or_else(|| "no reason was given".to_owned());
            agent.set_aside = Some(SetAside { head: landed.head.short(), into: landed.into.short(), why });
        }
        Landing::Failed => {
            agent.set_aside = None;
            agent.failed_check = Some(FailedCheck {
                check: failed_check(landed),
                head: landed.head.short(),
                into: landed.into.short(),
                why: short_or_none(landed.reason.as_deref()).unwrap_or_default(),
                writer: writer.clone(),
            });
        }
    }
}

/// Applies the undo of a landing. Why the work did not land holds no longer if that landing said so.
fn apply_undone(agent: &mut Agent, landed: &Landed, writer: &WriterId) {
    let is_of = |head: &IdOrText<CommitId>, into: &BranchName| {
        *head == landed.head.short() && *into == landed.into.short()
    };
    match landed.undone {
        None | Some(Landing::Merged) => {
            (agent.landed_head, agent.landed_as, agent.landed_in) = (None, None, None);
        }
        Some(Landing::SetAside) => {
            agent.set_aside = agent.set_aside.take().filter(|aside| !is_of(&aside.head, &aside.into));
        }
        // As with a check that passes: only the clone that saw it fail clears it.
        Some(Landing::Failed) => {
            agent.failed_check = agent
                .failed_check
                .take()
                .filter(|failed| failed.writer != *writer || !is_of(&failed.head, &failed.into));
        }
        Some(Landing::UpToDate | Landing::NothingNew | Landing::Undone) => {}
    }
}

/// Returns the check that failed. An event of version 0.1.0 names it only in its reason: `test fails: exit code 1`.
fn failed_check(landed: &Landed) -> Check {
    let named = || landed.reason.as_deref()?.split_once(" fails: ").map(|(name, _)| name);
    let name = landed.check.as_ref().map(|check| check.name.as_str()).or_else(named);
    let check = landed.check.as_ref();
    Check {
        name: short_or_none(name).unwrap_or_else(|| "check".to_owned()),
        id: short_or_none(check.map(|check| check.id.as_str())).unwrap_or_default(),
        command: short_or_none(check.and_then(|check| check.command.as_deref())),
    }
}

/// Returns whether a fact would change the state of an agent; `true` for every fact but `Landed` and `Collected`.
pub fn is_worth_recording(agent: &Agent, fact: &Fact, writer: &WriterId) -> bool {
    let mut after = agent.clone();
    match fact {
        Fact::Landed(landed) => apply_landing(&mut after, landed, writer),
        Fact::Collected(collected) => apply_collected(&mut after, collected, writer),
        // A request, a message, or a verdict is worth recording even if the state stays the same.
        _ => return true,
    }
    after != *agent
}

#[cfg(test)]
pub(crate) use tests as tests_support;

#[cfg(test)]
pub(crate) mod tests;
