//! Carries out the steps that [`crate::run`] decides, one at a time. After each, the state is read from the refs again.

use std::{collections::BTreeMap, fs, time::Duration};

use super::{
    Report, TaskRow, agents,
    agents::ToReview,
    rows, started,
    started::StartedRun,
    taken,
    task_state::{has_taken, state, take_over, work_of},
    undone,
};
use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    context::{Context, interrupted},
    lock::Lock,
    model::{
        AgentId, Liveness, RunKey, WriterId,
        cap::Cap,
        run::{Fact, Fold, Gate, Run, RunPhase, TaskEnd, TaskOutcome},
    },
    ops::{
        agent_object::AgentObject, gate_object::RunClone, notices, pr::place::PublishPlace, repairing,
        resume, settings::Settings, spawn, status,
    },
    plan::{Plan, Task},
    run::{
        self, RunTask, Step, TaskState,
        gates::{self, GateStep, GatedWork, Judge},
    },
    store::{self, chain::Chain, writer},
    supervise::notices::NoticeKind,
    trust::AcceptedRepo,
    world::Timestamp,
};

/// How often a process that drives a run resumes an agent that was lost. A person who continues the run allows as many again.
const MOST_RESUMES: u32 = 2;

/// The process that drives a run, and its lock.
pub(super) struct Driver<'a> {
    pub(super) context: &'a Context,
    pub(super) repo: &'a AcceptedRepo,
    pub(super) show: &'a dyn Fn(&TaskRow),
    pub(super) key: RunKey,
    pub(super) started: StartedRun,
    pub(super) plan: Plan,
    pub(super) writer: WriterId,
    /// How often this process resumed each agent.
    resumes: BTreeMap<AgentId, u32>,
    pub(super) warnings: Vec<String>,
    /// Where it published work.
    pub(super) place: Option<PublishPlace>,
    /// `None` if it only reads.
    lock: Option<Lock>,
}

/// What the refs say of a run.
pub(super) struct Found {
    /// What the clones that drove the run wrote into its log, and the answers of all clones.
    pub(super) log: Fold,
    pub(super) tasks: Vec<RunTask>,
    pub(super) rows: Vec<TaskRow>,
    /// The work of the agent of each task, for which an answer counts.
    pub(super) works: Vec<GatedWork>,
    /// When the usage limit of the agent of each task ends.
    pub(super) limits: Vec<Option<Timestamp>>,
    /// The cap of the run that is reached, or else near.
    pub(super) cap: Option<Cap>,
    /// The agents that have not ended, in this clone.
    pub(super) at_work: Vec<AgentId>,
}

/// Returns how the agent of a task is started. What the plan says of the task comes before what was typed for all.
pub(super) fn order(started: &StartedRun, task: &Task) -> spawn::Request {
    let typed = started.agent.as_ref().filter(|_| task.team.is_none());
    spawn::Request {
        tasks: vec![task.text()],
        agents: task.agent.as_ref().or(typed).into_iter().cloned().collect(),
        team: task.team.clone(),
        base: Some(started.into.clone()),
        settings: Settings { jobs: started.jobs, ..Settings::default() },
        // Tags say which agent works on which task of which run.
        again: true,
        ..spawn::Request::default()
    }
}

impl<'a> Driver<'a> {
    /// Takes the lock of a run.
    pub(super) fn open(
        context: &'a Context,
        repo: &'a AcceptedRepo,
        key: RunKey,
        show: &'a dyn Fn(&TaskRow),
    ) -> Result<Self> {
        let path = started::lock_file(repo, &key)?;
        let lock = Lock::take(&path, Duration::ZERO)?.ok_or_else(|| {
            Error::new(Code::LockHeld, format!("another process drives run '{key}'"))
                .hint("git orchestra status --watch shows its agents")
        })?;
        Ok(Self { lock: Some(lock), ..Self::reading(context, repo, key, show)? })
    }

