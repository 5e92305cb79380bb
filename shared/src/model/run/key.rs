//! The ids of runs that have a log.

use std::str::FromStr;

use crate::{
    Code, Error, Result,
    model::{RunId, ids::text_id, text},
};

/// The maximum length of an id, in bytes.
const MAX_LENGTH: usize = 40;

/// The id of a run that has a log: 1 to 40 lower-case letters and digits, so that it is valid in a ref, a path, and a shell word.
/// An agent may name its run by any text, a [`RunId`]; only one of this form has a log.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RunKey(String);

text_id!(RunKey);

impl RunKey {
    /// Parses the id of a run.
    ///
    /// # Errors
    /// The text is empty, too long, or contains other characters than lower-case letters and digits.
    pub fn parse(text: &str) -> Result<Self> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_letter) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::new(Code::NameInvalid, format!("'{}' is not a valid run id", text::safe(text))))
        }
    }

    /// Returns the id of the log of the run that agents name as `id`. `None` if a run of that name cannot have a log.
    pub fn of(id: &RunId) -> Option<Self> {
        Self::parse(id).ok()
    }
}

impl FromStr for RunKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}
