//! The ids of tasks.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::slug;

/// The most characters of an id.
const MAX_LENGTH: usize = 40;

/// The id of a task in its plan: a small letter or a digit, then up to 39 of those, dots, underscores and hyphens.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct TaskId(String);

impl TaskId {
    /// Parses an id, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let id = text.to_ascii_lowercase();
        let mut characters = id.chars();
        let begins = characters.next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let continues =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        (begins && characters.all(continues) && id.len() <= MAX_LENGTH).then_some(Self(id))
    }

    /// Makes an id of what another program calls a task: characters that cannot be in an id become hyphens.
    pub fn of_foreign(name: &str) -> Self {
        Self::parse(name.trim()).unwrap_or_else(|| Self::of_title(name))
    }

    /// Makes an id of the telling words of a title.
    pub fn of_title(title: &str) -> Self {
        Self(slug::of_task(title))
    }

    /// Returns this id with a number that tells it from others: `docs`, `docs-2`.
    #[must_use]
    pub fn numbered(&self, number: usize) -> Self {
        let end = format!("-{number}");
        let kept: String = self.0.chars().take(MAX_LENGTH - end.len()).collect();
        Self(kept + &end)
    }

    /// Returns the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_plain() {
        for (text, id) in [
            ("limiter", Some("limiter")),
            ("T014", Some("t014")),
            ("1.2", Some("1.2")),
            ("bd-0ick", Some("bd-0ick")),
            ("a_b.c-d", Some("a_b.c-d")),
            ("", None),
            ("-x", None),
            (".", None),
            ("a b", None),
            ("a/b", None),
            ("é", None),
            ("0123456789012345678901234567890123456789", Some("0123456789012345678901234567890123456789")),
            ("01234567890123456789012345678901234567890", None),
        ] {
            assert_eq!(TaskId::parse(text).as_ref().map(TaskId::as_str), id, "{text}");
        }
    }

    #[test]
    fn made_ids_can_be_parsed() {
        for title in ["Add a token bucket", "§", "日本語の題名", &"word ".repeat(40), "a\u{1b}[31m"] {
            let id = TaskId::of_title(title);
            assert_eq!(TaskId::parse(id.as_str()), Some(id.clone()), "{title}");
            assert_eq!(TaskId::parse(id.numbered(17).as_str()), Some(id.numbered(17)));
        }
        assert_eq!(TaskId::of_foreign("T014").as_str(), "t014");
        assert_eq!(TaskId::of_title("docs").numbered(2).as_str(), "docs-2");
    }
}
