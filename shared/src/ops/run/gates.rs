//! Opens and closes the gates of a run, and carries out what the answers say.

use super::{
    driver::{Driver, Found},
    edits,
    task_state::take_over,
};
use crate::{
    Code, Kind, Result,
    agents::Words,
    config::{Config, keys::GATE_TIME},
    model::{
        AgentId, IdOrText, WriterId,
        run::{
            Fact, Gate, GateKind, GateOption, Run, RunPhase, TaskEnd, TaskOutcome,
            gate::{GateClosed, GateOpened},
        },
    },
    ops::{gate_object::OpenGate, notices, resume},
    run::{
        self,
        gates::{self, GateStep, GatedWork},
    },
    store::{self, chain::Chain, layout::PrivateDir},
    supervise::{notices::NoticeKind, spec::Spec},
    world::Timestamp,
};

/// The maximum length of what a person added to an answer, when it is passed on to an agent, in characters.
const MAX_NOTE: usize = 4000;

impl Driver<'_> {
    /// Returns whether answers of this writer count here.
    pub(super) fn is_trusted(&self, writer: &WriterId) -> bool {
        store::verdicts::is_trusted(self.repo, writer)
    }

    /// Does what is due at a gate: that of a task, or of the whole run.
    pub(super) fn at_gate(&mut self, found: &Found, task: Option<usize>, step: GateStep) -> Result<()> {
        match step {
            GateStep::Open(kind, says) => self.open_gate(found, task, kind, says),
            GateStep::Close(gate, answer) => {
                let option = answer.as_ref().and_then(|answer| GateOption::parse(&answer.option));
                self.close_gate(found, task, gates::closing(gate, answer.as_ref()), option, "")
            }
            GateStep::Default(gate, option) => {
                let closed = gates::closing_by_default(gate, option);
                self.close_gate(found, task, closed, Some(option), ": nobody answered in time")
            }
            GateStep::Retry(gate) => match (task, found.log.gate(gate)) {
                (Some(place), Some(gate)) => self.retry(found, place, gate),
                _ => Ok(()),
            },
            GateStep::Edit(_) => task.map_or(Ok(()), |place| self.begin_edit(found, place)),
            GateStep::TakeEdit(_) => task.map_or(Ok(()), |place| self.take_edit(found, place)),
            GateStep::Wait | GateStep::Land(_) => Ok(()),
        }
    }

    /// Opens a gate. Only the process that has the lock of the run does so: its number is new.
    pub(super) fn open_gate(
        &self,
        found: &Found,
        task: Option<usize>,
        kind: GateKind,
        says: String,
    ) -> Result<()> {
        let row = task.map(|place| &found.rows[place]);
        let work = task.map_or_else(GatedWork::default, |place| found.works[place].clone());
        let log = Chain::<Run>::of(self.repo, &self.key)?.fold();
        let mut opened = gates::next_gate(
            &log,
            kind,
            says.clone(),
            row.map(|row| row.id.to_string()),
            work,
            // Nobody is hurried who resolves a conflict by hand.
            if kind == GateKind::Edit { None } else { self.gate_deadline()? },
        );
        if kind == GateKind::Conflict && self.started.review.is_some() {
            // Nobody would review what the agent writes at the landing; 'retry' has it reviewed.
            opened.options.retain(|option| option != GateOption::Agent.as_str());
        }
        match (kind, task) {
            (GateKind::Budget, _) => opened.cap.clone_from(&found.cap),
            (GateKind::Limit, Some(place)) => {
                opened.until = found.limits[place];
                let can_wait =
                    |option: &String| opened.until.is_some() || option != GateOption::Wait.as_str();
                opened.options.retain(can_wait);
            }
            _ => {}
        }
        opened.agent = row.and_then(|row| row.agent.as_ref()).map(|id: &AgentId| IdOrText::read(id.as_str()));
        let gate = opened.gate;
        self.append(&[Fact::GateOpened(opened.clone())])?;
        self.tell_of_gate(&opened);
        if let Some(row) = row {
            (self.show)(&super::TaskRow { gate: Some(gate), reason: Some(says), ..row.clone() });
        }
        Ok(())
    }

    /// Returns when the default is taken at a gate that is opened now, if the user wants that.
    fn gate_deadline(&self) -> Result<Option<Timestamp>> {
        let limit = Config::of(self.repo).get(&GATE_TIME)?;
        Ok((!limit.is_zero()).then(|| self.repo.now().checked_add(limit).ok()).flatten())
    }

    /// Tells a person who is not looking.
    fn tell_of_gate(&self, opened: &GateOpened) {
        let task = opened.task.as_ref().map_or_else(String::new, |task| format!(", task {task}"));
        let says = opened.says.as_deref().unwrap_or("-");
        let reason = format!("gate {} of run {}{task}: {says}", opened.gate, self.key);
        let object = serde_json::json!({ "run": self.key.as_str(), "gate": opened });
        notices::tell(self.repo, NoticeKind::RunGate, &reason, &object);
    }

    /// Closes a gate, in one event commit with what that ends.
    fn close_gate(
        &mut self,
        found: &Found,
        task: Option<usize>,
        closed: GateClosed,
        option: Option<GateOption>,
        why: &str,
    ) -> Result<()> {
        let gate = closed.gate;
        let mut facts = vec![Fact::GateClosed(closed)];
        let row = task.map(|place| &found.rows[place]);
        match (option, row) {
            (Some(GateOption::Stop), _) => {
                let reason = Some(format!("stopped at gate {gate}{why}"));
                facts.push(Fact::Finished { phase: RunPhase::Stopped, reason });
                if found.tasks.iter().any(|task| task.state == run::TaskState::Working) {
                    self.warnings.push(format!(
                        "agents of the run still work; git orchestra stop tag:{} stops them",
                        run::tag(&self.key)
                    ));
                }
            }
            (Some(GateOption::Skip), Some(row)) => {
                let (task, outcome) = (row.id.to_string(), TaskOutcome::Skipped);
                let reason = Some(format!("left out at gate {gate}{why}"));
                facts.push(Fact::Task(TaskEnd::new(task, outcome, reason.clone())));
                self.append(&facts)?;
                (self.show)(&super::TaskRow { outcome: Some(outcome), reason, ..row.clone() });
                return Ok(());
            }
            _ => {}
        }
        self.append(&facts)
    }

    /// Resumes the agent of a task with the reason. If that cannot be done, a person is asked again.
    fn retry(&mut self, found: &Found, place: usize, gate: &Gate) -> Result<()> {
        let Some(id) = found.rows[place].agent.clone() else { return Ok(()) };
        // One that a limit interrupted learns of it when it resumes.
        let message = match gate.kind() {
            GateKind::Limit => gate.heeded().and_then(|answer| answer.note.clone()),
            _ => Some(self.message(found, place, &id, gate)),
        };
        let message = message.map(Words::Composed);
        let despite_limit = gate.kind() == GateKind::Limit;
        match self.resume_with(&id, message, despite_limit) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == Kind::Interrupted => Err(self.interrupted()),
            Err(error) => {
                let says = format!("its agent cannot be resumed: {}", error.one_line());
                self.open_gate(found, Some(place), gate.kind(), says)
            }
        }
    }

    /// Resumes the agent of a task, with a message if there is one. `despite_limit` starts it although a usage limit has not ended.
    ///
    /// # Errors
    /// It cannot be resumed, or the user interrupts it.
    pub(super) fn resume_with(
        &mut self,
        id: &AgentId,
        message: Option<Words>,
        despite_limit: bool,
    ) -> Result<()> {
        let take_over = take_over(&self.log()?);
        let with = |message| resume::Request {
            agents: vec![id.to_string()],
            message,
            take_over,
            despite_limit,
            ..resume::Request::default()
        };
        let resumed = match resume::run(self.context, self.repo, &with(message)) {
            // It would run the message as a script: it gets its task again.
            Err(error) if error.code == Code::TaskIsScript => {
                resume::run(self.context, self.repo, &with(None))
            }
            other => other,
        };
        self.warnings.extend(resumed?.warnings);
        Ok(())
    }

    /// Returns the message with which the agent of a task is resumed.
    fn message(&self, found: &Found, place: usize, id: &AgentId, gate: &Gate) -> String {
        let into = &self.started.into;
        let mut parts = Vec::new();
        let private = self.repo.private_dir().map(PrivateDir::new);
        let spec = private.and_then(|private| Spec::read(&private.agent(id)));
        // A program without sessions knows nothing of its task but this.
        if spec.is_ok_and(|spec| !spec.launch.has_sessions()) {
            let task = self.plan.tasks.iter().find(|task| task.id == found.rows[place].id);
            parts.extend(task.map(crate::plan::Task::text));
        }
        let says = gate.opened.says.as_deref().unwrap_or("the reason is not known");
        parts.push(match gate.kind() {
            GateKind::Conflict => format!(
                "Your work on this task conflicts with the branch {into}: {says}\n\
                 Merge {into} into your branch, and resolve the conflicts."
            ),
            GateKind::Review => self.remarks_for(id).unwrap_or_else(|_| {
                format!("Your work on this task was reviewed and not approved: {says}\nCorrect it.")
            }),
            GateKind::Files => {
                format!("Your work on this task changes more than it may: {says}\nUndo the other changes.")
            }
            GateKind::CheckFailed => {
                format!("Your work on this task fails the check on the branch {into}: {says}\nCorrect it.")
            }
            GateKind::Publish => format!("Your work on this task was not published: {says}\nCorrect it."),
            _ => format!("Your work on this task is not done: {says}\nContinue, and finish it."),
        });
        let note = gate.heeded().and_then(|answer| answer.note.as_deref());
        parts.extend(note.map(|note| note.chars().take(MAX_NOTE).collect()));
        parts.join("\n\n")
    }

    /// Returns the open gates, as reports show them.
    pub(super) fn open_gates(&self, found: &Found) -> Vec<OpenGate> {
        let mut gates = OpenGate::all(&found.log, &|writer| self.is_trusted(writer));
        for gate in &mut gates {
            gate.worktree = edits::worktree(self.repo, self.key.as_str(), gate);
        }
        gates
    }
}
