//! Ids of runs, writers, sessions, and branches: strings of different types, so that one cannot be passed for another.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::{parsed::parsed, text};
use crate::{Error, Result};

/// Implements what every newtype of a string has in common: access to the string, comparison with strings, and display.
macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// Returns the id as text.
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

/// Defines an id that may be any text, because others choose it and only its equality matters here.
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
            /// Returns the id made safe to show: see [`text::short`].
            #[must_use]
            pub fn short(&self) -> Self {
                Self(text::short(&self.0))
            }

            /// Does the same as [`Self::short`], and returns `None` for an id without a visible character.
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
    /// The agents of one `spawn`. This program makes 17 hexadecimal digits, the first eleven of which are the time in
    /// milliseconds, so that runs sort by age; another program may name its runs as it likes.
    RunId
}

open_id! {
    /// The id that an agent program gives its session: a UUID in one program, `ses_…` in another. Its form means nothing here;
    /// before it becomes part of a path or of a command, the session reader of that program checks it.
    SessionId
}

open_id! {
    /// The name of a branch, without `refs/heads/`. An event may hold a text that git refuses; such a branch is never found.
    BranchName
}

/// Maximum length of a writer's id.
const MAX_WRITER_ID: usize = 40;

/// The id of a writer, which is one clone: 1 to 40 lower-case letters and digits. The default is empty, which nothing parses
/// to; the state of an agent whose first event is missing holds it.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct WriterId(#[schemars(regex(pattern = "^[a-z0-9]{0,40}$"))] String);

text_id!(WriterId);

impl WriterId {
    /// Parses the id of a writer.
    ///
    /// # Errors
    /// The text is empty, too long, or holds anything but lower-case letters and digits.
    pub fn parse(text: &str) -> Result<Self> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if (1..=MAX_WRITER_ID).contains(&text.len()) && text.bytes().all(is_letter) {
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