    /// Returns the state of a run without its lock, to read it.
    pub(super) fn reading(
        context: &'a Context,
        repo: &'a AcceptedRepo,
        key: RunKey,
        show: &'a dyn Fn(&TaskRow),
    ) -> Result<Self> {
        let started = StartedRun::read(repo, &key)?;
        let plan = started.plan()?;
        let warnings = Vec::new();
        let writer = writer::writer(repo)?;
        let resumes = BTreeMap::new();
        let (place, lock) = (None, None);
        Ok(Self { context, repo, show, key, started, plan, writer, resumes, warnings, place, lock })
    }

    /// Takes steps until the run has ended or needs a person. A run of which nothing could be started ends by that.
    pub(super) fn drive(mut self) -> Result<Report> {
        let driven = match self.take_steps() {
            // It was given up, which ended the step.
            Err(error) if error.kind() == Kind::Interrupted && self.log()?.run.phase.is_end() => {
                self.find().map(|found| (found, false))
            }
            // Another clone took it, which ended the step, or keeps this one from recording what it did.
            Err(_) if !self.log()?.is_driven_by(&self.writer) => {
                return Err(taken::error(&self.key, &self.log()?));
            }
            driven => driven,
        };
        let ended = match &driven {
            Err(error) if error.kind() != Kind::Interrupted => self.end_if_nothing_started(error)?,
            Err(_) => false,
            Ok((found, _)) => found.log.run.phase.is_end(),
        };
        if ended && self.lock.is_some() {
            // Nobody drives it any more.
            let _ = started::lock_file(self.repo, &self.key).map(fs::remove_file);
        }
        let (found, has_ended_it) = match driven {
            Ok(driven) => driven,
            Err(error) if ended => return Err(error),
            Err(error) => return Err(self.stopped(error)),
        };
        let repo = self.repo;
        let report = self.report(found);
        if has_ended_it {
            tell_of_end(repo, &report);
        }
        Ok(report)
    }

    /// Takes steps until the run has ended or needs a person. Returns what it found, and whether it ended the run itself.
    fn take_steps(&mut self) -> Result<(Found, bool)> {
        let repaired = repairing::repair_before_spawn(self.context, self.repo)?;
        self.warnings.extend(repaired);
        let mut backoff = Backoff::millis(50, 1000);
        let mut has_ended_it = false;
        loop {
            let found = self.find()?;
            let step = match found.log.run.phase {
                RunPhase::Running => self.next(&found),
                _ => return Ok((found, has_ended_it)),
            };
            taken::require_driving(&self.key, &found.log, &self.writer)?;
            if !matches!(step, Step::Wait | Step::NeedPerson) {
                backoff = Backoff::millis(50, 1000);
            }
            match step {
                Step::Record { task, outcome, reason } => self.record(&found.rows[task], outcome, reason)?,
                Step::Gate(task, step) => self.at_gate(&found, task, step)?,
                Step::Resume(places) => {
                    self.resume_lost(places.iter().filter_map(|place| found.rows[*place].agent.as_ref()))?;
                }
                Step::Review(place, step) => self.review(&found, place, step)?,
                Step::Land(places) if self.started.publish => self.publish(&found, &places)?,
                Step::LandWith(place, _) if self.started.publish => self.publish(&found, &[place])?,
                Step::Land(places) => self.land(&found, &places, None)?,
                Step::LandWith(place, option) => self.land(&found, &[place], Some(option))?,
                Step::Start(places) => self.start(&found, &places)?,
                Step::Wait if self.context.cancel.wait(backoff.pause()) => return Err(self.interrupted()),
                Step::Wait => {}
                // At its deadline the default is taken, unless an answer comes first.
                Step::NeedPerson if found.log.open_gates().any(|gate| gate.opened.deadline.is_some()) => {
                    self.context.cancel.wait(backoff.pause());
                }
                Step::NeedPerson => return Ok((found, false)),
                Step::End(phase) => has_ended_it = self.end(phase, None)?,
            }
            if self.context.cancel.is_cancelled() {
                return Err(self.interrupted());
            }
        }
    }

