//! Withdraws the verdicts that one operation gave, and gives them again.

use std::cell::Cell;

use super::write_notes;
use crate::{
    Code, Error, Result,
    git::Repo,
    model::{
        AgentId, Event, Fact, WriterId,
        event::in_order,
        fold::{GivenReview, standing_reviews},
        verdict::{Review, Withdrawn},
    },
    store::{self, append_if, chain::Chain, writer},
};

/// How often other processes may write events meanwhile.
const ATTEMPTS: u32 = 5;

/// What is done with the verdict of an operation.
enum Step {
    /// Record this.
    Record(Box<Fact>, Box<Review>),
    /// Nothing is left to do.
    Done,
    /// It stays as it is: why, for people.
    Stays(String),
}

/// Withdraws the verdict on an agent's work that an operation of this clone gave. The earlier one of the same reviewer counts again. Returns a
/// warning if the verdict stays as it is. One that is withdrawn already, or was never given, is left.
///
/// # Errors
/// The events cannot be read or written.
pub(in crate::ops) fn withdraw(repo: &Repo, id: &AgentId, operation: &str) -> Result<Option<String>> {
    record(repo, id, operation, &|given| withdrawal(id, &given))
}

/// Gives the verdict on an agent's work again that an operation of this clone had given. Returns a warning if the verdict stays as it is.
///
/// # Errors
/// The events cannot be read or written.
pub(in crate::ops) fn give_again(repo: &Repo, id: &AgentId, operation: &str) -> Result<Option<String>> {
    record(repo, id, operation, &|given| repetition(id, &given))
}

/// The verdicts on the work of an agent.
struct OfOperation<'a> {
    events: &'a [Event],
    standing: &'a [GivenReview],
    /// The verdict that the operation gave, if it gave one.
    given: Option<&'a Review>,
    operation: &'a str,
    own: &'a WriterId,
}

impl OfOperation<'_> {
    /// Returns the verdicts of its reviewer on the same work that were not withdrawn, in order.
    fn alike(&self) -> Vec<&Review> {
        let own = self.standing.iter().filter(|one| one.writer == *self.own).map(|one| &one.review);
        own.filter(|one| self.given.is_some_and(|given| given.is_alike(one))).collect()
    }
}

fn record(
    repo: &Repo,
    id: &AgentId,
    operation: &str,
    decide: &dyn Fn(OfOperation<'_>) -> Step,
) -> Result<Option<String>> {
    let own = writer::writer(repo)?;
    for _ in 0..ATTEMPTS {
        let chain = Chain::of_agent(repo, id)?;
        let standing = standing_reviews(&chain.events);
        let of_operation = |event: &&Event| match &event.fact {
            Some(Fact::Verdict(review)) => {
                event.writer == own && review.operation.as_deref() == Some(operation)
            }
            _ => false,
        };
        let given = in_order(&chain.events).into_iter().rfind(of_operation);
        let given = given.and_then(|event| match &event.fact {
            Some(Fact::Verdict(review)) => Some(review),
            _ => None,
        });
        let found = OfOperation { events: &chain.events, standing: &standing, given, operation, own: &own };
        let (fact, review) = match decide(found) {
            Step::Record(fact, review) => (fact, review),
            Step::Done => return Ok(None),
            Step::Stays(why) => return Ok(Some(why)),
        };
        let lamport = chain.fold().agent.lamport;
        let is_written = Cell::new(false);
        let after = append_if(repo, id, |fold| {
            is_written.set(fold.agent.lamport == lamport);
            is_written.get().then(|| vec![(*fact).clone()])
        })?;
        if is_written.get() {
            return Ok(review.head.commit().and_then(|head| {
                let written = write_notes(repo, id, head, &after.reviews);
                written.err().map(|error| format!("no note was written: {}", error.one_line()))
            }));
        }
    }
    Err(Error::new(Code::TargetBusy, format!("the events of '{id}' are being written repeatedly"))
        .hint("try again"))
}

fn withdrawal(id: &AgentId, found: &OfOperation<'_>) -> Step {
    let alike = found.alike();
    let is_of = |review: &&&Review| review.operation.as_deref() == Some(found.operation);
    let Some(place) = alike.iter().rposition(|review| is_of(&review)) else { return Step::Done };
    let given = alike[place];
    if place + 1 < alike.len() {
        return Step::Stays(format!("the work of '{id}' was reviewed again since, and that verdict stays"));
    }
    let before = place.checked_sub(1).map(|before| alike[before].verdict);
    let Review { base, head, patch, by, .. } = given.clone();
    let operation = found.operation.to_owned();
    let withdrawn = Withdrawn { base, head, patch, by, operation, before };
    Step::Record(Box::new(Fact::Withdrawn(withdrawn)), Box::new(given.clone()))
}

fn repetition(id: &AgentId, found: &OfOperation<'_>) -> Step {
    let Some(given) = found.given else { return Step::Done };
    if found.alike().iter().any(|review| review.operation.as_deref() == Some(found.operation)) {
        return Step::Done;
    }
    let is_withdrawal = |event: &&Event| match &event.fact {
        Some(Fact::Withdrawn(one)) => event.writer == *found.own && one.operation == found.operation,
        _ => false,
    };
    let later = in_order(found.events).into_iter().rev().take_while(|event| !is_withdrawal(event));
    let mut by_same = later.filter(|event| match &event.fact {
        Some(Fact::Verdict(review)) => event.writer == *found.own && review.by == given.by,
        _ => false,
    });
    if by_same.next().is_some() {
        return Step::Stays(format!("the work of '{id}' was reviewed again since, and that verdict stays"));
    }
    Step::Record(Box::new(Fact::Verdict(given.clone())), Box::new(given.clone()))
}

/// Checks that the agent still has events here: those of one that was removed are in the archive.
///
/// # Errors
/// It was removed (3).
pub(in crate::ops) fn require_agent(repo: &Repo, id: &AgentId) -> Result<()> {
    store::agent(repo, id).map(drop).map_err(|error| {
        let why = format!("the verdict on the work of '{id}' cannot be changed: {}", error.one_line());
        Error::new(Code::UndoRefused, why)
            .hint("git orchestra undo --list shows what removed it; undo that first")
    })
}
