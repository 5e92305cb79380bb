//! Tags: names that people give to groups of agents.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Code, Error};

/// The beginning of a word that names all agents with a tag. No id and no branch can contain the colon.
pub const SELECTOR: &str = "tag:";
/// The most tags of one agent.
const MAX_TAGS: usize = 16;
/// The longest tag, in characters.
const MAX_LENGTH: usize = 40;

/// Fails if these are more tags than an agent may have.
///
/// # Errors
/// There are too many (2).
pub fn check_count(tags: &[Tag]) -> Result<(), Error> {
    let count = tags.len();
    if count <= MAX_TAGS {
        return Ok(());
    }
    Err(Error::new(
        Code::LimitExceeded,
        format!("{count} tags are too many for an agent; the limit is {MAX_TAGS}"),
    ))
}

/// A tag: letters, digits, and `-`, `_`, `.`, `/` between them.
#[derive(Clone, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Tag(String);

impl Tag {
    /// Returns the tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the tag that a selector, `tag:NAME`, names; `None` if the text is no selector.
    ///
    /// # Errors
    /// What follows `tag:` cannot be a tag (2).
    pub fn selected(typed: &str) -> Option<Result<Self, Error>> {
        typed.strip_prefix(SELECTOR).map(str::parse)
    }

    /// Returns those of some texts that can be tags, sorted, each once, as many as an agent may have.
    pub fn valid(texts: &[String]) -> Vec<Self> {
        let mut tags: Vec<Self> = texts.iter().filter_map(|text| text.parse().ok()).take(MAX_TAGS).collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }
}

impl Tag {
    /// Adds and removes tags. What cannot be a tag has no effect, and beyond the most that an agent may have, none is added.
    pub fn change(tags: &mut Vec<Self>, add: &[String], remove: &[String]) {
        tags.retain(|tag| !remove.iter().any(|text| text == tag.as_str()));
        tags.extend(Self::valid(add));
        tags.sort_unstable();
        tags.dedup();
        tags.truncate(MAX_TAGS);
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_plain = |c: char| c.is_ascii_alphanumeric();
        let is_inside = |c: char| is_plain(c) || matches!(c, '-' | '_' | '.' | '/');
        let is_valid = text.len() <= MAX_LENGTH
            && text.starts_with(is_plain)
            && text.ends_with(is_plain)
            && text.chars().all(is_inside);
        if is_valid {
            return Ok(Self(text.to_owned()));
        }
        let shown = super::text::one_line(text, MAX_LENGTH);
        Err(Error::new(Code::NameInvalid, format!("'{shown}' is not a tag"))
            .hint(format!("a tag has at most {MAX_LENGTH} letters and digits, with - _ . or / between them")))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(|error: Error| serde::de::Error::custom(error.one_line()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_short_plain_word() {
        for good in ["a", "v2.1", "team/web", "night_shift-3"] {
            assert_eq!(good.parse::<Tag>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "a b", "tag:a", "ä", "a,b", &"x".repeat(41)] {
            assert_eq!(bad.parse::<Tag>().unwrap_err().code, Code::NameInvalid, "{bad}");
        }
    }

    #[test]
    fn a_selector_names_one_tag() {
        assert_eq!(Tag::selected("tag:web").unwrap().unwrap().as_str(), "web");
        assert!(Tag::selected("tag:").unwrap().is_err());
        assert!(Tag::selected("add-tests").is_none());
    }

    #[test]
    fn what_others_wrote_is_read_as_far_as_it_is_valid() {
        let texts = ["b", "a", "no tag", "b"].map(str::to_owned);
        assert_eq!(Tag::valid(&texts).iter().map(Tag::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }
}