    /// Records the end of the run, unless a person has given it up meanwhile. Returns whether it was recorded.
    fn end(&self, phase: RunPhase, reason: Option<String>) -> Result<bool> {
        if self.log()?.run.phase.is_end() {
            return Ok(false);
        }
        self.append(&[Fact::Finished { phase, reason }])?;
        Ok(true)
    }

    /// Reads the log. What a clone wrote into it that did not drive the run says nothing of what was done; only its answers count.
    pub(super) fn log(&self) -> Result<Fold> {
        Ok(Chain::<Run>::of(self.repo, &self.key)?.fold())
    }

    /// Appends to the log, unless another clone has taken the run meanwhile. A gate is not closed with an answer whose event has another id
    /// by now, because it was redacted.
    ///
    /// # Errors
    /// Another clone drives the run (4), or the events cannot be written.
    pub(super) fn append(&self, facts: &[Fact]) -> Result<()> {
        let drives = |fold: &Fold| {
            let may =
                fold.is_driven_by(&self.writer) && !facts.iter().any(|fact| names_lost_answer(fact, fold));
            may.then(|| facts.to_vec())
        };
        let after = store::append_if(self.repo, &self.key, drives)?;
        taken::require_driving(&self.key, &after, &self.writer)
    }

    /// Ends a run that has neither an agent nor a gate, because of an error: there is nothing in it to continue. Returns whether it has ended.
    fn end_if_nothing_started(&self, error: &Error) -> Result<bool> {
        let found = self.find()?;
        let is_untouched = found.log.tasks.is_empty()
            && found.log.gates.is_empty()
            && found.rows.iter().all(|row| row.agent.is_none());
        if is_untouched && !found.log.run.phase.is_end() {
            self.end(RunPhase::Failed, Some(format!("nothing could be started: {}", error.one_line())))?;
        }
        Ok(is_untouched || found.log.run.phase.is_end())
    }

    /// Returns what to do next in a run that has not ended.
    fn next(&self, found: &Found) -> Step {
        let is_trusted = |writer: &WriterId| self.is_trusted(writer);
        let judge = Judge { is_trusted: &is_trusted, now: self.repo.now() };
        let plan = self.started.confirm.then(|| gates::of_plan(&found.log.gates, judge)).flatten();
        match plan {
            Some(GateStep::Wait) => Step::NeedPerson,
            Some(step) => Step::Gate(None, step),
            None => self.next_of_tasks(found, judge),
        }
    }

