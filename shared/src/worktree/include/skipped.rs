//! What was not copied, and why.

use serde::{Deserialize, Serialize};

use super::shown;

/// The most skipped files that are named.
pub(super) const MAX_SKIPPED: usize = 100;

/// A file that was not copied.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Skipped {
    /// The path, safe to show.
    pub path: String,
    /// The reason that it was not copied.
    pub why: String,
}

impl Skipped {
    /// Notes a path, with the reason.
    pub fn new(path: &[u8], why: &str) -> Self {
        Self { path: shown(path), why: why.to_owned() }
    }
}
