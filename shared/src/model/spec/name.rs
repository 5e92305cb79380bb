//! The names of specs.

use std::str::FromStr;

use crate::{
    Code, Error, Result,
    model::{ids::text_id, text},
};

/// The maximum length of a name, in bytes.
const MAX_LENGTH: usize = 40;

/// The name of a spec: 1 to 40 lower-case letters, digits and dashes, with a letter or digit first and last, so that it is valid in a
/// ref, a path, and a shell word.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SpecName(String);

text_id!(SpecName);

impl SpecName {
    /// Parses a name.
    ///
    /// # Errors
    /// The text is empty, too long, or contains other characters (2).
    pub fn parse(text: &str) -> Result<Self> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_valid = (1..=MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| is_letter(byte) || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if is_valid {
            return Ok(Self(text.to_owned()));
        }
        let shown = text::one_line(text, 60);
        Err(Error::new(Code::NameInvalid, format!("'{shown}' cannot be the name of a spec"))
            .hint("lower-case letters, digits and dashes, at most 40, such as 'rate-limit'"))
    }
}

impl FromStr for SpecName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}
