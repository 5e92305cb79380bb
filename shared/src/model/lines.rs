//! Writing the fields of an agent's state as trailers, `Orchestra-Key: value`, and reading them back.

use std::{fmt::Write as _, str::FromStr};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    BranchName, Cap, Cost, IdOrText, Limit, Phase, RunId, SessionId, Tag, WriterId,
    published::{ForgeChecks, ForgeReviews, PullRequestState},
    run::RunPhase,
    verdict::Verdict,
};

/// The prefix of every trailer's key.
pub(super) const PREFIX: &str = "Orchestra-";

/// A value that fits on one line. A value of white space alone gets no line, because git would not take it as a trailer.
pub(super) trait Value: Sized {
    /// Appends the value.
    fn write(&self, out: &mut String);

    /// Parses the value. Returns `None` if the text is malformed.
    fn read(text: &str) -> Option<Self>;
}

/// A set of fields, each of which has its line.
pub trait Lines {
    /// Appends the lines.
    fn write(&self, out: &mut String);

    /// Sets the field that a line belongs to. Returns `Some(false)` if there is no such field, `None` if the value is malformed.
    fn set_line(&mut self, key: &str, value: &str) -> Option<bool>;
}

/// An optional group of fields, which begins with a certain line.
pub(super) trait Group: Lines + Sized {
    /// Makes the group if this is its first line. Returns `Some(None)` for any other line, and `None` if the value is malformed.
    fn open(key: &str, value: &str) -> Option<Option<Self>>;

    /// Returns whether the key belongs to a later line of the group.
    fn continues(key: &str) -> bool;
}

impl<G: Group> Lines for Option<G> {
    fn write(&self, out: &mut String) {
        if let Some(group) = self {
            group.write(out);
        }
    }

    fn set_line(&mut self, key: &str, value: &str) -> Option<bool> {
        match self {
            Some(group) => group.set_line(key, value),
            None if G::continues(key) => None,
            None => {
                *self = G::open(key, value)?;
                let opens = self.is_some();
                // Such a first line would not be written, and the group could not be read again.
                (!opens || !value.trim().is_empty()).then_some(opens)
            }
        }
    }
}

/// Appends a line, unless its value is empty.
pub(super) fn line(out: &mut String, key: &str, value: &impl Value) {
    let start = out.len();
    out.push_str(PREFIX);
    out.push_str(key);
    out.push_str(": ");
    let empty = out.len();
    value.write(out);
    if out.len() == empty {
        out.truncate(start);
    } else {
        out.push('\n');
    }
}

/// Implements [`Lines`] by a list of rows: `"Key" => field` is one line, `("Key" unless 0) => field` is a line that is left out
/// for 0, and `(own lines) => field` inserts the lines of a [`WorkStat`](super::WorkStat) or of a [`Group`].
macro_rules! rows {
    ($name:ty: $($rule:tt => $($field:ident).+),* $(,)?) => {
        impl crate::model::lines::Lines for $name {
            fn write(&self, out: &mut String) {
                $( crate::model::lines::rows!(@write $rule, self.$($field).+, out); )*
            }

            fn set_line(&mut self, key: &str, value: &str) -> Option<bool> {
                $( crate::model::lines::rows!(@take $rule, self.$($field).+, key, value); )*
                Some(false)
            }
        }
    };
    (@write (own lines), $field:expr, $out:ident) => {
        crate::model::lines::Lines::write(&$field, $out)
    };
    (@write ($key:literal unless 0), $field:expr, $out:ident) => {
        if $field != 0 {
            crate::model::lines::line($out, $key, &$field);
        }
    };
    (@write $key:literal, $field:expr, $out:ident) => {
        crate::model::lines::line($out, $key, &$field)
    };
    (@take (own lines), $field:expr, $key:ident, $value:ident) => {
        if crate::model::lines::Lines::set_line(&mut $field, $key, $value)? {
            return Some(true);
        }
    };
    (@take ($name:literal unless 0), $field:expr, $key:ident, $value:ident) => {
        crate::model::lines::rows!(@take $name, $field, $key, $value)
    };
    (@take $name:literal, $field:expr, $key:ident, $value:ident) => {
        if $key == $name {
            $field = crate::model::lines::Value::read($value)?;
            return Some(true);
        }
    };
}

pub(super) use rows;

