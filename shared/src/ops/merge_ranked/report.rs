//! What `merge-ranked` reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::{self, Outcome, Row};
use crate::{
    git::Oid,
    landing::{Plan, State, plan::Pairs, state::Step},
    store::{Unreadable, operations::Journal},
};

/// Why the target did not move.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
#[schemars(rename = "Incomplete")]
pub enum Left {
    /// The user interrupted it.
    Interrupted,
    /// A check failed, and the landing was to stop then.
    Stopped,
    /// Something is in the way.
    Blocked {
        /// What is in the way.
        why: String,
        /// What to type next.
        hints: Vec<String>,
    },
    /// It was aborted.
    Aborted,
}

/// The branches in the order of landing, the reasons, and the outcome.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "LandingReport")]
pub struct Report {
    /// The target branch.
    pub into: String,
    /// The commit of the target before.
    pub base: Oid,
    /// The commit of the target after, or once it can be moved.
    pub result: Option<Oid>,
    /// Whether the target was moved.
    pub moved: bool,
    /// The id of the operation, by which it can be undone or resumed.
    pub operation: Option<String>,
    /// Every branch, in the order of landing.
    pub order: Vec<Row>,
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
    /// Why the target did not move, for programs; none where the landing came to its end.
    #[serde(rename = "incomplete")]
    pub left: Option<Left>,
}

impl Report {
    /// What would be done.
    pub(super) fn planned(plan: &Plan) -> Self {
        let words = outcome::planned(plan);
        let order = plan.steps().into_iter().zip(words).map(|(step, word)| step.with_outcome(word));
        Self::with(plan, order.collect())
    }

    /// There was nothing to try.
    pub(super) fn nothing(plan: &Plan) -> Self {
        Self::with(plan, rows(plan.steps(), true))
    }

    fn with(plan: &Plan, order: Vec<Row>) -> Self {
        Self {
            into: plan.target.branch.clone(),
            base: plan.target.tip,
            result: None,
            moved: false,
            operation: None,
            order,
            pairs: plan.pairs,
            exact: plan.order.exact,
            warnings: Vec::new(),
            unreadable: plan.unreadable.clone(),
            notes_shown: false,
            blocked: None,
            left: None,
        }
    }

    /// `has_moved`: the target has what landed.
    fn of(plan: &Plan, state: &State, journal: &Journal, has_moved: bool) -> Self {
        let known = |name: &str| state.steps.iter().any(|step| step.branch == name);
        let open = plan.steps().into_iter().filter(|step| !known(&step.branch));
        let mut order = rows(state.steps.iter().cloned().chain(open), has_moved);
        for (row, rank) in order.iter_mut().zip(1..) {
            row.rank = rank;
        }
        let mut report = Self::with(plan, order);
        report.base = state.base;
        report.result = Some(state.result);
        report.operation = Some(journal.operation.id.clone());
        report
    }

    pub(super) fn done(plan: &Plan, state: &State, journal: &Journal, warnings: Vec<String>) -> Self {
        let moved = state.result != state.base;
        Self { moved, warnings, ..Self::of(plan, state, journal, true) }
    }

    pub(super) fn left(plan: &Plan, state: &State, journal: &Journal, left: Left) -> Self {
        let blocked = match &left {
            Left::Interrupted => Some("interrupted".to_owned()),
            Left::Stopped => Some("stopped at a failure".to_owned()),
            Left::Blocked { why, .. } => Some(why.clone()),
            Left::Aborted => Some("given up".to_owned()),
        };
        Self { blocked, left: Some(left), ..Self::of(plan, state, journal, false) }
    }

    /// The failed step is not written down: `--continue` takes it again.
    pub(super) fn stopped(plan: &Plan, state: &State, journal: &Journal, step: Step) -> Self {
        let mut shown = state.clone();
        shown.steps.push(step);
        Self::left(plan, &shown, journal, Left::Stopped)
    }

    /// How many came to this.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.order.iter().filter(|row| row.outcome == outcome).count()
    }
}

fn rows(steps: impl IntoIterator<Item = Step>, has_moved: bool) -> Vec<Row> {
    let row = |step: Step| {
        let outcome = Outcome::of_step(step.outcome, has_moved);
        step.with_outcome(outcome)
    };
    steps.into_iter().map(row).collect()
}
