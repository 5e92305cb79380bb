//! The verdicts on the work that was reviewed last, with their texts, so that a reader of them needs no whole log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Fold, insert_sorted};
use crate::model::{
    CommitId, Event, Fact, IdOrText, WriterId,
    event::in_order,
    verdict::{self, CurrentVerdict, Review, Withdrawn},
};

/// One verdict, with everything that its event holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct GivenReview {
    /// When it was given.
    pub at: Timestamp,
    /// The clone in which it was given.
    pub writer: WriterId,
    /// The verdict.
    pub review: Review,
}

/// The verdicts on the head that the last verdict is on, in order.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Reviews {
    given: Vec<GivenReview>,
    /// Whether verdicts on this head are missing, because another head was reviewed in between.
    is_partial: bool,
}

impl Reviews {
    /// Returns the last verdict.
    pub fn last(&self) -> Option<&GivenReview> {
        self.given.last()
    }

    /// Returns all verdicts on a head; `None` if only the whole log tells them.
    pub fn on(&self, head: &IdOrText<CommitId>) -> Option<&[GivenReview]> {
        let is_on_head = self.last().is_some_and(|last| last.review.head == *head);
        (is_on_head && !self.is_partial).then_some(&self.given)
    }

    /// Adds a verdict. `earlier` are the verdicts before it.
    pub(super) fn add(&mut self, event: &Event, review: &Review, earlier: &[CurrentVerdict]) {
        if self.last().is_none_or(|last| last.review.head != review.head) {
            let head = review.head.short();
            self.is_partial = earlier.iter().any(|one| one.head == head);
            self.given.clear();
        }
        let (at, writer) = (event.at, event.writer.clone());
        self.given.push(GivenReview { at, writer, review: review.clone() });
    }

    /// Leaves out a verdict that its clone withdrew.
    pub(super) fn withdraw(&mut self, event: &Event, withdrawn: &Withdrawn) {
        self.given.retain(|one| !one.is_withdrawn_by(event, withdrawn));
    }
}

impl Fold {
    /// Adds a verdict.
    pub(super) fn apply_verdict(&mut self, event: &Event, review: &Review) {
        self.reviews.add(event, review, &self.verdicts);
        let given = CurrentVerdict::of(review, &event.writer);
        // An earlier verdict of the same reviewer on the same work never counts again.
        self.verdicts.retain(|earlier| !given.replaces(earlier));
        self.verdicts.push(given);
        let agent = &mut self.agent;
        agent.verdict = verdict::effective_verdict(&self.verdicts).cloned();
        insert_sorted(&mut agent.verdict_writers, &event.writer);
    }

    /// Withdraws a verdict. The earlier one that counts again has the place of the one that is withdrawn.
    pub(super) fn withdraw_verdict(&mut self, event: &Event, withdrawn: &Withdrawn) {
        self.reviews.withdraw(event, withdrawn);
        self.verdicts.retain_mut(|one| {
            if !withdrawn.is_of(one, &event.writer) {
                return true;
            }
            one.verdict = withdrawn.before.unwrap_or(one.verdict);
            withdrawn.before.is_some()
        });
        let agent = &mut self.agent;
        agent.verdict = verdict::effective_verdict(&self.verdicts).cloned();
        agent.verdict_writers.retain(|writer| self.verdicts.iter().any(|one| one.writer == *writer));
    }
}

impl GivenReview {
    fn is_withdrawn_by(&self, event: &Event, withdrawn: &Withdrawn) -> bool {
        self.writer == event.writer && self.review.operation.as_deref() == Some(&withdrawn.operation)
    }
}

/// Returns all verdicts that were given and not withdrawn, in order, of all events of an agent.
pub fn standing_reviews(events: &[Event]) -> Vec<GivenReview> {
    let mut given: Vec<GivenReview> = Vec::new();
    for event in in_order(events) {
        match &event.fact {
            Some(Fact::Verdict(review)) => {
                let (at, writer) = (event.at, event.writer.clone());
                given.push(GivenReview { at, writer, review: review.clone() });
            }
            Some(Fact::Withdrawn(withdrawn)) => given.retain(|one| !one.is_withdrawn_by(event, withdrawn)),
            _ => {}
        }
    }
    given
}
