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

use std::collections::BTreeMap;

use super::{
    Agent, BranchName, CommitId, Cost, Event, Fact, IdOrText, Limit, Phase, SessionId, WorkStat, WriterId,
    event::{Check, Collected, Created, Finished, Landed, Landing, PhaseChange, Usage, in_order},
    landing::{FailedCheck, SetAside},
    text::{self, short, short_or_none},
    verdict::{self, CurrentVerdict, Review},
};

/// The version of these rules. State that was written under another version is folded again.
pub const FOLD: u32 = 8;

/// Maximum width of a branch name in the state, in columns.
const BRANCH: usize = 1024;

/// The state of an agent, and what else its events say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fold {
    /// The state.
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
    /// Every verdict on its work, in order.
    pub verdicts: Vec<CurrentVerdict>,
}

/// The two ways to end an agent's program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StopMode {
    /// The attempt ends as stopped.
    Stop,
    /// The attempt is paused until somebody resumes the agent.
    Pause,
}

/// Folds events, which may come in any order and several times.
pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Fold {
    let mut folder = Folder::default();
    for event in in_order(events) {
        folder.apply(event);
    }
    folder.fold.agent.conflicts = folder.fold.conflicts.len() as u64;
    folder.fold
}

#[derive(Default)]
struct Folder {
    fold: Fold,
    /// The writer that launched each attempt.
    launches: BTreeMap<u32, WriterId>,
    /// The cost in micros, the input tokens, and the output tokens of each session.
    used: BTreeMap<SessionId, [Option<u64>; 3]>,
    /// The turns and denials of each attempt.
    counts: BTreeMap<u32, (u64, u64)>,
}

impl Folder {
    fn apply(&mut self, event: &Event) {
        self.fold.agent.lamport = event.lamport;
        self.fold.agent.told_at = event.at;
        match &event.fact {
            None => self.fold.newer += 1,
            Some(Fact::Created(created)) => self.created(event, created),
            Some(Fact::Stop { reason }) => {
                self.fold.stop_asked = event.lamport;
                self.fold.asked = Some((StopMode::Stop, reason.clone()));
            }
            // A request to pause does not replace a request to stop.
            Some(Fact::Pause { reason }) => {
                let stops = self.fold.asked.as_ref().is_some_and(|(rest, _)| *rest == StopMode::Stop);
                if !stops {
                    self.fold.asked = Some((StopMode::Pause, reason.clone()));
                }
            }
            Some(Fact::Send(_) | Fact::Restored {}) => {}
            Some(Fact::Phase(step)) => self.phase(event, step),
            Some(Fact::Finished(finished)) => self.finished(event, finished),
            Some(Fact::Landed(landed)) => apply_landing(&mut self.fold.agent, landed, &event.writer),
            Some(Fact::Verdict(review)) => self.apply_verdict(event, review),
            Some(Fact::Collected(collected)) => {
                apply_collected(&mut self.fold.agent, collected, &event.writer);
            }
        }
    }

    fn created(&mut self, event: &Event, created: &Created) {
        if self.fold.created {
            self.conflict(format!("created twice, by {} and {}", self.fold.agent.writer, event.writer));
            return;
        }
        self.fold.created = true;
        let agent = &mut self.fold.agent;
        agent.title = text::title(&created.title);
        agent.profile = short(&created.profile);
        agent.model = short_or_none(created.model.as_deref());
        agent.run = created.run.short();
        agent.place = created.place;
        agent.parent = IdOrText::short_or_none(created.parent.as_ref());
        agent.reviews = IdOrText::short_or_none(created.reviews.as_ref());
        agent.permission = short_or_none(created.permission.as_deref());
        agent.writer.clone_from(&event.writer);
        agent.label = short_or_none(created.label.as_deref());
        agent.base = created.base.short();
        agent.branch = text::one_line(&created.branch, BRANCH).into();
        agent.queued_at = event.at;
    }

