//! The answer of a command that failed before it had anything to report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Code, Kind};

/// An error, for programs. It is the only answer on standard output; standard error has the same in words.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Failure {
    /// What went wrong, as one of the error codes in the manual.
    pub code: Code,
    /// The kind of error: one word for each exit code.
    pub error: Kind,
    /// The exit code.
    pub exit: u8,
    /// What failed, and on what.
    pub message: String,
    /// The causes, the outermost first.
    pub causes: Vec<String>,
    /// Commands to type next, or other advice.
    pub hints: Vec<String>,
}
