//! How branches land: what the user asked for, completed by the configuration.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a branch becomes part of the target.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// By a merge commit.
    #[default]
    Merge,
    /// As one commit.
    Squash,
    /// Its commits are applied again, one after the other.
    Rebase,
}

impl Strategy {
    /// Every strategy, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Merge, Self::Squash, Self::Rebase];

    /// The word that is typed for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }

    /// The strategy for a typed word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// What happens to a branch that conflicts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// It is set aside.
    #[default]
    Skip,
    /// What landed before it wins.
    Ours,
    /// What it brings wins.
    Theirs,
    /// Both sides are kept, one after the other.
    Union,
    /// Its agent resolves it.
    Agent,
}

impl OnConflict {
    /// Every choice, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Skip, Self::Ours, Self::Theirs, Self::Union, Self::Agent];

    /// The word that is typed for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Union => "union",
            Self::Agent => "agent",
        }
    }

    /// The choice for a typed word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// What happens to a branch with which a check fails.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is set aside.
    #[default]
    Skip,
    /// The landing stops.
    Stop,
    /// Its agent repairs it.
    Agent,
}

impl OnFailure {
    /// Every choice, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Skip, Self::Stop, Self::Agent];

    /// The word that is typed for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Stop => "stop",
            Self::Agent => "agent",
        }
    }

    /// The choice for a typed word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// The options of one landing, complete: nothing in them is looked up again, also not when the landing is continued.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LandOptions {
    /// How branches become part of the target.
    pub strategy: Strategy,
    /// What happens to a branch that conflicts.
    pub on_conflict: OnConflict,
    /// What happens to a branch with which a check fails.
    pub on_failure: OnFailure,
    /// How often an agent may try to resolve a conflict or to repair a failure, for each branch.
    pub repairs: u32,
    /// The checks that every step must pass, in this order: name and shell command.
    pub checks: Vec<(String, String)>,
    /// The time limit of one check, in whole seconds where it is stored.
    #[serde(rename = "check_seconds", with = "crate::model::duration::seconds")]
    pub check_timeout: Duration,
    /// Branches that land before the others, in this order.
    #[serde(rename = "first")]
    pub priority: Vec<String>,
    /// Only what was approved, as it is now, lands.
    #[serde(default)]
    pub approved: bool,
    /// The branches were named: one whose check failed last time lands without that check as well.
    #[serde(default)]
    pub named: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_keep_their_stored_names() {
        let stored = r#"{"strategy":"squash","on_conflict":"agent","on_failure":"stop","repairs":2,
            "checks":[["test","make"]],"check_seconds":90,"first":["b"],"approved":true,"named":false}"#;
        let options: LandOptions = serde_json::from_str(stored).unwrap();
        assert_eq!(
            (options.check_timeout, options.priority.as_slice()),
            (Duration::from_secs(90), &["b".into()][..])
        );
        let again: serde_json::Value = serde_json::to_value(&options).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(stored).unwrap());
    }
}
