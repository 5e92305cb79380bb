//! A kind of answer: its name, and the type of its report.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Error, Result};

/// The version of the format. It would only grow if the meaning of a field changed.
pub(super) const VERSION: u32 = 1;

/// A kind of answer whose report is a `T`. The constants of [`crate::wire`] are the only ones.
pub struct Answer<T> {
    kind: &'static str,
    report: PhantomData<fn() -> T>,
}

impl<T> Answer<T> {
    pub(super) const fn new(kind: &'static str) -> Self {
        Self { kind, report: PhantomData }
    }

    /// Returns its name, the value of the field `kind`.
    pub const fn kind(self) -> &'static str {
        self.kind
    }
}

impl<T: Serialize> Answer<T> {
    /// Returns the answer as JSON, on one line without a line feed.
    ///
    /// # Errors
    /// The report cannot be written as JSON (70), for instance because a path in it is not UTF-8.
    pub fn text(self, report: &T) -> Result<String> {
        serde_json::to_string(&Envelope::of(self.kind, report)).map_err(json_error)
    }
}

impl<T: DeserializeOwned> Answer<T> {
    /// Reads an answer of this kind.
    ///
    /// # Errors
    /// The text is not JSON, is of another kind or version, or lacks a field (3).
    pub fn read(self, text: &str) -> Result<T> {
        let unreadable =
            |error| Error::refused(format!("not an answer of kind {}", self.kind)).because(error);
        let head: AnswerHeader = serde_json::from_str(text).map_err(unreadable)?;
        if (head.version, head.kind.as_str()) != (VERSION, self.kind) {
            let (version, kind) = (head.version, head.kind);
            return Err(Error::refused(format!(
                "expected an answer of kind {} and version {VERSION}, not {kind:?} and {version}",
                self.kind
            )));
        }
        serde_json::from_str(text).map_err(unreadable)
    }
}

impl<T> Clone for Answer<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Answer<T> {}

impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Answer").field(&self.kind).finish()
    }
}

/// A report, preceded by the fields that every answer begins with.
#[derive(Debug, Serialize)]
pub(super) struct Envelope<'a, T> {
    version: u32,
    kind: &'static str,
    // The fields of the report have been on the same level as version and kind since 0.1.0.
    #[serde(flatten)]
    report: &'a T,
}

impl<'a, T> Envelope<'a, T> {
    pub(super) const fn of(kind: &'static str, report: &'a T) -> Self {
        Self { version: VERSION, kind, report }
    }
}

/// The fields that every answer begins with.
#[derive(Deserialize)]
struct AnswerHeader {
    version: u32,
    kind: String,
}

pub(super) fn json_error(error: serde_json::Error) -> Error {
    Error::internal("cannot write JSON").because(error)
}

#[cfg(test)]
mod tests {
    use crate::wire;

    const SAMPLE: &str = r#"{"version":1,"kind":"keep","sessions":[{"id":"3f2a","changed":true}]}"#;

    #[test]
    fn answers_round_trip() {
        let report = wire::KEEP.read(SAMPLE).expect("an answer");
        assert_eq!((report.sessions.len(), report.sessions[0].id.as_str()), (1, "3f2a"));
        assert_eq!(wire::KEEP.text(&report).expect("text"), SAMPLE);
    }

    #[test]
    fn unknown_fields_of_newer_writers_are_ignored() {
        let newer =
            r#"{"version":1,"kind":"keep","sessions":[{"id":"3f2a","changed":true,"size":7}],"more":{}}"#;
        assert_eq!(wire::rewrite_answer("keep", newer).expect("an answer"), SAMPLE);
    }

    #[test]
    fn another_kind_or_version_is_refused() {
        for (text, why) in [
            (SAMPLE.replace("keep", "forget"), "not \"forget\" and 1"),
            (SAMPLE.replace("\"version\":1", "\"version\":2"), "not \"keep\" and 2"),
            (SAMPLE.replace(",\"changed\":true", ""), "missing field `changed`"),
            ("no JSON".to_owned(), "not an answer of kind keep"),
        ] {
            let error = wire::KEEP.read(&text).expect_err(&text).one_line();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(wire::rewrite_answer("nosuch", SAMPLE).is_err());
    }
}
