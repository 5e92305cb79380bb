//! What people, or agents, said of an agent's work. Pure.
//!
//! A verdict is on one work: a base, a head, and the id of the patch between them. It holds as long as head and base stay, and
//! where they moved, as long as the patch is the same (a rebase, a squash). Of one reviewer the last verdict counts; of several
//! reviewers of the same patch, the strictest: one who rejects is not outvoted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AgentId, CommitId, IdOrText, WriterId, text, words::words};

words! {
    /// A judgement in one word. The stricter, the greater.
    #[derive(Ord, PartialOrd)]
    pub enum Verdict {
        /// It may land.
        Approve = "approve",
        /// It may land when it is changed.
        Changes = "changes",
        /// It shall not land.
        Reject = "reject",
    }
}

impl Verdict {
    /// What is true of the work then.
    pub const fn past(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Changes => "is to be changed",
            Self::Reject => "rejected",
        }
    }
}

/// A remark on one line.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Comment {
    /// The file, in the work.
    pub file: String,
    /// The line, in the work; 1 is the first.
    pub line: u32,
    /// What is said of it.
    pub text: String,
}

/// A verdict as an event tells it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Review {
    /// The word.
    pub verdict: Verdict,
    /// Where the work began.
    pub base: IdOrText<CommitId>,
    /// The commit that held it.
    pub head: IdOrText<CommitId>,
    /// The id of the patch from base to head, as `git patch-id --stable` makes it; empty for an empty patch.
    #[serde(default)]
    pub patch: String,
    /// Who says it: a person, or a kind of agent.
    pub by: String,
    /// The agent that says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<IdOrText<AgentId>>,
    /// What the checks said of this head, if they ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// What is said beyond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Remarks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
}

/// The verdict that counts, of an agent's work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CurrentVerdict {
    /// The word.
    pub verdict: Verdict,
    /// The base it is of.
    pub base: IdOrText<CommitId>,
    /// The head it is of.
    pub head: IdOrText<CommitId>,
    /// The patch it is of.
    pub patch: String,
    /// Who said it.
    pub by: String,
    /// The clone in which it was said.
    pub writer: WriterId,
}

impl CurrentVerdict {
    /// The verdict that an event tells, safe to show.
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

    /// Whether it holds for a work without looking at its patch.
    pub fn is_of(&self, base: &IdOrText<CommitId>, head: Option<&IdOrText<CommitId>>) -> bool {
        self.base == *base && head.map_or(self.head.is_empty(), |head| self.head == *head)
    }
}

/// The one that counts, of all that were given, in their order.
pub fn standing(all: &[CurrentVerdict]) -> Option<&CurrentVerdict> {
    let newest = all.last()?;
    let of_this_patch = |one: &&CurrentVerdict| {
        one.patch == newest.patch && one.base == newest.base || one.is_of(&newest.base, Some(&newest.head))
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

    fn said(by: &str, verdict: Verdict, head: &str, patch: &str) -> CurrentVerdict {
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
    fn the_last_of_each_counts_and_the_strictest_of_all() {
        use Verdict::{Approve, Changes, Reject};
        type Given<'a> = &'a [(&'a str, Verdict, &'a str)];
        let table: &[(Given<'_>, Option<(Verdict, &str)>)] = &[
            (&[], None),
            (&[("a", Approve, "1")], Some((Approve, "a"))),
            (&[("a", Reject, "1"), ("a", Approve, "1")], Some((Approve, "a"))),
            (&[("a", Reject, "1"), ("b", Approve, "1")], Some((Reject, "a"))),
            (&[("a", Changes, "1"), ("b", Reject, "1"), ("b", Approve, "1")], Some((Changes, "a"))),
            // a new work begins anew
            (&[("a", Reject, "1"), ("b", Approve, "2")], Some((Approve, "b"))),
        ];
        for (given, expected) in table {
            let all: Vec<CurrentVerdict> =
                given.iter().map(|(by, verdict, work)| said(by, *verdict, work, work)).collect();
            assert_eq!(standing(&all).map(|one| (one.verdict, one.by.as_str())), *expected, "{given:?}");
        }
        // the same patch on another head is the same work
        let all = [said("a", Reject, "1", "p"), said("b", Approve, "2", "p")];
        assert_eq!(standing(&all).map(|one| one.verdict), Some(Reject));
    }
}