    /// Reads the state of the run and of its agents.
    pub(super) fn find(&self) -> Result<Found> {
        let log = self.log()?;
        let is_trusted = |writer: &WriterId| self.is_trusted(writer);
        let judge = Judge { is_trusted: &is_trusted, now: self.repo.now() };
        let mut rows = rows(&self.plan, &self.started.tasks);
        let agents = agents::of_run(self.repo, &self.key, self.started.tasks.len())?;
        let undone = undone::find(self.repo, &self.started.into, &log, &rows, &agents.tasks)?;
        let reviewers = agents.reviewers.values().flatten().map(|one| &one.id);
        let ids: Vec<String> =
            agents.tasks.values().map(|agent| &agent.0).chain(reviewers).map(ToString::to_string).collect();
        let mut objects = Vec::new();
        if !ids.is_empty() {
            let request = status::Request { agents: ids, ..status::Request::default() };
            objects = status::run(self.context, self.repo, &request)?.agents;
        }
        let is_at_work = |object: &&AgentObject| matches!(object.liveness, Liveness::Live | Liveness::Lost);
        let at_work = objects.iter().filter(is_at_work).map(|object| object.id.clone()).collect();
        let cap = self.cap(&log, &objects)?;
        let (mut tasks, mut works, mut limits) = (Vec::new(), Vec::new(), Vec::new());
        for (place, row) in rows.iter_mut().enumerate() {
            let agent = agents.tasks.get(&place);
            row.agent = agent.map(|agent| agent.0.clone());
            row.pull_request = agent.and_then(|agent| agent.1.published.clone());
            let end = log.tasks.iter().find(|end| end.task == row.id.as_str());
            let work = agent.map(|(_, agent)| work_of(agent)).unwrap_or_default();
            let state = match (end, agent) {
                (Some(_), _) if undone.contains_key(&place) => {
                    (row.outcome, row.reason) = (Some(TaskOutcome::Skipped), Some(undone::REASON.to_owned()));
                    TaskState::Ended(TaskOutcome::Skipped)
                }
                (Some(end), _) => {
                    row.outcome = Some(end.outcome());
                    row.reason.clone_from(&end.reason);
                    TaskState::Ended(end.outcome())
                }
                (None, None) => TaskState::Unstarted,
                (None, Some(of_task @ (id, agent))) => match objects.iter().find(|object| object.id == *id) {
                    Some(object) => {
                        let may_resume = self.may_resume(id);
                        let mut state = state(object, agent, &self.started.into, may_resume, has_taken(&log));
                        if state == TaskState::Ready && self.started.review.is_some() {
                            let reviewers = agents.reviewers.get(&place).map_or(&[][..], Vec::as_slice);
                            let (work, objects, log) = (&work, &objects, &log);
                            let to = ToReview { id, agent, work, reviewers, objects, log };
                            state = self.review_state(row, &to)?;
                        }
                        if state == TaskState::Ready && self.is_rejected(row, of_task, &work, &log)? {
                            state = TaskState::NotApproved("rejected in review".to_owned());
                        }
                        if matches!(state, TaskState::Ready | TaskState::LandedUnrecorded) {
                            state = undone::state(self.repo, agent, &undone)?.unwrap_or(state);
                        }
                        state
                    }
                    None => TaskState::NeedsPerson("its state cannot be read".to_owned()),
                },
            };
            let of_task = |gate: &&Gate| gate.opened.task.as_deref() == Some(row.id.as_str());
            let newest = log.gates.iter().rev().find(of_task);
            let state = gates::gated(state, newest, &work, !self.started.yolo, judge);
            match (&state, newest) {
                (TaskState::NeedsPerson(why), _) => row.reason = Some(why.clone()),
                (TaskState::AtGate(GateStep::Wait), Some(gate)) => {
                    row.gate = Some(gate.opened.gate);
                    row.reason.clone_from(&gate.opened.says);
                }
                _ => {}
            }
            let object = row.agent.as_ref().and_then(|id| objects.iter().find(|object| object.id == *id));
            limits.push(object.and_then(|object| object.limit.as_ref()?.until));
            works.push(work);
            tasks.push(RunTask { id: row.id.clone(), after: row.after.clone(), state });
        }
        Ok(Found { log, tasks, rows, works, limits, cap, at_work })
    }

    /// Returns whether this process may still resume an agent if it was lost.
    pub(super) fn may_resume(&self, id: &AgentId) -> bool {
        self.resumes.get(id).is_none_or(|times| *times < MOST_RESUMES)
    }

    fn start(&mut self, found: &Found, places: &[usize]) -> Result<()> {
        for (number, place) in places.iter().enumerate() {
            // Starting many takes a while, in which a person may give the run up.
            if number > 0 && self.log()?.run.phase.is_end() {
                return Ok(());
            }
            let row = &found.rows[*place];
            let Some(task) = self.plan.tasks.iter().find(|task| task.id == row.id) else { continue };
            let request = spawn::Request {
                tags: vec![run::tag(&self.key).parse()?, run::task_tag(&self.key, *place).parse()?],
                ..self.order_after(found, *place, task)
            };
            let report = spawn::run(self.context, self.repo, &request)?;
            self.warnings.extend(report.warnings);
            let agent = report.agents.into_iter().next().map(|agent| agent.id);
            (self.show)(&TaskRow { agent, ..row.clone() });
        }
        Ok(())
    }

