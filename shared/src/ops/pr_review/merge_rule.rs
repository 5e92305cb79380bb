//! Whether a pull request may be merged on its forge. Pure.

use crate::{
    forge::{ForgeChecks, PullRequestState},
    model::verdict::Verdict,
};

/// What is known of a pull request before it is merged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct MergeFacts {
    /// Its state on the forge.
    pub(super) state: PullRequestState,
    /// Whether it is a draft.
    pub(super) is_draft: bool,
    /// The verdict that counts for what was fetched.
    pub(super) verdict: Option<Verdict>,
    /// Whether the test passed on the merge of what was fetched.
    pub(super) test_passed: bool,
    /// What the checks of the forge say of its head; `None` if the token may not read them.
    pub(super) checks: Option<ForgeChecks>,
    /// What moved since it was fetched.
    pub(super) moved: Moved,
}

/// What of a pull request is not as it was fetched. The patch between both is the same as long as neither moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Moved {
    /// Both are as they were fetched.
    Nothing,
    /// The branch that it should be merged into, or that is another one now.
    Base,
    /// Its newest commit.
    Head,
}

/// Why a pull request is not merged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Obstacle {
    NotOpen(PullRequestState),
    Draft,
    NoVerdict,
    Verdict(Verdict),
    TestFailed,
    ChecksFailed,
    ChecksRunning,
    Moved(Moved),
}

impl MergeFacts {
    /// Returns the first reason not to merge. What the user has to do first comes first.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        match (self.verdict, self.checks) {
            _ if self.state != PullRequestState::Open => Some(Obstacle::NotOpen(self.state)),
            _ if self.is_draft => Some(Obstacle::Draft),
            _ if self.moved != Moved::Nothing => Some(Obstacle::Moved(self.moved)),
            (None, _) => Some(Obstacle::NoVerdict),
            (Some(verdict @ (Verdict::Changes | Verdict::Reject)), _) => Some(Obstacle::Verdict(verdict)),
            _ if !self.test_passed => Some(Obstacle::TestFailed),
            // What we cannot read does not count as passed.
            (_, Some(ForgeChecks::Failed | ForgeChecks::Other)) => Some(Obstacle::ChecksFailed),
            (_, Some(ForgeChecks::Running)) => Some(Obstacle::ChecksRunning),
            (Some(Verdict::Approve), None | Some(ForgeChecks::None | ForgeChecks::Passed)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: MergeFacts = MergeFacts {
        state: PullRequestState::Open,
        is_draft: false,
        verdict: Some(Verdict::Approve),
        test_passed: true,
        checks: Some(ForgeChecks::Passed),
        moved: Moved::Nothing,
    };

    #[test]
    fn each_reason_alone_keeps_it_from_being_merged() {
        for (facts, obstacle) in [
            (GOOD, None),
            (MergeFacts { checks: None, ..GOOD }, None),
            (MergeFacts { checks: Some(ForgeChecks::None), ..GOOD }, None),
            (
                MergeFacts { state: PullRequestState::Closed, ..GOOD },
                Some(Obstacle::NotOpen(PullRequestState::Closed)),
            ),
            (
                MergeFacts { state: PullRequestState::Merged, ..GOOD },
                Some(Obstacle::NotOpen(PullRequestState::Merged)),
            ),
            (MergeFacts { is_draft: true, ..GOOD }, Some(Obstacle::Draft)),
            (MergeFacts { verdict: None, ..GOOD }, Some(Obstacle::NoVerdict)),
            (
                MergeFacts { verdict: Some(Verdict::Changes), ..GOOD },
                Some(Obstacle::Verdict(Verdict::Changes)),
            ),
            (MergeFacts { verdict: Some(Verdict::Reject), ..GOOD }, Some(Obstacle::Verdict(Verdict::Reject))),
            (MergeFacts { test_passed: false, ..GOOD }, Some(Obstacle::TestFailed)),
            (MergeFacts { checks: Some(ForgeChecks::Failed), ..GOOD }, Some(Obstacle::ChecksFailed)),
            (MergeFacts { checks: Some(ForgeChecks::Other), ..GOOD }, Some(Obstacle::ChecksFailed)),
            (MergeFacts { checks: Some(ForgeChecks::Running), ..GOOD }, Some(Obstacle::ChecksRunning)),
            (MergeFacts { moved: Moved::Base, ..GOOD }, Some(Obstacle::Moved(Moved::Base))),
            (MergeFacts { moved: Moved::Head, ..GOOD }, Some(Obstacle::Moved(Moved::Head))),
        ] {
            assert_eq!(facts.obstacle(), obstacle, "{facts:?}");
        }
    }

    fn facts() -> impl Strategy<Value = MergeFacts> {
        use PullRequestState::{Closed, Merged, Open, Other};
        let checks = [ForgeChecks::None, ForgeChecks::Passed, ForgeChecks::Running, ForgeChecks::Failed];
        (
            prop::sample::select(vec![Open, Closed, Merged, Other]),
            any::<bool>(),
            prop::option::of(prop::sample::select(vec![Verdict::Approve, Verdict::Changes, Verdict::Reject])),
            any::<bool>(),
            prop::option::of(prop::sample::select(checks.to_vec())),
            prop::sample::select(vec![Moved::Nothing, Moved::Base, Moved::Head]),
        )
            .prop_map(|(state, is_draft, verdict, test_passed, checks, moved)| MergeFacts {
                state,
                is_draft,
                verdict,
                test_passed,
                checks,
                moved,
            })
    }

    proptest! {
        /// Nothing outweighs an approval that is missing, a test that failed, or something that moved.
        #[test]
        fn it_is_merged_only_if_every_fact_allows_it(facts in facts()) {
            let allowed = facts.state == PullRequestState::Open
                && !facts.is_draft
                && facts.verdict == Some(Verdict::Approve)
                && facts.test_passed
                && !matches!(facts.checks, Some(ForgeChecks::Failed | ForgeChecks::Running))
                && facts.moved == Moved::Nothing;
            prop_assert_eq!(facts.obstacle().is_none(), allowed);
        }
    }
}
