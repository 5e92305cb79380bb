//! What was noticed and not read yet. Pure.

use std::collections::BTreeSet;

use super::schedule::Urgency;
use crate::model::AgentId;

/// What may have changed since the last look.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Noticed {
    /// The agents of which a ref moved.
    pub(super) moved: BTreeSet<AgentId>,
    /// How soon everything must be read; `None` if nothing but those agents may have changed.
    pub(super) rest: Option<Urgency>,
}

impl Noticed {
    /// Anything may have changed.
    pub(super) const fn anything(urgency: Urgency) -> Self {
        Self { moved: BTreeSet::new(), rest: Some(urgency) }
    }

    /// A ref of one agent moved.
    pub(super) fn agent(id: AgentId) -> Self {
        Self { moved: BTreeSet::from([id]), rest: None }
    }

    /// Adds what else was noticed.
    pub(super) fn add(&mut self, mut more: Self) {
        self.moved.append(&mut more.moved);
        self.rest = self.rest.max(more.rest);
    }

    /// Returns how soon to look; `None` if nothing was noticed.
    pub(super) fn urgency(&self) -> Option<Urgency> {
        if self.moved.is_empty() { self.rest } else { Some(Urgency::State) }
    }
}
