//! What a log of events is about: an agent, a run. A subject is the type of its state; its id, its facts, and its fold belong to it.
//!
//! Everything that keeps a log is written once, for every subject: [`Event`], the trailers, the chain of commits, appending, joining,
//! and sync. To add one, see "a subject" in `shared/CONTRIBUTING.md`.

use std::{fmt, ops::Deref, str::FromStr};

use super::{event::Event, facts::EventFact, lines::Lines};
use crate::{Code, Error};

/// Something with a log of its own. The type is the state that the events of the log lead to; its fields are the trailers of the
/// newest commit, the first of which is `Orchestra-State`.
pub trait Subject: Clone + fmt::Debug + Default + Eq + Lines + 'static {
    /// The name of one.
    type Id: SubjectId<Subject = Self>;
    /// What can happen to it.
    type Fact: EventFact;
    /// What the fold of its events gives.
    type Fold: Folded<Self>;

    /// What commits and messages call it: `agent`.
    const NAME: &'static str;
    /// The same with its article: `an agent`.
    const ONE: &'static str;
    /// The folder of its refs, below the one that all shared refs have: `agents`.
    const KIND: &'static str;
    /// The version of the fold. State that was written under another one is folded again.
    const FOLD: u32;
    /// The code of the error that there is no subject of an id.
    const UNKNOWN: Code;

    /// Folds events, which come in any order and any number of times. See [`super::event::in_order`].
    fn fold<'a>(events: impl IntoIterator<Item = &'a Event<Self::Fact>>) -> Self::Fold;

    /// Says for people what events changed; `before` is the state before them, absent for the first commit.
    fn headline(before: Option<&Self>, after: &Self, events: &[Event<Self::Fact>]) -> String;
}

/// An id, valid in a ref, a path, and JSON. It determines the subject: only facts of that subject can be appended under it.
pub trait SubjectId:
    Clone + Deref<Target = str> + fmt::Debug + fmt::Display + FromStr<Err = Error> + Ord
{
    /// What it is the id of.
    type Subject: Subject<Id = Self>;
}

/// The facts of the subject with an id of this type.
pub type FactOf<I> = <<I as SubjectId>::Subject as Subject>::Fact;

/// What the fold gives for the subject with an id of this type.
pub type FoldOf<I> = <<I as SubjectId>::Subject as Subject>::Fold;

/// A state, with what keeping a log must know about how it came about.
pub trait Folded<S> {
    /// The state.
    fn state(&self) -> &S;

    /// The state alone.
    fn into_state(self) -> S;

    /// How many events are newer than this program. With any of them the log is read-only here.
    fn newer(&self) -> usize;
}