    fn phase(&mut self, event: &Event, step: &PhaseChange) {
        let launch = step.phase == Phase::Starting;
        if !self.is_of_attempt(event, step.attempt, launch) || step.attempt < self.fold.agent.attempt {
            return;
        }
        let agent = &mut self.fold.agent;
        if step.attempt > agent.attempt {
            *agent = Agent {
                attempt: step.attempt,
                exit_code: None,
                ended_at: None,
                started_at: None,
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
            self.fold.asked = None;
        }
        agent.phase = step.phase;
        agent.limit = None;
        agent.reason = short_or_none(step.reason.as_deref());
        agent.question = short_or_none(step.question.as_deref());
        agent.choice = step.choice && agent.question.is_some();
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
        if finished.attempt < self.fold.agent.attempt {
            return;
        }
        let same = finished.attempt == self.fold.agent.attempt;
        let before = self.fold.agent.phase;
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
        let agent = &mut self.fold.agent;
        if !same {
            agent.started_at = None;
        }
        self.fold.asked = None;
        agent.attempt = finished.attempt;
        agent.phase = finished.phase;
        agent.reason = short_or_none(finished.reason.as_deref());
        agent.question = None;
        agent.choice = false;
        agent.ended_at = Some(event.at);
        agent.exit_code = finished.exit;
        let head = IdOrText::short_or_none(finished.head.as_ref()).or_else(|| agent.head.take());
        set_work(agent, head, &finished.work, finished.unfinished.as_deref());
        agent.unsaved = short_or_none(finished.unsaved.as_deref());
        agent.limit = finished.limit.clone().map(Limit::with_safe_kind);
    }

    fn apply_verdict(&mut self, event: &Event, review: &Review) {
        self.fold.verdicts.push(CurrentVerdict::of(review, &event.writer));
        let agent = &mut self.fold.agent;
        agent.verdict = verdict::effective_verdict(&self.fold.verdicts).cloned();
        if let Err(at) = agent.verdict_writers.binary_search(&event.writer) {
            agent.verdict_writers.insert(at, event.writer.clone());
        }
    }

    fn used(&mut self, attempt: u32, usage: &Usage) {
        let session = SessionId::short_or_none(usage.session.as_ref()).unwrap_or_default();
        let figures = [usage.cost.map(Cost::micros), usage.input_tokens, usage.output_tokens];
        let known = self.used.entry(session).or_default();
        for (known, said) in known.iter_mut().zip(figures) {
            *known = (*known).max(said);
        }
        let counts = self.counts.entry(attempt).or_default();
        *counts = (counts.0.max(usage.turns), counts.1.max(usage.denials));
        let sum = |at: usize| {
            let all = self.used.values().filter_map(|figures| figures[at]);
            all.fold(None, |sum: Option<u64>, one| Some(sum.unwrap_or(0).saturating_add(one)))
        };
        let agent = &mut self.fold.agent;
        agent.cost = sum(0).map(Cost::from_micros);
        [agent.input_tokens, agent.output_tokens] = [sum(1), sum(2)];
        agent.turns = self.counts.values().fold(0, |sum, counts| sum.saturating_add(counts.0));
        agent.denials = self.counts.values().fold(0, |sum, counts| sum.saturating_add(counts.1));
        agent.model = short_or_none(usage.model.as_deref()).or_else(|| agent.model.take());
    }

    /// Returns whether an event of `attempt` comes from the writer that launched it. Attempt 0 is before any launch.
    fn is_of_attempt(&mut self, event: &Event, attempt: u32, launch: bool) -> bool {
        if attempt == 0 {
            return true;
        }
        match self.launches.get(&attempt) {
            None => {
                self.launches.insert(attempt, event.writer.clone());
                true
            }
            Some(writer) if *writer == event.writer => true,
            Some(writer) => {
                if launch {
                    let sentence = format!("attempt {attempt} was launched by {writer} and {}", event.writer);
                    self.conflict(sentence);
                }
                false
            }
        }
    }

    fn conflict(&mut self, sentence: String) {
        self.fold.conflicts.push(sentence);
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
    set_work(agent, head, &collected.work, collected.unfinished.as_deref());
    agent.unsaved = None;
    if let Some(phase) = collected.phase.filter(|_| *writer == agent.writer) {
        agent.phase = phase;
        agent.limit = None;
        agent.reason = short_or_none(collected.reason.as_deref());
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
        Landing::Undone => {
            (agent.landed_head, agent.landed_as, agent.landed_in) = (None, None, None);
        }
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
