//! Regular expressions of the user. Pure.

use regex::{Regex, RegexBuilder};

/// Maximum size of a compiled expression, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// Compiles an expression; returns `None` if it is invalid or too large.
pub fn expression(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).size_limit(MAX_SIZE).build().ok()
}
