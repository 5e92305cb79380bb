//! The log of a spec.

use super::{Fact, Fold, SpecName, SpecState, fold::FOLD};
use crate::{
    Code,
    model::{
        event::Event,
        subject::{Folded, Subject, SubjectId},
    },
};

impl SubjectId for SpecName {
    type Subject = SpecState;
}

impl Subject for SpecState {
    type Id = SpecName;
    type Fact = Fact;
    type Fold = Fold;

    const NAME: &'static str = "spec";
    const ONE: &'static str = "a spec";
    const KIND: &'static str = "specs";
    const FOLD: u32 = FOLD;
    const JOINS_BEGINNINGS: bool = true;
    const UNKNOWN: Code = Code::SpecUnknown;

    fn headline(before: Option<&Self>, after: &Self, _events: &[Event<Fact>]) -> String {
        match before {
            None => "created".to_owned(),
            Some(before) if before.current == after.current => {
                format!("version {} saved beside", after.versions)
            }
            Some(_) => format!("version {}", after.current),
        }
    }
}

impl Folded<SpecState> for Fold {
    fn apply(&mut self, event: &Event<Fact>) {
        Self::apply(self, event);
    }

    fn state(&self) -> &SpecState {
        &self.spec
    }

    fn into_state(self) -> SpecState {
        self.spec
    }

    fn with_state(mut self, spec: SpecState) -> Self {
        self.spec = spec;
        self
    }

    fn lamport(&self) -> u64 {
        self.spec.lamport
    }

    fn newer(&self) -> usize {
        self.newer
    }
}
