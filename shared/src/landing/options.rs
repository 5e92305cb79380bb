//! The options of a landing: what the user asked for, completed by the configuration.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tick::Tick;

/// How a branch becomes part of the target.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// By a merge commit.
    #[default]
    Merge,
    /// By one commit with all changes of the branch.
    Squash,
    /// By rebasing its commits.
    Rebase,
}

impl Strategy {
    /// Every strategy, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Merge, Self::Squash, Self::Rebase];

    /// Returns the word that the user types for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }

    /// Returns the strategy that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// What happens to a branch that conflicts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// The branch is set aside.
    #[default]
    Skip,
    /// Conflicting lines are taken from what landed before.
    Ours,
    /// Conflicting lines are taken from the branch.
    Theirs,
    /// Conflicting lines of both sides are kept, one after the other.
    Union,
    /// The branch's agent is asked to resolve the conflict.
    Agent,
}

impl OnConflict {
    /// Every choice, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Skip, Self::Ours, Self::Theirs, Self::Union, Self::Agent];

    /// Returns the word that the user types for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Union => "union",
            Self::Agent => "agent",
        }
    }

    /// Returns the choice that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// What happens to a branch with which a check fails.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The branch is set aside.
    #[default]
    Skip,
    /// The landing stops.
    Stop,
    /// The branch's agent is asked to repair it.
    Agent,
}

impl OnFailure {
    /// Every choice, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Skip, Self::Stop, Self::Agent];

    /// Returns the word that the user types for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Stop => "stop",
            Self::Agent => "agent",
        }
    }

    /// Returns the choice that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// The complete options of one landing. The configuration is not read again, not even when the landing is continued.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LandOptions {
    /// How branches become part of the target.
    pub strategy: Strategy,
    /// What happens to a branch that conflicts.
    pub on_conflict: OnConflict,
    /// What happens to a branch with which a check fails.
    pub on_failure: OnFailure,
    /// How often the agent of a branch may be asked for a repair, in one step.
    pub repairs: u32,
    /// The checks that every step must pass, in this order: name and shell command.
    pub checks: Vec<(String, String)>,
    /// The time limit of one check, stored in whole seconds.
    #[serde(rename = "check_seconds", with = "crate::model::duration::seconds")]
    pub check_timeout: Duration,
    /// Branches that land before the others, in this order.
    #[serde(rename = "first")]
    pub priority: Vec<String>,
    /// Only branches that are approved at their current commit land.
    #[serde(default)]
    pub approved: bool,
    /// Branches land whatever their verdicts are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub despite_verdict: bool,
    /// The work of an agent lands with all that it started from, even with what the target lacks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_base: bool,
    /// The branches were named: one with which a check failed last time lands even without that check.
    #[serde(default)]
    pub named: bool,
    /// Whether checks run even if they are known to pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recheck: bool,
    /// Whether one check covers many branches, and the one that fails is searched for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub batch: bool,
    /// If there are any, only branches land that change nothing but what these pathspecs name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// The tasks that are ticked in a list when the work of their agents lands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ticks: Vec<Tick>,
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
