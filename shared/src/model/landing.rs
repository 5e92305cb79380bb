//! What a landing did with the work of an agent.

use serde::{Deserialize, Serialize};

/// See [`crate::model::Fact::Landed`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Landed {
    /// What became of it.
    pub outcome: Landing,
    /// The branch, without `refs/heads/`.
    pub into: String,
    /// The commit that held the work.
    pub head: String,
    /// As which commit it landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of a branch that was to land.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Landing {
    /// It is in the target.
    Merged,
    /// It conflicts, or was not wanted.
    SetAside,
    /// It merges, and the checks fail with it.
    Failed,
    /// The target contained it.
    UpToDate,
    /// The target did not contain it, and had all that it changes.
    NothingNew,
    /// It was in the target, and is no more.
    TakenBack,
}

impl Landing {
    /// As it is written in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::SetAside => "set_aside",
            Self::Failed => "failed",
            Self::UpToDate => "up_to_date",
            Self::NothingNew => "nothing_new",
            Self::TakenBack => "taken_back",
        }
    }
}
