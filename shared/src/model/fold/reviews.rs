//! The verdicts on the work that was reviewed last, with their texts, so that a reader of them needs no whole log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    CommitId, Event, IdOrText, WriterId,
    verdict::{CurrentVerdict, Review},
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
}
