//! What a merge on trial comes to, and how that was found.

use super::{answer::Answer, clash::TrialConflict};

/// What a merge on trial comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// It is clean.
    Merges,
    /// It conflicts.
    Conflicts(TrialConflict),
    /// Nobody can tell, and why.
    Unknown(String),
}

impl Judgement {
    pub(super) fn of(answer: Answer) -> Self {
        answer.conflict.map_or(Self::Merges, |conflict| Self::Conflicts(conflict.clash()))
    }
}

/// How a verdict was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// The paths alone told it.
    Paths,
    /// By merging contents here.
    Merge,
    /// Git was asked.
    Git,
}

/// What became of one pair.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrialMerge {
    /// What the merge comes to.
    pub judgement: Judgement,
    /// How that was found.
    pub how: Method,
    /// Whether the commits, and what [`super::Rules::key`] holds, decide it for good.
    pub lasting: bool,
}

impl TrialMerge {
    pub(super) const CLEAN_BY_PATHS: Self =
        Self { judgement: Judgement::Merges, how: Method::Paths, lasting: true };

    /// What clashes, if anything does.
    pub const fn clash(&self) -> Option<TrialConflict> {
        match self.judgement {
            Judgement::Conflicts(clash) => Some(clash),
            Judgement::Merges | Judgement::Unknown(_) => None,
        }
    }
}
