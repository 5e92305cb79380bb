//! One thing that changed outside an agent's worktree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::text;

/// Columns kept of what is said of one change.
const WIDTH: usize = 240;
/// Changes that a sentence names, and columns kept of each; more are counted.
const NAMED: usize = 3;
const SHORT: usize = 80;

/// How much it should worry the user.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing says that the user's own git did it.
    Warning,
    /// The reflogs of the user's own checkouts tell of it, or it does no harm.
    Note,
}

/// What it is of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeSubject {
    /// Git config, attributes.
    Config,
    /// A hook.
    Hook,
    /// Another file of the git directory that decides how git works.
    GitFile,
    /// A branch, a tag or another ref.
    Ref,
    /// What a checkout of the user's stands on.
    Checkout,
    /// A file in the main checkout.
    File,
    /// Something that could not be looked at.
    Unseen,
}

/// One change, as reports hold it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "SurroundingsChange")]
pub struct SurroundingsChange {
    /// How much it should worry the user.
    pub level: Level,
    /// What it is of.
    pub subject: ChangeSubject,
    /// What happened, on one line, safe to show.
    pub what: String,
    /// The other agents that ran meanwhile.
    #[serde(default)]
    pub meanwhile: Vec<String>,
}

impl SurroundingsChange {
    /// A change; `what` may hold foreign names.
    pub fn new(level: Level, subject: ChangeSubject, what: &str) -> Self {
        Self { level, subject, what: text::one_line(what, WIDTH), meanwhile: Vec::new() }
    }

    /// A change that nothing explains.
    pub fn warning(subject: ChangeSubject, what: &str) -> Self {
        Self::new(Level::Warning, subject, what)
    }

    /// A change that is explained.
    pub fn note(subject: ChangeSubject, what: &str) -> Self {
        Self::new(Level::Note, subject, what)
    }
}

/// What the warnings among some changes say, in their order.
pub fn warnings(changes: &[SurroundingsChange]) -> Vec<&str> {
    let warnings = changes.iter().filter(|change| change.level == Level::Warning);
    warnings.map(|change| change.what.as_str()).collect()
}

/// The first of some changes as one sentence, and how many more there are.
pub fn summary(what: &[&str]) -> String {
    let shown: Vec<String> = what.iter().take(NAMED).map(|what| text::cut(what, SHORT)).collect();
    match what.len().saturating_sub(NAMED) {
        0 => shown.join("; "),
        more => format!("{}; {more} more", shown.join("; ")),
    }
}