/// Defines the type of a subject's state: for each field, the trailer that stores it, as a row of `rows`.
macro_rules! state {
    ($(#[$meta:meta])* pub struct $name:ident { $( $(#[$doc:meta])* pub $field:ident: $type:ty = $rule:tt ),* $(,)? }) => {
        $(#[$meta])*
        pub struct $name { $( $(#[$doc])* pub $field: $type, )* }

        crate::model::lines::rows!($name: $( $rule => $field ),*);
    };
}

pub(super) use state;

impl Value for String {
    fn write(&self, out: &mut String) {
        out.push_str(self.trim());
    }

    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl<T: Value> Value for Option<T> {
    fn write(&self, out: &mut String) {
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(text: &str) -> Option<Self> {
        T::read(text).map(Some)
    }
}

impl<T: std::fmt::Display + FromStr> Value for IdOrText<T> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Id(id) => display(id, out),
            Self::Text(text) => out.push_str(text.trim()),
        }
    }

    fn read(text: &str) -> Option<Self> {
        Some(Self::read(text))
    }
}

/// Implements [`Value`] by `Display` and a function that parses.
macro_rules! displayed {
    ($($name:ty: $read:expr),* $(,)?) => { $(
        impl Value for $name {
            fn write(&self, out: &mut String) {
                display(self, out);
            }

            fn read(text: &str) -> Option<Self> {
                let read: fn(&str) -> Option<Self> = $read;
                read(text)
            }
        }
    )* };
}

displayed! {
    u32: |text| text.parse().ok(),
    u64: |text| text.parse().ok(),
    i32: |text| text.parse().ok(),
    Timestamp: |text| text.parse().ok(),
    Phase: Self::parse,
    RunPhase: Self::parse,
    Verdict: Self::parse,
    PullRequestState: |text| Some(Self::parse(text)),
    ForgeChecks: |text| Some(Self::parse(text)),
    ForgeReviews: |text| Some(Self::parse(text)),
    WriterId: |text| Self::parse(text).ok(),
}

/// Implements [`Value`] for ids that may be any text.
macro_rules! texts {
    ($($name:ident),*) => { $(
        impl Value for $name {
            fn write(&self, out: &mut String) {
                out.push_str(self.trim());
            }

            fn read(text: &str) -> Option<Self> {
                Some(text.into())
            }
        }
    )* };
}

texts!(RunId, SessionId, BranchName);

impl Value for Cost {
    fn write(&self, out: &mut String) {
        display(self.micros(), out);
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::from_micros)
    }
}

impl Value for Cap {
    fn write(&self, out: &mut String) {
        out.push_str(&self.trailer());
    }

    fn read(text: &str) -> Option<Self> {
        Self::read_trailer(text)
    }
}

impl Value for Limit {
    fn write(&self, out: &mut String) {
        out.push_str(&self.trailer());
    }

    fn read(text: &str) -> Option<Self> {
        Self::read_trailer(text)
    }
}

/// `true` is written as `yes`; `false` gets no line.
impl Value for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "yes" } else { "" });
    }

    fn read(text: &str) -> Option<Self> {
        Some(text == "yes")
    }
}

/// What is stored in lists as one line of JSON: what is safe to show contains no line break.
pub(super) trait JsonItem: Serialize + DeserializeOwned {}

impl<T: JsonItem> Value for Vec<T> {
    fn write(&self, out: &mut String) {
        if !self.is_empty() {
            out.push_str(&serde_json::to_string(self).unwrap_or_default());
        }
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl Value for Vec<WriterId> {
    fn write(&self, out: &mut String) {
        words(self.iter().map(|id| &**id), out);
    }

    fn read(text: &str) -> Option<Self> {
        text.split(' ').map(|id| WriterId::parse(id).ok()).collect()
    }
}

impl Value for Vec<Tag> {
    fn write(&self, out: &mut String) {
        words(self.iter().map(Tag::as_str), out);
    }

    fn read(text: &str) -> Option<Self> {
        text.split(' ').map(|tag| tag.parse().ok()).collect()
    }
}

fn words<'a>(words: impl Iterator<Item = &'a str>, out: &mut String) {
    for (at, word) in words.enumerate() {
        out.push_str(if at == 0 { "" } else { " " });
        out.push_str(word);
    }
}

fn display(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}
