//! Computes the state of a spec from its events: a total function of a *set* of events, as for agents.
//!
//! The first version is current. A version that changes the current one, or merges it, takes its place. Any other version is beside it;
//! a version that changes one beside takes that one's place, and those that a version merges are no longer beside. Two clones may
//! both create a spec of the same name: then the second text is a version beside the first.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Fact, SpecState,
    fact::{MAX_MERGED, Saved},
};
use crate::model::{
    IdOrText,
    event::{Event, EventId},
    text::{self, short_or_none},
    via::Via,
};

/// The version of these rules. State that was written with another version is folded again.
pub const FOLD: u32 = 2;
/// The longest name of who saved a version, in columns.
const MAX_BY: usize = 80;

/// The result of folding the events of a spec. In JSON the state is left out, because its trailers hold it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fold {
    /// The state.
    #[serde(skip)]
    pub spec: SpecState,
    /// Its versions, in order; the number of a version is its place, and the first is 1.
    pub versions: Vec<Version>,
    /// The id of the event with the current version, shortened.
    pub current: String,
    /// The ids of the events with versions beside the current one, in order.
    pub beside: Vec<String>,
    /// The number of events that are newer than this program. If there are any, the spec is read-only here.
    pub newer: usize,
}

/// A version of a spec.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Version {
    /// The id of the event, shortened.
    pub id: String,
    /// The whole id of the event.
    pub event: EventId,
    /// The id of the version that it changed, if it names one.
    pub base: Option<String>,
    /// When it was saved.
    pub at: Timestamp,
    /// Who saved it, as far as that is known.
    pub by: Option<String>,
    /// Through which window a person saved it, where that was no terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// Folds events, which may be in any order and may be repeated.
pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event<Fact>>) -> Fold {
    use crate::model::subject::Subject as _;
    SpecState::fold(events)
}

impl Fold {
    /// Returns the number of a version, by the id of its event.
    pub fn number_of(&self, id: &str) -> Option<u64> {
        self.versions.iter().position(|one| one.id == id).map(|at| at as u64 + 1)
    }

    /// Returns a version by its number.
    pub fn version(&self, number: u64) -> Option<&Version> {
        self.versions.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// Applies one event, which comes after all others in the order.
    pub(super) fn apply(&mut self, event: &Event<Fact>) {
        self.spec.lamport = event.lamport;
        match &event.fact {
            None => self.newer += 1,
            Some(Fact::Created(saved) | Fact::Changed(saved)) => self.saved(event, saved),
        }
    }

    fn saved(&mut self, event: &Event<Fact>, saved: &Saved) {
        let id = event.id.short();
        let is_first = self.versions.is_empty();
        if is_first {
            self.spec.created_at = event.at;
            self.spec.writer.clone_from(&event.writer);
        }
        self.versions.push(Version {
            id: id.clone(),
            event: event.id,
            base: short_or_none(saved.base.as_deref()),
            at: event.at,
            by: saved.by.as_deref().map(|by| text::one_line(by, MAX_BY)),
            via: event.via,
        });
        let merges = |one: &String| saved.merges.contains(one);
        if is_first || saved.base.as_ref() == Some(&self.current) || merges(&self.current) {
            self.current.clone_from(&id);
            self.beside.retain(|one| !merges(one) && saved.base.as_ref() != Some(one));
            self.spec.title = text::title(&saved.title);
            self.spec.updated_at = event.at;
            if let Some(designer) = IdOrText::short_or_none(saved.designer.as_ref()) {
                self.spec.designer = Some(designer);
            }
        } else {
            self.beside.retain(|one| !merges(one) && saved.base.as_ref() != Some(one));
            // More than that are only written by somebody who ignores them; each is still a version.
            if self.beside.len() == MAX_MERGED {
                self.beside.remove(0);
            }
            self.beside.push(id);
        }
        self.spec.versions = self.versions.len() as u64;
        self.spec.beside = self.beside.len() as u64;
        self.spec.current = self.number_of(&self.current).unwrap_or_default();
    }
}
