//! Names of runs, clones, conversations and branches: texts that must not be taken for each other.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::{parsed::parsed, text};
use crate::{Error, Result};

/// Gives a newtype of a text what every such id has: it reads as the text that it is, and is the same text in JSON.
macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<std::ffi::OsStr> for $name {
            fn as_ref(&self) -> &std::ffi::OsStr {
                self.0.as_ref()
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == **other
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl From<&$name> for String {
            fn from(id: &$name) -> Self {
                id.0.clone()
            }
        }
    };
}

pub(super) use text_id;

/// Defines a name for which any text will do, because others choose it and only its equality matters here.
macro_rules! open_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(
            Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize, schemars::JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        text_id!($name);

        impl $name {
            /// The same, safe to show: see [`text::short`].
            #[must_use]
            pub fn short(&self) -> Self {
                Self(text::short(&self.0))
            }

            /// As [`Self::short`]. A text with nothing to see is none.
            pub fn short_or_none(id: Option<&Self>) -> Option<Self> {
                id.map(Self::short).filter(|id| !id.is_empty())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

open_id! {
    /// Names the agents of one `spawn`. This program makes 17 hexadecimal digits, the first eleven of which are the time in
    /// milliseconds, so that runs sort by age; another program may name its runs as it likes.
    RunId
}

open_id! {
    /// Names a conversation, as the coding agent's own program does: a UUID for one, `ses_…` for another. Nothing may be
    /// concluded from its form; before it becomes part of a path or of a command, the reader of that program checks it.
    SessionId
}

open_id! {
    /// Names a branch, without `refs/heads/`. From an event it may be a text that git refuses as a name; no such branch is
    /// ever found.
    BranchName
}

/// Longest id of a writer.
const WRITER: usize = 40;

/// Names a writer, which is one clone: 1 to 40 lower-case letters and digits. The default, an empty text that nothing parses
/// to, stands in the state of an agent whose first event is missing.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct WriterId(#[schemars(regex(pattern = "^[a-z0-9]{0,40}$"))] String);

text_id!(WriterId);

impl WriterId {
    /// Reads the id of a writer.
    ///
    /// # Errors
    /// The text is empty, too long, or holds anything but lower-case letters and digits.
    pub fn parse(text: &str) -> Result<Self> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if (1..=WRITER).contains(&text.len()) && text.bytes().all(is_letter) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::usage(format!("'{}' is not the id of a clone", text::safe(text))))
        }
    }
}

impl FromStr for WriterId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for WriterId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        parsed(deserializer, "the id of a clone", |text| {
            if text.is_empty() { Some(Self::default()) } else { Self::parse(text).ok() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_is_lower_case_letters_and_digits() {
        for text in ["a", "5t2k", "0".repeat(40).as_str()] {
            assert_eq!(WriterId::parse(text).unwrap(), *text);
        }
        for text in ["", "A", "a-b", "../a", "é", "0".repeat(41).as_str()] {
            assert!(WriterId::parse(text).is_err(), "{text}");
        }
    }
}
