//! Ids in events, which others may have written.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{AgentId, CommitId, parsed::parsed, text};

/// An id, or the text that an event holds in its place. Such an event still counts, and its text is shown, but it names no
/// object and no agent.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum IdOrText<T> {
    /// The expected id.
    Id(T),
    /// Any other text, possibly empty.
    Text(String),
}

impl<T> IdOrText<T> {
    /// Returns the id, if it is one.
    pub const fn id(&self) -> Option<&T> {
        match self {
            Self::Id(id) => Some(id),
            Self::Text(_) => None,
        }
    }

    /// Returns whether it is an empty text.
    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

impl IdOrText<CommitId> {
    /// Returns the id of the commit, if it is one.
    pub const fn commit(&self) -> Option<CommitId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Text(_) => None,
        }
    }
}

impl IdOrText<AgentId> {
    /// Returns the text, whether it is an id or not.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Text(text) => text,
        }
    }
}

impl<T> Default for IdOrText<T> {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl<T> From<T> for IdOrText<T> {
    fn from(id: T) -> Self {
        Self::Id(id)
    }
}

impl<T: FromStr> IdOrText<T> {
    /// Parses a text as an id, and keeps it as text if it is none.
    pub fn read(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Text(text.to_owned()), Self::Id)
    }
}

impl<T: FromStr + Clone> IdOrText<T> {
    /// Returns a copy that is safe to show: see [`text::short`]. An id with white space around it becomes an id.
    #[must_use]
    pub fn short(&self) -> Self {
        match self {
            Self::Id(_) => self.clone(),
            Self::Text(text) => Self::read(&text::short(text)),
        }
    }

    /// Does the same as [`Self::short`], and returns `None` for a text without a visible character.
    pub fn short_or_none(id: Option<&Self>) -> Option<Self> {
        id.map(Self::short).filter(|id| !id.is_empty())
    }
}

impl<T: PartialEq> PartialEq<T> for IdOrText<T> {
    fn eq(&self, other: &T) -> bool {
        self.id() == Some(other)
    }
}

impl<T: fmt::Display> fmt::Display for IdOrText<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Text(text) => f.pad(text),
        }
    }
}

impl<T: fmt::Display> Serialize for IdOrText<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: FromStr> Deserialize<'de> for IdOrText<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "an id or a text", |text| Some(Self::read(text)))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for IdOrText<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}OrText", T::schema_name()).into()
    }

    /// Allows any string, and lists the schema of the id as well, so that a reader knows what to expect.
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [generator.subschema_for::<T>(), { "type": "string" }] })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::WriterId, *};

    #[test]
    fn an_id_or_text_is_the_same_text_in_json() {
        let commit = "1".repeat(40);
        for (text, is_id) in [(commit.as_str(), true), ("one", false), ("", false), (" 11", false)] {
            let json = serde_json::to_string(text).unwrap();
            let read: IdOrText<CommitId> = serde_json::from_str(&json).unwrap();
            assert_eq!((read.commit().is_some(), read.to_string().as_str()), (is_id, text));
            assert_eq!(serde_json::to_string(&read).unwrap(), json);
        }
        // Git reads hexadecimal digits in either case, and writes lower case.
        assert_eq!(IdOrText::<CommitId>::read(&"A".repeat(40)).to_string(), "a".repeat(40));
        let agent: IdOrText<AgentId> = serde_json::from_str("\"add-tests-k3m9q\"").unwrap();
        assert_eq!(agent.id().map(AgentId::as_str), Some("add-tests-k3m9q"));
        assert!(serde_json::from_str::<IdOrText<AgentId>>("1").is_err());
    }

    #[test]
    fn a_schema_knows_the_grammar() {
        let pattern =
            |schema: schemars::Schema| schema.get("pattern").and_then(|p| p.as_str().map(str::to_owned));
        assert_eq!(pattern(schemars::schema_for!(CommitId)).as_deref(), Some("^[0-9a-f]{40}$"));
        assert!(pattern(schemars::schema_for!(AgentId)).is_some());
        assert!(pattern(schemars::schema_for!(WriterId)).is_some());
    }
}
