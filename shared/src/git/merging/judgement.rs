//! The result of a trial merge, and how it was found.

use super::{merge_tree_output::MergeResult, trial_conflict::TrialConflict};

/// The result of a trial merge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// It is clean.
    Merges,
    /// It conflicts.
    Conflicts(TrialConflict),
    /// It is unknown; the text says why.
    Unknown(String),
}

impl Judgement {
    pub(super) fn of(answer: MergeResult) -> Self {
        answer.conflict.map_or(Self::Merges, |conflict| Self::Conflicts(conflict.trial_conflict()))
    }
}

/// How a result was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// By comparing paths only.
    Paths,
    /// By merging contents ourselves.
    Merge,
    /// By asking git.
    Git,
}

/// The trial merge of one pair.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrialMerge {
    /// The result of the merge.
    pub judgement: Judgement,
    /// How it was found.
    pub method: Method,
    /// Whether the result depends only on the commits and on what [`super::MergeRules::key`] covers, so that it can be cached.
    pub cacheable: bool,
}

impl TrialMerge {
    pub(super) const CLEAN_BY_PATHS: Self =
        Self { judgement: Judgement::Merges, method: Method::Paths, cacheable: true };

    /// Returns the conflict, if there is one.
    pub const fn trial_conflict(&self) -> Option<TrialConflict> {
        match self.judgement {
            Judgement::Conflicts(trial_conflict) => Some(trial_conflict),
            Judgement::Merges | Judgement::Unknown(_) => None,
        }
    }
}
