//! The subject of a log: an agent or a run. A subject is represented by the type of its state, which determines the types of its id,
//! its facts, and its fold.
//!
//! The code for logs is generic over the subject: [`Event`], the trailers, the chain of commits, appending, joining, and sync. To
//! add one, see "a subject" in `shared/CONTRIBUTING.md`.

use std::{fmt, ops::Deref, str::FromStr};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    event::{Event, in_order},
    facts::EventFact,
    lines::Lines,
};
use crate::{Code, Error};

/// The state of something that has a log, folded from its events. The fields are the trailers of the newest commit; the first one is
/// `Orchestra-State`.
pub trait Subject: Clone + fmt::Debug + Default + Eq + Lines + 'static {
    /// The id, which names the log.
    type Id: SubjectId<Subject = Self>;
    /// The enum of the facts that its events can state.
    type Fact: EventFact;
    /// The result of folding its events.
    type Fold: Folded<Self>;

    /// The word for it in commits and messages: `agent`.
    const NAME: &'static str;
    /// The same word with its article: `an agent`.
    const ONE: &'static str;
    /// The folder of its refs below that of all shared refs: `agents`.
    const KIND: &'static str;
    /// The version of the fold. State that was written with another version is folded again.
    const FOLD: u32;
    /// Whether two clones may begin a log with the same id, so that their events are joined. Otherwise the second one is another subject.
    const JOINS_BEGINNINGS: bool = false;
    /// The code of the error for an id that no log has.
    const UNKNOWN: Code;

    /// Folds events, which may be in any order and may be repeated.
    fn fold<'a>(events: impl IntoIterator<Item = &'a Event<Self::Fact>>) -> Self::Fold {
        let mut fold = Self::Fold::default();
        for event in in_order(events) {
            fold.apply(event);
        }
        fold
    }

    /// Describes in a few words what events changed, for the subject line of their commit. `before` is the state before them, `None`
    /// for the first commit.
    fn headline(before: Option<&Self>, after: &Self, events: &[Event<Self::Fact>]) -> String;
}

/// An id that is valid in a ref, a path, and JSON. Its type determines the subject, so that only facts of that subject can be
/// appended to its log.
pub trait SubjectId:
    Clone + Deref<Target = str> + fmt::Debug + fmt::Display + FromStr<Err = Error> + Ord
{
    /// The subject that it identifies.
    type Subject: Subject<Id = Self>;
}

/// The facts of the subject that an id of this type identifies.
pub type FactOf<I> = <<I as SubjectId>::Subject as Subject>::Fact;

/// The result of the fold for the subject that an id of this type identifies.
pub type FoldOf<I> = <<I as SubjectId>::Subject as Subject>::Fold;

/// The result of a fold: the state, and what is needed to apply more events and to decide whether more may be appended. In JSON the
/// state is left out, because its trailers hold it.
pub trait Folded<S: Subject>: Clone + Default + Eq + Serialize + DeserializeOwned {
    /// Applies an event that comes after all others in the order of the log.
    fn apply(&mut self, event: &Event<S::Fact>);

    /// Returns the state.
    fn state(&self) -> &S;

    /// Returns the state and drops the rest.
    fn into_state(self) -> S;

    /// Returns the same result with another state, for one that was read from JSON.
    #[must_use]
    fn with_state(self, state: S) -> Self;

    /// Returns the highest Lamport number of the events; 0 if there is none.
    fn lamport(&self) -> u64;

    /// Returns the number of events that are newer than this program. If there are any, the log is read-only here.
    fn newer(&self) -> usize;
}
