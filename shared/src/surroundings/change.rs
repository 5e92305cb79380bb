//! One change outside an agent's worktree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::text;

/// Maximum width of the description of one change, in columns.
const WIDTH: usize = 240;
/// Maximum number of changes that a summary names; the rest are counted.
const MAX_NAMED: usize = 3;
const NAMED_WIDTH: usize = 80;

/// How much a change should worry the user.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing shows that the user's own git made the change.
    Warning,
    /// The reflogs of the user's own checkouts explain the change, or it does no harm.
    Note,
}

/// What a change affects.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeSubject {
    /// Git config or attributes.
    Config,
    /// A hook.
    Hook,
    /// Another file of the git directory that decides how git works.
    GitFile,
    /// A branch, a tag or another ref.
    Ref,
    /// The `HEAD` of a checkout of the user.
    Checkout,
    /// A file in the main checkout.
    File,
    /// Something that could not be read or compared.
    Unseen,
}

/// One change, as it is recorded and reported.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "SurroundingsChange")]
pub struct SurroundingsChange {
    /// How much the change should worry the user.
    pub level: Level,
    /// What the change affects.
    pub subject: ChangeSubject,
    /// What happened, on one line and safe to display.
    pub what: String,
    /// The other agents that ran at the same time.
    #[serde(default)]
    pub meanwhile: Vec<String>,
}

impl SurroundingsChange {
    /// Creates a change; `what` may hold foreign names.
    pub fn new(level: Level, subject: ChangeSubject, what: &str) -> Self {
        Self { level, subject, what: text::one_line(what, WIDTH), meanwhile: Vec::new() }
    }

    /// Creates a change that nothing explains.
    pub fn warning(subject: ChangeSubject, what: &str) -> Self {
        Self::new(Level::Warning, subject, what)
    }

    /// Creates a change that is explained.
    pub fn note(subject: ChangeSubject, what: &str) -> Self {
        Self::new(Level::Note, subject, what)
    }
}

/// Returns the descriptions of the warnings among `changes`, in their order.
pub fn warnings(changes: &[SurroundingsChange]) -> Vec<&str> {
    let warnings = changes.iter().filter(|change| change.level == Level::Warning);
    warnings.map(|change| change.what.as_str()).collect()
}

/// Returns the first of some descriptions as one sentence, and how many more there are.
pub fn summary(what: &[&str]) -> String {
    let shown: Vec<String> =
        what.iter().take(MAX_NAMED).map(|what| text::truncate(what, NAMED_WIDTH)).collect();
    match what.len().saturating_sub(MAX_NAMED) {
        0 => shown.join("; "),
        more => format!("{}; {more} more", shown.join("; ")),
    }
}
