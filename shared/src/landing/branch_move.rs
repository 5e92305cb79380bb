//! A move of a branch, and what blocks it.

use crate::{
    git::{Oid, worktrees::Checkout},
    model::text,
};

/// A branch that is to move, by compare-and-swap.
#[derive(Clone, Copy, Debug)]
pub struct Move<'a> {
    /// Without `refs/heads/`.
    pub branch: &'a str,
    /// Where it must stand.
    pub old: Oid,
    /// Where it shall stand.
    pub new: Oid,
    /// For its reflog.
    pub why: &'a str,
}

/// Why the target cannot be moved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Blocked {
    /// A sentence.
    pub why: String,
    /// What to type.
    pub hints: Vec<String>,
}

impl Blocked {
    pub(super) fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hints: vec![hint.into()] }
    }

    /// A merge, rebase or the like is under way.
    pub(super) fn by_operation(checkout: &Checkout, branch: &str, operation: &str) -> Self {
        let (branch, place) = (text::safe(branch), checkout.path.display());
        let end = match operation {
            "bisect" => "git bisect reset".to_owned(),
            other => format!("git {other} --continue, or git {other} --abort"),
        };
        Self::new(
            format!("a {operation} of {branch} is under way in '{place}'"),
            format!("{end}, in that folder"),
        )
    }
}
