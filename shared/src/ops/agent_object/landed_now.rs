//! Where work that landed is now, in reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where work is now of which the events say that it landed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LandedNow {
    /// The branch contains it.
    There,
    /// The history of the branch contains it, but all its files are as they were before it.
    Reverted,
    /// The history of the branch contains it, but some of its files are as they were before it.
    PartlyReverted,
    /// The branch does not contain it: it was reset, or another clone landed it in a branch with that name.
    NotThere,
    /// The commit that landed it is not in this clone: another clone landed it in its own branch.
    Elsewhere,
}

impl LandedNow {
    /// Returns whether the history of the branch contains the work.
    pub const fn is_in_history(self) -> bool {
        matches!(self, Self::There | Self::Reverted | Self::PartlyReverted)
    }

    /// Decides from the facts. `files` are the number of files that the work changes and of those that are in the branch as they were
    /// before, if they were compared.
    pub(in crate::ops) fn decide(in_history: bool, is_here: bool, files: Option<(usize, usize)>) -> Self {
        match files {
            _ if !in_history && is_here => Self::NotThere,
            _ if !in_history => Self::Elsewhere,
            Some((all, reverted)) if all > 0 && reverted == all => Self::Reverted,
            Some((_, reverted)) if reverted > 0 => Self::PartlyReverted,
            _ => Self::There,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_decide() {
        for (in_history, is_here, files, now) in [
            (true, true, None, LandedNow::There),
            (true, true, Some((0, 0)), LandedNow::There),
            (true, true, Some((2, 0)), LandedNow::There),
            (true, true, Some((2, 1)), LandedNow::PartlyReverted),
            (true, true, Some((2, 2)), LandedNow::Reverted),
            // The work itself was merged by hand.
            (true, false, None, LandedNow::There),
            (false, true, None, LandedNow::NotThere),
            (false, false, None, LandedNow::Elsewhere),
        ] {
            assert_eq!(
                LandedNow::decide(in_history, is_here, files),
                now,
                "{in_history} {is_here} {files:?}"
            );
        }
    }
}
