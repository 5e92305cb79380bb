//! The answer of a command that failed before it had anything to report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Code, Kind};

/// An error, for programs. Nothing else is on standard output then; the same is said on standard error in words.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Failure {
    /// What went wrong, as precisely as is known.
    pub code: Code,
    /// What kind of error it is: one word for each exit code.
    pub error: Kind,
    /// The exit code.
    pub exit: u8,
    /// What failed, on what.
    pub message: String,
    /// Why, the outermost cause first.
    pub causes: Vec<String>,
    /// What to type next.
    pub hints: Vec<String>,
}
