//! Computes the state of a run from its events: a total function of a *set* of events, as for agents.
//!
//! If a run was created more than once, the first event counts. If it ended more than once, the highest phase counts:
//! `done > partial > failed > stopped`. A second creation, and an end with another phase, are listed as conflicts.
//! Of several ends of one task the highest counts, `landed > published > unchanged > failed > skipped`, and of equal ones the first.
//! A gate is closed by the first event of the clone that opened it, or of one that has taken the run since.
//! What a clone that does not drive the run writes about tasks, gates, and the end of the run changes nothing, and is listed as a conflict.

use serde::{Deserialize, Serialize};

use super::{
    DrivingClone, Fact, Gate, Run, TaskEnd,
    drive::Driving,
    fact::Created,
    gate::{Decided, GateClosed, GateOpened, MAX_GATES},
};
use crate::model::{
    AgentId, IdOrText, WriterId,
    event::{Event, EventId},
    subject::Subject as _,
    text::{self, short_or_none},
};

/// The version of these rules. State that was written with another version is folded again.
pub const FOLD: u32 = 6;

/// The result of folding the events of a run. In JSON the state is left out, because its trailers hold it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fold {
    /// The state.
    #[serde(skip)]
    pub run: Run,
    /// Its agents, in the order of their tasks.
    pub agents: Vec<IdOrText<AgentId>>,
    /// The ends of the tasks of its plan, in the order in which they were first recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskEnd>,
    /// Its gates, in the order in which they were opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    /// The events that contain notes about it, in order.
    pub notes: Vec<EventId>,
    /// Contradictions between events, each described in a few words.
    pub conflicts: Vec<String>,
    /// The number of events that are newer than this program. If there are any, the run is read-only here.
    pub newer: usize,
    /// Whether the event that creates the run was found. Without it, the run has no title and no agents.
    pub created: bool,
    /// The clone that drives it; `None` only if the event that creates the run was not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<DrivingClone>,
}

/// Folds events, which may be in any order and may be repeated.
pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event<Fact>>) -> Fold {
    Run::fold(events)
}

impl Fold {
    /// Applies one event, which comes after all others in the order.
    pub(super) fn apply(&mut self, event: &Event<Fact>) {
        self.run.lamport = event.lamport;
        self.run.updated_at = event.at;
        if self.is_void(event) {
            self.conflict(format!("clone {} wrote about its course and does not drive it", event.writer));
            return;
        }
        match &event.fact {
            None => self.newer += 1,
            Some(Fact::Created(created)) => self.created(event, created),
            Some(Fact::Note { .. }) => {
                self.notes.push(event.id);
                self.run.notes += 1;
            }
            Some(Fact::Task(end)) => self.task_ended(end),
            Some(Fact::Finished { phase, reason }) => {
                let before = self.run.phase;
                if before.is_end() && before != *phase {
                    self.conflict(format!("ended twice: {before} and {phase}"));
                }
                if before.rank() < phase.rank() {
                    self.run.phase = *phase;
                    self.run.ended_at = Some(event.at);
                    self.run.reason = short_or_none(reason.as_deref());
                }
            }
            Some(Fact::GateOpened(opened)) => self.gate_opened(event, opened),
            Some(Fact::Decided(decided)) => self.decided(event, decided),
            Some(Fact::GateClosed(closed)) => self.gate_closed(event, closed),
            Some(Fact::Driving(driving)) => self.driving(event, driving),
        }
    }

    /// Returns whether this clone drives the run.
    pub fn is_driven_by(&self, writer: &WriterId) -> bool {
        self.driver.as_ref().is_some_and(|driver| driver.writer == *writer)
    }

    /// Returns whether only the clone that drives the run may write this, and another one did.
    fn is_void(&self, event: &Event<Fact>) -> bool {
        let is_of_driver = matches!(
            event.fact,
            Some(Fact::Task(_) | Fact::Finished { .. } | Fact::GateOpened(_) | Fact::GateClosed(_))
        );
        is_of_driver && self.driver.as_ref().is_some_and(|driver| driver.writer != event.writer)
    }

    fn driving(&mut self, event: &Event<Fact>, driving: &Driving) {
        match DrivingClone::after(self.driver.as_ref(), event, driving) {
            Some(driver) => {
                self.driver = Some(driver);
                self.tasks.retain(|end| !driving.reopened.contains(&end.task));
            }
            None => self.conflict(format!("clone {} took it, and another clone was first", event.writer)),
        }
    }

    /// Returns the gates that are open, in the order in which they were opened.
    pub fn open_gates(&self) -> impl Iterator<Item = &Gate> {
        self.gates.iter().filter(|gate| gate.closed.is_none())
    }

    /// Returns a gate by its number.
    pub fn gate(&self, number: u64) -> Option<&Gate> {
        self.gates.iter().find(|gate| gate.opened.gate == number)
    }

    fn gate_opened(&mut self, event: &Event<Fact>, opened: &GateOpened) {
        if self.gate(opened.gate).is_some() {
            self.conflict(format!("gate {} was opened twice", opened.gate));
        } else if self.gates.len() == MAX_GATES {
            self.conflict(format!("gate {} is one too many", opened.gate));
        } else {
            self.gates.push(Gate::new(event, opened));
            self.run.gates += 1;
        }
    }

    fn decided(&mut self, event: &Event<Fact>, decided: &Decided) {
        match self.gates.iter_mut().find(|gate| gate.opened.gate == decided.gate) {
            Some(gate) => gate.add(event, decided),
            None => self.conflict(format!("gate {} was answered and not opened", decided.gate)),
        }
    }

    fn gate_closed(&mut self, event: &Event<Fact>, closed: &GateClosed) {
        let is_driver = self.is_driven_by(&event.writer);
        let gate = self.gates.iter_mut().find(|gate| gate.opened.gate == closed.gate);
        match gate.filter(|gate| is_driver || gate.writer == event.writer) {
            Some(gate) if gate.closed.is_none() => {
                gate.closed = Some(GateClosed {
                    decision: short_or_none(closed.decision.as_deref()),
                    ..closed.clone()
                });
                self.run.gates = self.run.gates.saturating_sub(1);
            }
            Some(_) => {}
            None => self.conflict(format!("gate {} was closed by a clone that did not open it", closed.gate)),
        }
    }

    fn task_ended(&mut self, end: &TaskEnd) {
        let mut end = end.clone();
        end.reason = short_or_none(end.reason.as_deref());
        match self.tasks.iter_mut().find(|known| known.task == end.task) {
            None => self.tasks.push(end),
            Some(known) if end.beats(known) => *known = end,
            Some(_) => {}
        }
    }

    fn created(&mut self, event: &Event<Fact>, created: &Created) {
        if self.created {
            self.conflict(format!("created twice, by {} and {}", self.run.writer, event.writer));
            return;
        }
        self.created = true;
        self.agents = created.agents.iter().map(IdOrText::short).collect();
        self.run.title = text::title(&created.title);
        self.run.agents = created.agents.len() as u64;
        self.run.writer.clone_from(&event.writer);
        self.run.label = short_or_none(created.label.as_deref());
        self.driver =
            self.driver.take().or_else(|| Some(DrivingClone::first(event, created.label.as_deref())));
        self.run.created_at = event.at;
    }

    fn conflict(&mut self, sentence: String) {
        self.conflicts.push(sentence);
        self.run.conflicts = self.conflicts.len() as u64;
    }
}
