//! From the events of a run to its state: a total function of a *set* of events, as for agents.
//!
//! Of several beginnings the first in order holds. Of several ends the highest holds: `done > partial > failed > stopped`. Both are
//! listed as conflicts where they differ.

use super::{Fact, Run, fact::Created};
use crate::model::{
    AgentId, IdOrText,
    event::{Event, EventId, in_order},
    text::{self, short_or_none},
};

/// The version of these rules. State written under another one is folded again.
pub const FOLD: u32 = 1;

/// A run, and what the fold found on the way.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fold {
    /// The state.
    pub run: Run,
    /// Its agents, in the order of their tasks.
    pub agents: Vec<IdOrText<AgentId>>,
    /// The events that hold remarks about it, in order.
    pub notes: Vec<EventId>,
    /// Contradictions between events, each as a sentence.
    pub conflicts: Vec<String>,
    /// Events newer than this program; with any of them the run is read-only here.
    pub newer: usize,
    /// Whether the event that creates the run is there. Without it, the run has no title and no agents.
    pub created: bool,
}

/// Folds events, which may come in any order and several times.
pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event<Fact>>) -> Fold {
    let mut fold = Fold::default();
    for event in in_order(events) {
        fold.apply(event);
    }
    fold.run.conflicts = fold.conflicts.len() as u64;
    fold
}

impl Fold {
    fn apply(&mut self, event: &Event<Fact>) {
        self.run.lamport = event.lamport;
        self.run.updated_at = event.at;
        match &event.fact {
            None => self.newer += 1,
            Some(Fact::Created(created)) => self.created(event, created),
            Some(Fact::Note { .. }) => {
                self.notes.push(event.id);
                self.run.notes += 1;
            }
            Some(Fact::Finished { phase, reason }) => {
                let before = self.run.phase;
                if before.is_end() && before != *phase {
                    self.conflicts.push(format!("ended twice: {before} and {phase}"));
                }
                if before.rank() < phase.rank() {
                    self.run.phase = *phase;
                    self.run.ended_at = Some(event.at);
                    self.run.reason = short_or_none(reason.as_deref());
                }
            }
        }
    }

    fn created(&mut self, event: &Event<Fact>, created: &Created) {
        if self.created {
            self.conflicts.push(format!("created twice, by {} and {}", self.run.writer, event.writer));
            return;
        }
        self.created = true;
        self.agents = created.agents.iter().map(IdOrText::short).collect();
        self.run.title = text::title(&created.title);
        self.run.agents = created.agents.len() as u64;
        self.run.writer.clone_from(&event.writer);
        self.run.label = short_or_none(created.label.as_deref());
        self.run.created_at = event.at;
    }
}
