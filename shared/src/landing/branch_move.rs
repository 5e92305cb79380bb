//! A move of a branch, a switch of a checkout, and what blocks them.

use crate::{
    git::{Oid, worktrees::Checkout},
    model::text,
};

/// A move of a branch, by compare-and-swap.
#[derive(Clone, Copy, Debug)]
pub struct BranchMove<'a> {
    /// The branch, without `refs/heads/`.
    pub branch: &'a str,
    /// The commit that it must point to before the move.
    pub old: Oid,
    /// The commit that it points to after the move.
    pub new: Oid,
    /// The message for its reflog.
    pub why: &'a str,
}

/// A switch of a checkout to or from a detached commit.
#[derive(Clone, Copy, Debug)]
pub struct HeadSwitch<'a> {
    /// The branch, without `refs/heads/`.
    pub branch: &'a str,
    /// Where the checkout is.
    pub from: HeadPlace,
    /// Its commit.
    pub old: Oid,
    /// Where it goes.
    pub to: HeadPlace,
    /// The commit of then.
    pub new: Oid,
    /// The message for the reflog of `HEAD`.
    pub why: &'a str,
}

/// Whether `HEAD` names the branch or a commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeadPlace {
    /// The branch.
    OnBranch,
    /// A commit.
    Detached,
}

/// Why the target cannot be moved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Blocked {
    /// The reason, for people.
    pub why: String,
    /// How to resolve it: commands to type, or advice.
    pub hints: Vec<String>,
}

impl Blocked {
    pub(super) fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hints: vec![hint.into()] }
    }

    /// Returns the reason and hint for a merge, rebase or similar that is in progress in a checkout.
    pub(super) fn by_operation(checkout: &Checkout, branch: &str, operation: &str) -> Self {
        let (branch, place) = (text::safe(branch), checkout.path.display());
        let ends = match operation {
            "bisect" => vec!["reset"],
            _ => vec!["--continue", "--abort"],
        };
        let end = |how: &str| format!("git {operation} {how}, in that folder");
        Self {
            why: format!("a {operation} of {branch} is in progress in '{place}'"),
            hints: ends.into_iter().map(end).collect(),
        }
    }
}
