//! What `merge-ranked` reports.

use serde::Serialize;

use crate::{
    git::Oid,
    landing::{Plan, State, plan::Pairs, state::Step},
    model::event::Landing,
    store::{Unreadable, operations::Journal},
};

/// Why the target did not move.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Left {
    /// By the user, on the way.
    Interrupted,
    /// The checks failed, and that was to stop it.
    Stopped,
    /// Something is in the way: what, and what to type.
    Blocked(String, Vec<String>),
    /// It was given up.
    Aborted,
}

/// The order, the reasons, the outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The target.
    pub into: String,
    /// Where it stood.
    pub base: Oid,
    /// Where it stands, or would stand once it can be moved.
    pub result: Option<Oid>,
    /// Whether the target stands there.
    pub moved: bool,
    /// Under which id this can be taken back, or gone on with.
    pub operation: Option<String>,
    /// Every branch, in the order of landing.
    pub order: Vec<Step>,
    /// How the pairs were judged.
    pub pairs: Pairs,
    /// The set that lands together is known to be the largest.
    pub exact: bool,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Agents that cannot be read: whether they have anything to land is not known.
    pub unreadable: Vec<Unreadable>,
    /// From now on plain `git log` shows the notes on what landed: its config was told so.
    pub notes_shown: bool,
    /// Why the target did not move, in words.
    pub blocked: Option<String>,
    /// See there; none where it is as it should be.
    #[serde(skip)]
    pub left: Option<Left>,
}

impl Report {
    pub(super) fn planned(plan: &Plan) -> Self {
        Self {
            into: plan.target.branch.clone(),
            base: plan.target.tip,
            result: None,
            moved: false,
            operation: None,
            order: plan.steps(),
            pairs: plan.pairs,
            exact: plan.order.exact,
            warnings: Vec::new(),
            unreadable: plan.unreadable.clone(),
            notes_shown: false,
            blocked: None,
            left: None,
        }
    }

    fn of(plan: &Plan, state: &State, journal: &Journal) -> Self {
        let mut report = Self::planned(plan);
        let known = |name: &str| state.steps.iter().any(|step| step.branch == name);
        let open: Vec<Step> = report.order.drain(..).filter(|step| !known(&step.branch)).collect();
        report.order = state.steps.iter().cloned().chain(open).collect();
        for (step, rank) in report.order.iter_mut().zip(1..) {
            step.rank = rank;
        }
        report.base = state.base;
        report.result = Some(state.result);
        report.operation = Some(journal.operation.id.clone());
        report
    }

    pub(super) fn done(plan: &Plan, state: &State, journal: &Journal, warnings: Vec<String>) -> Self {
        let moved = state.result != state.base;
        Self { moved, warnings, ..Self::of(plan, state, journal) }
    }

    pub(super) fn left(plan: &Plan, state: &State, journal: &Journal, left: Left) -> Self {
        let blocked = match &left {
            Left::Interrupted => Some("interrupted".to_owned()),
            Left::Stopped => Some("stopped at a failure".to_owned()),
            Left::Blocked(why, _) => Some(why.clone()),
            Left::Aborted => Some("given up".to_owned()),
        };
        Self { blocked, left: Some(left), ..Self::of(plan, state, journal) }
    }

    /// The failed step is not written down: `--continue` takes it again.
    pub(super) fn stopped(plan: &Plan, state: &State, journal: &Journal, step: Step) -> Self {
        let mut shown = state.clone();
        shown.steps.push(step);
        Self::left(plan, &shown, journal, Left::Stopped)
    }

    /// How many came to this.
    pub fn count(&self, outcome: Landing) -> usize {
        self.order.iter().filter(|step| step.outcome == Some(outcome)).count()
    }
}
