//! The log of a run.

use super::{Fact, Fold, Run, RunKey, fold::FOLD};
use crate::{
    Code,
    model::{
        event::Event,
        subject::{Folded, Subject, SubjectId},
    },
};

impl SubjectId for RunKey {
    type Subject = Run;
}

impl Subject for Run {
    type Id = RunKey;
    type Fact = Fact;
    type Fold = Fold;

    const NAME: &'static str = "run";
    const ONE: &'static str = "a run";
    const KIND: &'static str = "runs";
    const FOLD: u32 = FOLD;
    const UNKNOWN: Code = Code::RunUnknown;

    fn headline(before: Option<&Self>, after: &Self, events: &[Event<Fact>]) -> String {
        let now = after.phase;
        let task = events.iter().rev().find_map(|event| match &event.fact {
            Some(Fact::Task(end)) => Some(end),
            _ => None,
        });
        match before {
            None => now.to_string(),
            Some(before) if before.phase != now => format!("{} → {now}", before.phase),
            Some(_) => match (task, events.iter().rev().find_map(gate)) {
                (Some(end), _) => format!("{now}, {} {}", end.task, end.outcome()),
                (None, Some(what)) => format!("{now}, {what}"),
                (None, None) => format!("{now}, noted"),
            },
        }
    }
}

/// Describes what an event says of a gate. The words were checked when the event was read.
fn gate(event: &Event<Fact>) -> Option<String> {
    match event.fact.as_ref()? {
        Fact::GateOpened(opened) => Some(format!("gate {} {}", opened.gate, opened.kind)),
        Fact::Decided(decided) => Some(format!("gate {} answered {}", decided.gate, decided.option)),
        Fact::GateClosed(closed) => Some(match &closed.option {
            Some(option) => format!("gate {} closed by {option}", closed.gate),
            None => format!("gate {} closed", closed.gate),
        }),
        Fact::Driving(driving) => Some(format!("driver {}", driving.epoch)),
        _ => None,
    }
}

impl Folded<Run> for Fold {
    fn apply(&mut self, event: &Event<Fact>) {
        Self::apply(self, event);
    }

    fn state(&self) -> &Run {
        &self.run
    }

    fn into_state(self) -> Run {
        self.run
    }

    fn with_state(mut self, run: Run) -> Self {
        self.run = run;
        self
    }

    fn lamport(&self) -> u64 {
        self.run.lamport
    }

    fn newer(&self) -> usize {
        self.newer
    }
}
