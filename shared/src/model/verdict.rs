//! Verdicts of people and agents on an agent's work. Pure.
//!
//! A verdict is on one base, one head, and the id of the patch between them. It holds while base and head stay the same, and after
//! they moved, while the patch is the same (a rebase, a squash). Each reviewer's latest verdict counts; if reviewers of the same
//! patch disagree, the strictest decides: approvals do not outvote a rejection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AgentId, CommitId, IdOrText, WriterId, text, words::words};

words! {
    /// A verdict. A stricter one is greater.
    #[derive(Ord, PartialOrd)]
    pub enum Verdict {
        /// It may land.
        Approve = "approve",
        /// It may land after it was changed.
        Changes = "changes",
        /// It must not land.
        Reject = "reject",
    }
}

impl Verdict {
    /// Returns the state of the work after this verdict, for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Changes => "changes requested",
            Self::Reject => "rejected",
        }
    }
}

/// A comment on one line of a file.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Comment {
    /// The path of the file at the head.
    pub file: String,
    /// The number of the line at the head; 1 is the first.
    pub line: u32,
    /// The text of the comment.
    pub text: String,
}

/// A verdict with everything that its event holds; see [`crate::model::Fact::Verdict`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Review {
    /// The verdict.
    pub verdict: Verdict,
    /// The base of the reviewed work.
    pub base: IdOrText<CommitId>,
    /// The head of the reviewed work.
    pub head: IdOrText<CommitId>,
    /// The id of the patch from base to head, as `git patch-id --stable` makes it; empty for an empty patch.
    #[serde(default)]
    pub patch: String,
    /// Who gives it: the name of a person or of a profile.
    pub by: String,
    /// The agent that gives it, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<IdOrText<AgentId>>,
    /// The result of the checks on this head, if they ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// A comment on the whole work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Comments on lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    /// The operation of the clone that gave it together with others, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

impl Review {
    /// Returns whether it says the same as another one, whichever operation gave them.
    pub fn says_the_same(&self, other: &Self) -> bool {
        *self == Self { operation: self.operation.clone(), ..other.clone() }
    }

    /// Returns whether it is on the same work as another one, by the same reviewer.
    pub fn is_alike(&self, other: &Self) -> bool {
        let key = |one: &Self| (one.base.clone(), one.head.clone(), one.patch.clone(), one.by.clone());
        key(self) == key(other)
    }
}

/// The withdrawal of a verdict; see [`crate::model::Fact::Withdrawn`]. Only the clone that gave a verdict withdraws it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Withdrawn {
    /// The base of the reviewed work.
    pub base: IdOrText<CommitId>,
    /// The head of the reviewed work.
    pub head: IdOrText<CommitId>,
    /// The id of the patch from base to head.
    #[serde(default)]
    pub patch: String,
    /// Who gave the verdict.
    pub by: String,
    /// The operation of the clone that gave it.
    pub operation: String,
    /// The earlier verdict of the same reviewer on the same work, which counts again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Verdict>,
}

impl Withdrawn {
    /// Returns whether this is about a verdict, given that `writer` withdraws it.
    pub(super) fn is_of(&self, verdict: &CurrentVerdict, writer: &WriterId) -> bool {
        let CurrentVerdict { verdict: _, base, head, patch, by, writer: of } = verdict;
        (base, head, patch, by, of)
            == (
                &self.base.short(),
                &self.head.short(),
                &text::short(&self.patch),
                &text::short(&self.by),
                writer,
            )
    }
}

/// The verdict on an agent's work that counts, safe to show.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CurrentVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// The base that it is on.
    pub base: IdOrText<CommitId>,
    /// The head that it is on.
    pub head: IdOrText<CommitId>,
    /// The id of the patch that it is on.
    pub patch: String,
    /// Who gave it.
    pub by: String,
    /// The clone in which it was given.
    pub writer: WriterId,
}

impl CurrentVerdict {
    /// Takes the verdict from an event of `writer`, and makes it safe to show.
    pub fn of(review: &Review, writer: &WriterId) -> Self {
        Self {
            verdict: review.verdict,
            base: review.base.short(),
            head: review.head.short(),
            patch: text::short(&review.patch),
            by: text::short(&review.by),
            writer: writer.clone(),
        }
    }

    /// Returns whether it makes an earlier verdict meaningless: the same reviewer gave it in the same clone on the same work.
    pub(super) fn replaces(&self, earlier: &Self) -> bool {
        let Self { verdict: _, base, head, patch, by, writer } = self;
        (base, head, patch, by, writer)
            == (&earlier.base, &earlier.head, &earlier.patch, &earlier.by, &earlier.writer)
    }

    /// Returns whether it is on exactly this base and head.
    pub fn is_on(&self, base: &IdOrText<CommitId>, head: Option<&IdOrText<CommitId>>) -> bool {
        self.base == *base && head.map_or(self.head.is_empty(), |head| self.head == *head)
    }
}

/// Returns the verdict that counts, of all verdicts in the order in which they were given.
pub fn effective_verdict(all: &[CurrentVerdict]) -> Option<&CurrentVerdict> {
    let newest = all.last()?;
    let of_this_patch = |one: &&CurrentVerdict| {
        one.patch == newest.patch && one.base == newest.base || one.is_on(&newest.base, Some(&newest.head))
    };
    let last_of = |one: &&CurrentVerdict| {
        let later = all.iter().rev().filter(of_this_patch).find(|other| other.by == one.by);
        later.is_some_and(|later| std::ptr::eq(later, *one))
    };
    all.iter().filter(of_this_patch).filter(last_of).max_by_key(|one| one.verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given_verdict(by: &str, verdict: Verdict, head: &str, patch: &str) -> CurrentVerdict {
        CurrentVerdict {
            verdict,
            base: IdOrText::read("b"),
            head: IdOrText::read(head),
            patch: patch.to_owned(),
            by: by.to_owned(),
            writer: WriterId::parse("w").unwrap(),
        }
    }

    #[test]
    fn the_last_verdict_of_each_reviewer_counts_and_the_strictest_wins() {
        use Verdict::{Approve, Changes, Reject};
        type Given<'a> = &'a [(&'a str, Verdict, &'a str)];
        let table: &[(Given<'_>, Option<(Verdict, &str)>)] = &[
            (&[], None),
            (&[("a", Approve, "1")], Some((Approve, "a"))),
            (&[("a", Reject, "1"), ("a", Approve, "1")], Some((Approve, "a"))),
            (&[("a", Reject, "1"), ("b", Approve, "1")], Some((Reject, "a"))),
            (&[("a", Changes, "1"), ("b", Reject, "1"), ("b", Approve, "1")], Some((Changes, "a"))),
            // verdicts on another patch do not count
            (&[("a", Reject, "1"), ("b", Approve, "2")], Some((Approve, "b"))),
        ];
        for (given, expected) in table {
            let all: Vec<CurrentVerdict> =
                given.iter().map(|(by, verdict, work)| given_verdict(by, *verdict, work, work)).collect();
            assert_eq!(
                effective_verdict(&all).map(|one| (one.verdict, one.by.as_str())),
                *expected,
                "{given:?}"
            );
        }
        // verdicts on the same patch count on another head as well
        let all = [given_verdict("a", Reject, "1", "p"), given_verdict("b", Approve, "2", "p")];
        assert_eq!(effective_verdict(&all).map(|one| one.verdict), Some(Reject));
    }
}