    /// Resumes agents whose processes were killed, or that were made by a process that was killed before it started them. What
    /// prevents that is a warning: after [`MOST_RESUMES`] attempts the agent is left to a person.
    pub(super) fn resume_lost<'i>(&mut self, ids: impl Iterator<Item = &'i AgentId>) -> Result<()> {
        let take_over = take_over(&self.log()?);
        for id in ids {
            *self.resumes.entry(id.clone()).or_default() += 1;
            let is_here = store::agent(self.repo, id)?.writer == self.writer;
            let request =
                resume::Request { agents: vec![id.to_string()], take_over, ..resume::Request::default() };
            match resume::run(self.context, self.repo, &request) {
                Ok(report) => {
                    self.warnings.push(if is_here {
                        format!("agent '{id}' was lost, and the run resumed it")
                    } else {
                        format!(
                            "agent '{id}' worked in another clone; it continues here from what was synced"
                        )
                    });
                    self.warnings.extend(report.warnings);
                }
                Err(error) if error.kind() == Kind::Interrupted => return Err(self.interrupted()),
                Err(error) => self
                    .warnings
                    .push(format!("agent '{id}' was lost, and cannot be resumed: {}", error.one_line())),
            }
        }
        Ok(())
    }

    pub(super) fn record(&self, row: &TaskRow, outcome: TaskOutcome, reason: Option<String>) -> Result<()> {
        let end = TaskEnd::new(row.id.to_string(), outcome, reason.clone());
        self.append(&[Fact::Task(end)])?;
        (self.show)(&TaskRow { outcome: Some(outcome), reason, ..row.clone() });
        Ok(())
    }

    pub(super) fn report(mut self, found: Found) -> Report {
        if let Some(clone) = found.log.driver.as_ref().filter(|clone| clone.writer != self.writer) {
            self.warnings.push(format!(
                "{} drove it to its end: what landed is in the branch of that clone",
                clone.name()
            ));
        }
        self.warn_of_edits(&found);
        if let Some(near) = found.cap.as_ref().filter(|cap| cap.warning) {
            self.warnings.push(near.warning_sentence());
        }
        let gates = self.open_gates(&found);
        let driver = found.log.driver.as_ref().map(|clone| RunClone::of(clone, Some(&self.writer)));
        Report {
            gates,
            driver,
            run: Some(self.key.to_string()),
            into: self.started.into,
            phase: found.log.run.phase,
            publishes_to: self.place,
            tasks: found.rows,
            warnings: self.warnings,
            dry_run: false,
        }
    }

    pub(super) fn interrupted(&self) -> Error {
        interrupted(format!("interrupted; the agents of run '{}' keep running", self.key))
    }

    /// Adds to an error how the run is continued, if that is for this clone to do.
    fn stopped(&self, error: Error) -> Error {
        if error.code == Code::RunTaken {
            return error;
        }
        error.hint_command(&[&"git", &"orchestra", &"run", &"--continue", &self.key.as_str()])
    }
}

/// Returns whether a fact closes a gate with an answer that the log does not have.
fn names_lost_answer(fact: &Fact, log: &Fold) -> bool {
    let Fact::GateClosed(closed) = fact else { return false };
    let Some(decision) = &closed.decision else { return false };
    let has = |gate: &Gate| gate.answers.iter().any(|answer| answer.event.hex() == *decision);
    !log.gate(closed.gate).is_some_and(has)
}

/// Tells of the end of a run.
fn tell_of_end(repo: &AcceptedRepo, report: &Report) {
    let kind = match report.phase {
        RunPhase::Done => NoticeKind::RunDone,
        RunPhase::Partial => NoticeKind::RunPartial,
        RunPhase::Failed => NoticeKind::RunFailed,
        RunPhase::Running | RunPhase::Stopped => return,
    };
    let number = |outcome| report.tasks.iter().filter(|task| task.outcome == Some(outcome)).count();
    let (landed, published) = (number(TaskOutcome::Landed), number(TaskOutcome::Published));
    let also = if published == 0 { String::new() } else { format!(", {published} published") };
    let reason = format!("{landed} of {} tasks landed in {}{also}", report.tasks.len(), report.into);
    notices::tell(repo, kind, &reason, report);
}
