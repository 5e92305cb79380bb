//! What people, or agents, said of an agent's work. Pure.
//!
//! A verdict is on one work: a base, a head, and the id of the patch between them. It holds as long as head and base stay, and
//! where they moved, as long as the patch is the same (a rebase, a squash). Of one reviewer the last verdict counts; of several
//! reviewers of the same patch, the strictest: one who rejects is not outvoted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The word itself. The stricter, the greater.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may land.
    Approve,
    /// It may land when it is changed.
    Changes,
    /// It shall not land.
    Reject,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Changes, Self::Reject];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Changes => "changes",
            Self::Reject => "reject",
        }
    }

    /// What is true of the work then.
    pub const fn past(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Changes => "is to be changed",
            Self::Reject => "rejected",
        }
    }

    /// Reads it back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
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
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Review {
    /// The word.
    pub verdict: Verdict,
    /// Where the work began.
    pub base: String,
    /// The commit that held it.
    pub head: String,
    /// The id of the patch from base to head, as `git patch-id --stable` makes it; empty for an empty patch.
    #[serde(default)]
    pub patch: String,
    /// Who says it: a person, or a kind of agent.
    pub by: String,
    /// The agent that says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
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
pub struct Standing {
    /// The word.
    pub verdict: Verdict,
    /// The base it is of.
    pub base: String,
    /// The head it is of.
    pub head: String,
    /// The patch it is of.
    pub patch: String,
    /// Who said it.
    pub by: String,
    /// The clone in which it was said.
    pub writer: String,
}

impl Standing {
    /// Whether it holds for a work without looking at its patch.
    pub fn is_of(&self, base: &str, head: &str) -> bool {
        self.base == base && self.head == head
    }
}

/// The one that counts, of all that were given, in their order.
pub fn standing(all: &[Standing]) -> Option<&Standing> {
    let newest = all.last()?;
    let of_this_patch = |one: &&Standing| {
        one.patch == newest.patch && one.base == newest.base || one.is_of(&newest.base, &newest.head)
    };
    let last_of = |one: &&Standing| {
        let later = all.iter().rev().filter(of_this_patch).find(|other| other.by == one.by);
        later.is_some_and(|later| std::ptr::eq(later, *one))
    };
    all.iter().filter(of_this_patch).filter(last_of).max_by_key(|one| one.verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(by: &str, verdict: Verdict, head: &str, patch: &str) -> Standing {
        let text = |text: &str| text.to_owned();
        Standing {
            verdict,
            base: text("b"),
            head: text(head),
            patch: text(patch),
            by: text(by),
            writer: text("w"),
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
            let all: Vec<Standing> =
                given.iter().map(|(by, verdict, work)| said(by, *verdict, work, work)).collect();
            assert_eq!(standing(&all).map(|one| (one.verdict, one.by.as_str())), *expected, "{given:?}");
        }
        // the same patch on another head is the same work
        let all = [said("a", Reject, "1", "p"), said("b", Approve, "2", "p")];
        assert_eq!(standing(&all).map(|one| one.verdict), Some(Reject));
    }
}
