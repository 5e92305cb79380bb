//! What a forge and its people say of a pull request: checks with their names, comments, and reviews. Pure.

use crate::model::published::{ForgeChecks, ForgeReviews};

/// One check of a commit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForgeCheck {
    /// Its name.
    pub name: String,
    /// The page with its output; empty if the forge names none.
    pub url: String,
    /// What it says.
    pub state: ForgeChecks,
}

/// Something that somebody said at a pull request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForgeSaid {
    /// What it is known by on the forge: two comments never have the same.
    pub id: String,
    /// The login of its author.
    pub author: String,
    /// Whether its author is one of those who may change the repository, or the user of the token.
    pub is_trusted: bool,
    /// The verdict, if it is a review that gives one.
    pub verdict: Option<ForgeReviews>,
    /// The text.
    pub text: String,
    /// The file and the line that it is about.
    pub place: Option<(String, u64)>,
    /// Its page; empty if the forge names none.
    pub url: String,
}

/// Whether the author of a comment is trusted, as far as the comment itself tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Author {
    /// The forge says it with the comment.
    Known(bool),
    /// The forge has to be asked about this user.
    Ask(String),
}

/// A comment as it is read, before its author is looked up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ReadSaid {
    pub(super) said: ForgeSaid,
    pub(super) author: Author,
    /// What is compared with the id of the user of the token.
    pub(super) author_id: String,
}

/// Judges by the verdicts of each reviewer, oldest first: of each the last counts. `None` is a verdict that was dismissed.
pub(super) fn standing<'a>(verdicts: impl Iterator<Item = (&'a str, Option<ForgeReviews>)>) -> ForgeReviews {
    let mut last: Vec<(&str, Option<ForgeReviews>)> = Vec::new();
    for (reviewer, verdict) in verdicts {
        last.retain(|(known, _)| *known != reviewer);
        last.push((reviewer, verdict));
    }
    let has = |wanted| last.iter().any(|(_, verdict)| *verdict == Some(wanted));
    if has(ForgeReviews::Changes) {
        ForgeReviews::Changes
    } else if has(ForgeReviews::Approved) {
        ForgeReviews::Approved
    } else {
        ForgeReviews::Waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_reviewer_the_last_verdict_counts_and_one_who_requests_changes_is_enough() {
        use ForgeReviews::{Approved, Changes, Waiting};
        for (verdicts, expected) in [
            (vec![], Waiting),
            (vec![("a", Some(Approved))], Approved),
            (vec![("a", Some(Approved)), ("b", Some(Changes))], Changes),
            (vec![("a", Some(Changes)), ("a", Some(Approved))], Approved),
            (vec![("a", Some(Changes)), ("b", Some(Approved)), ("a", None)], Approved),
            (vec![("a", Some(Changes)), ("a", None)], Waiting),
        ] {
            assert_eq!(standing(verdicts.clone().into_iter()), expected, "{verdicts:?}");
        }
    }
}
