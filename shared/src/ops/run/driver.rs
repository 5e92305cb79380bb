//! Carries out the steps that [`crate::run`] decides, one at a time. After each, the state is read from the refs again.

use std::{collections::BTreeMap, time::Duration};

use super::{Report, TaskRow, rows, started, started::StartedRun, task_tag};
use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    context::{Context, interrupted},
    landing::{State, open_landings},
    lock::Lock,
    model::{
        Agent, AgentId, IdOrText, Liveness, Phase, RunKey, WriterId,
        run::{Fact, Fold, Gate, GateKind, GateOption, Run, RunPhase, TaskEnd, TaskOutcome},
    },
    ops::{
        agent_object::AgentObject,
        merge_ranked::{self, BranchOutcome, BranchRow, Incomplete, Mode, OnConflict},
        notices, repairing, resume,
        settings::Settings,
        spawn, status,
    },
    plan::{Plan, Task},
    run::{
        self, RunTask, Step, TaskState,
        gates::{self, GateStep, GatedWork},
    },
    store::{self, Listing, chain::Chain, operations::Journal, writer},
    supervise::notices::NoticeKind,
    trust::AcceptedRepo,
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
    _lock: Lock,
}

/// What the refs say of a run.
pub(super) struct Found {
    /// What this clone wrote into the log of the run, and the answers of all clones.
    pub(super) log: Fold,
    pub(super) tasks: Vec<RunTask>,
    pub(super) rows: Vec<TaskRow>,
    /// The work of the agent of each task, for which an answer counts.
    pub(super) works: Vec<GatedWork>,
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
        let started = StartedRun::read(repo, &key)?;
        let plan = started.plan()?;
        let warnings = Vec::new();
        let writer = writer::writer(repo)?;
        let resumes = BTreeMap::new();
        Ok(Self { context, repo, show, key, started, plan, writer, resumes, warnings, _lock: lock })
    }

    /// Takes steps until the run has ended or needs a person.
    pub(super) fn drive(mut self) -> Result<Report> {
        let repaired = repairing::repair_before_spawn(self.context, self.repo)?;
        self.warnings.extend(repaired);
        let mut backoff = Backoff::millis(50, 1000);
        let mut has_ended_it = false;
        loop {
            let found = self.find()?;
            let step = match found.log.run.phase {
                RunPhase::Running => self.next(&found),
                _ => {
                    let repo = self.repo;
                    let report = self.report(found);
                    if has_ended_it {
                        tell_of_end(repo, &report);
                    }
                    return Ok(report);
                }
            };
            if step != Step::Wait {
                backoff = Backoff::millis(50, 1000);
            }
            match step {
                Step::Record { task, outcome, reason } => self.record(&found.rows[task], outcome, reason)?,
                Step::Gate(task, step) => self.at_gate(&found, task, step)?,
                Step::Resume(places) => self.resume(&found, &places)?,
                Step::Land(places) => self.land(&found, &places, None)?,
                Step::LandWith(place, option) => self.land(&found, &[place], Some(option))?,
                Step::Start(places) => self.start(&found, &places)?,
                Step::Wait if self.context.cancel.wait(backoff.pause()) => return Err(self.interrupted()),
                Step::Wait => {}
                Step::NeedPerson => return Ok(self.report(found)),
                Step::End(phase) => {
                    store::append(self.repo, &self.key, &[Fact::Finished { phase, reason: None }])?;
                    has_ended_it = true;
                }
            }
            if self.context.cancel.is_cancelled() {
                return Err(self.interrupted());
            }
        }
    }

    /// Returns what to do next in a run that has not ended.
    fn next(&self, found: &Found) -> Step {
        let is_trusted = |writer: &WriterId| self.is_trusted(writer);
        let plan = self.started.confirm.then(|| gates::of_plan(&found.log.gates, &is_trusted)).flatten();
        match plan {
            Some(GateStep::Wait) => Step::NeedPerson,
            Some(step) => Step::Gate(None, step),
            None => run::next(&found.tasks, self.started.sequential),
        }
    }

    /// Reads the state of the run and of its agents.
    fn find(&self) -> Result<Found> {
        let chain = Chain::<Run>::of(self.repo, &self.key)?;
        // What another clone wrote into this log says nothing of what was done here; only its answers are read.
        let log = gates::of_driver(&chain.events, &self.writer);
        let is_trusted = |writer: &WriterId| self.is_trusted(writer);
        let mut rows = rows(&self.plan, &self.started.tasks);
        let agents = self.agents()?;
        let ids: Vec<String> = agents.values().map(|agent| agent.0.to_string()).collect();
        let mut objects = Vec::new();
        if !ids.is_empty() {
            let request = status::Request { agents: ids, ..status::Request::default() };
            objects = status::run(self.context, self.repo, &request)?.agents;
        }
        let (mut tasks, mut works) = (Vec::new(), Vec::new());
        for (place, row) in rows.iter_mut().enumerate() {
            let agent = agents.get(&place);
            row.agent = agent.map(|agent| agent.0.clone());
            let end = log.tasks.iter().find(|end| end.task == row.id.as_str());
            let state = match (end, agent) {
                (Some(end), _) => {
                    row.outcome = Some(end.outcome);
                    row.reason.clone_from(&end.reason);
                    TaskState::Ended(end.outcome)
                }
                (None, None) => TaskState::Unstarted,
                (None, Some((id, agent))) => match objects.iter().find(|object| object.id == *id) {
                    Some(object) => {
                        let may_resume = self.resumes.get(id).is_none_or(|times| *times < MOST_RESUMES);
                        state(object, agent, &self.started.into, may_resume)
                    }
                    None => TaskState::NeedsPerson("its state cannot be read".to_owned()),
                },
            };
            let work = agent.map(|(_, agent)| work_of(agent)).unwrap_or_default();
            let of_task = |gate: &&Gate| gate.opened.task.as_deref() == Some(row.id.as_str());
            let newest = log.gates.iter().rev().find(of_task);
            let state = gates::gated(state, newest, &work, !self.started.yolo, &is_trusted);
            match (&state, newest) {
                (TaskState::NeedsPerson(why), _) => row.reason = Some(why.clone()),
                (TaskState::AtGate(GateStep::Wait), Some(gate)) => {
                    row.gate = Some(gate.opened.gate);
                    row.reason.clone_from(&gate.opened.says);
                }
                _ => {}
            }
            works.push(work);
            tasks.push(RunTask { id: row.id.clone(), after: row.after.clone(), state });
        }
        Ok(Found { log, tasks, rows, works })
    }

    /// Returns the agents of the run by the places of their tasks. The tags were written in the event that made the agent, so that
    /// there is never a second one for a task.
    fn agents(&self) -> Result<BTreeMap<usize, (AgentId, Agent)>> {
        let listing = Listing::read(self.repo)?;
        let mut agents = BTreeMap::new();
        for row in &listing.rows {
            let tags = listing.trailer(row, "Tags").unwrap_or_default();
            let place = (0..self.started.tasks.len())
                .filter(|_| tags.contains(self.key.as_str()))
                .find(|place| tags.split(' ').any(|tag| tag == task_tag(&self.key, *place)));
            if let Some(place) = place {
                let agent = listing.agent(self.repo, row)?;
                agents.entry(place).or_insert_with(|| (row.id.clone(), agent));
            }
        }
        Ok(agents)
    }

    fn start(&mut self, found: &Found, places: &[usize]) -> Result<()> {
        for place in places {
            let row = &found.rows[*place];
            let Some(task) = self.plan.tasks.iter().find(|task| task.id == row.id) else { continue };
            let request = spawn::Request {
                tags: vec![run::tag(&self.key).parse()?, task_tag(&self.key, *place).parse()?],
                ..order(&self.started, task)
            };
            let report =
                spawn::run(self.context, self.repo, &request).map_err(|error| self.stopped(error))?;
            self.warnings.extend(report.warnings);
            let agent = report.agents.into_iter().next().map(|agent| agent.id);
            (self.show)(&TaskRow { agent, ..row.clone() });
        }
        Ok(())
    }

    /// Resumes agents whose processes were killed, or that were made by a process that was killed before it started them. What
    /// prevents that is a warning: after [`MOST_RESUMES`] attempts the agent is left to a person.
    fn resume(&mut self, found: &Found, places: &[usize]) -> Result<()> {
        for id in places.iter().filter_map(|place| found.rows[*place].agent.as_ref()) {
            *self.resumes.entry(id.clone()).or_default() += 1;
            let request = resume::Request { agents: vec![id.to_string()], ..resume::Request::default() };
            match resume::run(self.context, self.repo, &request) {
                Ok(report) => {
                    self.warnings.push(format!("agent '{id}' was lost, and the run resumed it"));
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

    fn land(&mut self, found: &Found, places: &[usize], option: Option<GateOption>) -> Result<()> {
        let agents: Vec<AgentId> =
            places.iter().filter_map(|place| found.rows[*place].agent.clone()).collect();
        let request = merge_ranked::Request {
            mode: self.landing_mode(found)?,
            branches: agents.iter().map(ToString::to_string).collect(),
            into: Some(self.started.into.clone()),
            test: self.started.check.clone(),
            on_conflict: on_conflict(option),
            repairs: if option == Some(GateOption::Agent) { 2 } else { 0 },
            ..merge_ranked::Request::default()
        };
        let report =
            merge_ranked::run(self.context, self.repo, &request).map_err(|error| self.stopped(error))?;
        self.warnings.extend(report.warnings.iter().cloned());
        match report.why_incomplete() {
            None => {}
            Some(Incomplete::Interrupted) => return Err(self.interrupted()),
            Some(why) => {
                let error = Error::new(Code::CheckoutBlocked, format!("{}; the landing waits", why.reason()));
                let hints = if let Incomplete::Blocked { hints, .. } = why { hints.as_slice() } else { &[] };
                return Err(self.stopped(hints.iter().cloned().fold(error, Error::hint)));
            }
        }
        let mut recorded = false;
        for step in &report.order {
            let Some((outcome, reason)) = end(step) else { continue };
            let place = places.iter().find(|place| found.rows[**place].agent == step.agent);
            if let Some(place) = place.filter(|_| step.agent.is_some()) {
                if outcome == TaskOutcome::Failed && !self.started.yolo {
                    self.open_gate(found, Some(*place), gate_kind(step), reason.unwrap_or_default())?;
                } else {
                    self.record(&found.rows[*place], outcome, reason)?;
                }
                recorded = true;
            }
        }
        // Otherwise the same landing would be tried without end.
        if recorded || request.mode == Mode::Continue {
            Ok(())
        } else {
            Err(self.stopped(Error::new(Code::TargetBusy, "the landing ended and decided about no task")))
        }
    }

    /// Returns whether to begin a landing, or to continue the one of this run that a killed process left, of whichever of its agents: those
    /// may have landed already. One without checks is left to the person who began it: a run lands nothing untested.
    fn landing_mode(&self, found: &Found) -> Result<Mode> {
        let Some(open) = open_landings::find(self.repo, &self.started.into)? else { return Ok(Mode::New) };
        let ours = found.rows.iter().filter_map(|row| row.agent.as_ref()).any(|id| open.uses(id, ""));
        let state = State::load(self.repo, &Journal::open(self.repo, &open.operation.id)?)?;
        let is_checked = !state.options.checks.is_empty();
        Ok(if ours && is_checked { Mode::Continue } else { Mode::New })
    }

    fn record(&self, row: &TaskRow, outcome: TaskOutcome, reason: Option<String>) -> Result<()> {
        let end = TaskEnd { task: row.id.to_string(), outcome, reason: reason.clone() };
        store::append(self.repo, &self.key, &[Fact::Task(end)])?;
        (self.show)(&TaskRow { outcome: Some(outcome), reason, ..row.clone() });
        Ok(())
    }

    fn report(self, found: Found) -> Report {
        let gates = self.open_gates(&found);
        Report {
            gates,
            run: Some(self.key.to_string()),
            into: self.started.into,
            phase: found.log.run.phase,
            tasks: found.rows,
            warnings: self.warnings,
            dry_run: false,
        }
    }

    pub(super) fn interrupted(&self) -> Error {
        self.stopped(interrupted(format!("interrupted; the agents of run '{}' keep running", self.key)))
    }

    /// Adds to an error how the run is continued.
    fn stopped(&self, error: Error) -> Error {
        error.hint_command(&[&"git", &"orchestra", &"run", &"--continue", &self.key.as_str()])
    }
}

/// Returns the work of an agent for which an answer at a gate counts.
fn work_of(agent: &Agent) -> GatedWork {
    GatedWork { attempt: Some(agent.attempt), head: agent.head_commit().map(|head| head.to_string()) }
}

/// Returns why a person is asked about a branch that did not land.
const fn gate_kind(step: &BranchRow) -> GateKind {
    match step.outcome {
        BranchOutcome::SetAside => GateKind::Conflict,
        BranchOutcome::Failed => GateKind::CheckFailed,
        _ => GateKind::Failed,
    }
}

/// Returns how a landing resolves conflicts after an answer.
const fn on_conflict(option: Option<GateOption>) -> OnConflict {
    match option {
        Some(GateOption::Agent) => OnConflict::Agent,
        Some(GateOption::Ours) => OnConflict::Ours,
        Some(GateOption::Theirs) => OnConflict::Theirs,
        _ => OnConflict::Skip,
    }
}

/// Returns the state of the task of an agent. `may_resume` says whether the run may still resume it if it was lost.
fn state(object: &AgentObject, agent: &Agent, into: &str, may_resume: bool) -> TaskState {
    let reason = object.reason.clone().unwrap_or_default();
    let told = |word: &str| if reason.is_empty() { word.to_owned() } else { format!("{word}: {reason}") };
    let landed_head = agent.landed_head.as_ref().and_then(IdOrText::commit);
    let is_landed = landed_head.is_some() && landed_head == agent.head_commit();
    match (object.liveness, object.phase) {
        (Liveness::Live, Phase::Waiting) => TaskState::NeedsPerson(
            object.waiting.clone().map_or_else(|| told("waiting"), |asks| format!("asks: {asks}")),
        ),
        (Liveness::Live, Phase::Paused) if object.cap.is_some() => TaskState::NeedsPerson(told("paused")),
        (Liveness::Live, _) => TaskState::Working,
        (Liveness::Lost, _) if may_resume => TaskState::Lost,
        (Liveness::Lost, _) => TaskState::NeedsPerson(told("lost")),
        (Liveness::Remote, _) => TaskState::NeedsPerson("works in another clone".to_owned()),
        (Liveness::Ended, Phase::Done) if is_landed && object.landed_in.as_deref() == Some(into) => {
            TaskState::LandedUnrecorded
        }
        (Liveness::Ended, Phase::Done) => TaskState::Ready,
        (Liveness::Ended, Phase::Paused) => TaskState::NeedsPerson(told("paused")),
        (Liveness::Ended, phase) => TaskState::NotDone(told(phase.as_str())),
    }
}

/// Tells of the end of a run.
fn tell_of_end(repo: &AcceptedRepo, report: &Report) {
    let kind = match report.phase {
        RunPhase::Done => NoticeKind::RunDone,
        RunPhase::Partial => NoticeKind::RunPartial,
        RunPhase::Failed => NoticeKind::RunFailed,
        RunPhase::Running | RunPhase::Stopped => return,
    };
    let landed = report.tasks.iter().filter(|task| task.outcome == Some(TaskOutcome::Landed)).count();
    let reason = format!("{landed} of {} tasks landed in {}", report.tasks.len(), report.into);
    notices::tell(repo, kind, &reason, report);
}

/// Returns how the task of a branch ended by a landing, if the landing decided that.
fn end(step: &BranchRow) -> Option<(TaskOutcome, Option<String>)> {
    let why = step.why.clone().unwrap_or_else(|| step.reason.clone());
    match step.outcome {
        BranchOutcome::Merged => Some((TaskOutcome::Landed, None)),
        BranchOutcome::UpToDate | BranchOutcome::NothingNew => {
            Some((TaskOutcome::Landed, Some("has nothing that the target does not have".to_owned())))
        }
        BranchOutcome::SetAside
        | BranchOutcome::Failed
        | BranchOutcome::TakenBack
        | BranchOutcome::Blocked => Some((TaskOutcome::Failed, Some(why))),
        _ => None,
    }
}
