//! The report of `merge-ranked`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    check_plan::CheckPlan,
    outcome::{self, BranchOutcome, BranchRow},
};
use crate::{
    git::Oid,
    landing::{
        LandingPlan, Pairs, State,
        state::{CheckCounts, Step},
    },
    store::{Unreadable, operations::Journal},
};

/// The order of landing, the reasons for it, and how the landing ended.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(from = "Json", into = "Json")]
#[schemars(with = "Json")]
pub struct Report {
    /// The target branch.
    pub into: String,
    /// The commit of the target before the landing.
    pub base: Oid,
    /// How the landing ended.
    pub conclusion: Conclusion,
    /// Every branch, in the order of landing.
    pub order: Vec<BranchRow>,
    /// The number of pairs that were merged on trial, and with which results.
    pub pairs: Pairs,
    /// Whether the set that lands without conflict is known to be the largest.
    pub exact: bool,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Agents that cannot be read, and may have work to land.
    pub unreadable: Vec<Unreadable>,
    /// Whether plain `git log` shows what landed, because the user asked for that.
    pub notes_shown: bool,
    /// Whether this was a dry run, which changed nothing.
    pub dry_run: bool,
    /// How many checks were needed, and how many of them ran.
    pub checks: CheckCounts,
    /// How the checks would run, if this is a plan.
    pub check_plan: Option<CheckPlan>,
}

/// How a landing ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Conclusion {
    /// No step was taken, because this is a plan or there was nothing to land.
    NotTried,
    /// All steps were taken, and the target has moved to the result.
    Ended {
        /// The id of the operation, which can be undone.
        operation: String,
        /// The commit of the target now; the same as before if nothing landed.
        result: Oid,
    },
    /// The target has not moved.
    Incomplete {
        /// The id of the operation, which can be continued unless it was aborted.
        operation: String,
        /// The commit that the target would move to with the steps taken so far.
        result: Oid,
        /// Why it has not moved.
        why: Incomplete,
    },
}

/// Why a landing is not complete.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Incomplete {
    /// The user interrupted it.
    Interrupted,
    /// A check failed, and the options say to stop then.
    CheckFailed,
    /// The target cannot be moved.
    Blocked {
        /// What prevents the move, in words.
        why: String,
        /// Commands to type next, or other advice.
        hints: Vec<String>,
    },
    /// The user aborted it.
    Aborted,
}

impl Incomplete {
    /// Returns the reason, for people and scripts.
    pub fn reason(&self) -> &str {
        match self {
            Self::Interrupted => "interrupted",
            Self::CheckFailed => "stopped at a failure",
            Self::Blocked { why, .. } => why,
            Self::Aborted => "given up",
        }
    }
}

impl Report {
    /// Reports a plan.
    pub(super) fn planned(plan: &LandingPlan, settles: &dyn Fn(usize, usize) -> bool) -> Self {
        let words = outcome::planned(plan, settles);
        let order = plan.steps().into_iter().zip(words).map(|(step, word)| step.with_outcome(word));
        Self::not_tried(plan, order.collect())
    }

    /// Reports a landing in which there was nothing to do.
    pub(super) fn nothing_to_land(plan: &LandingPlan) -> Self {
        Self::not_tried(plan, rows(plan.steps(), true))
    }

    /// Reports a landing that has ended.
    pub(super) fn ended(plan: &LandingPlan, state: &State, journal: &Journal) -> Self {
        let operation = journal.operation.id.clone();
        Self::tried(plan, state, true, Conclusion::Ended { operation, result: state.result })
    }

    /// Reports a landing whose target has not moved.
    pub(super) fn incomplete(plan: &LandingPlan, state: &State, journal: &Journal, why: Incomplete) -> Self {
        let operation = journal.operation.id.clone();
        Self::tried(plan, state, false, Conclusion::Incomplete { operation, result: state.result, why })
    }

    fn not_tried(plan: &LandingPlan, order: Vec<BranchRow>) -> Self {
        Self {
            into: plan.target.branch.clone(),
            base: plan.target.tip,
            conclusion: Conclusion::NotTried,
            order,
            pairs: plan.pairs,
            exact: plan.order.exact,
            warnings: Vec::new(),
            unreadable: plan.unreadable.clone(),
            notes_shown: false,
            dry_run: false,
            checks: CheckCounts::default(),
            check_plan: None,
        }
    }

    /// Reports a landing with steps. `has_moved` says whether the target has moved to its result.
    fn tried(plan: &LandingPlan, state: &State, has_moved: bool, conclusion: Conclusion) -> Self {
        let known = |name: &str| state.steps.iter().any(|step| step.branch == name);
        let open = plan.steps().into_iter().filter(|step| !known(&step.branch));
        let mut order = rows(state.steps.iter().cloned().chain(open), has_moved);
        for (row, rank) in order.iter_mut().zip(1..) {
            row.rank = rank;
        }
        Self { base: state.base, conclusion, checks: state.checks, ..Self::not_tried(plan, order) }
    }

    /// Returns the commit that the target moved to, or would move to.
    pub const fn result(&self) -> Option<Oid> {
        match &self.conclusion {
            Conclusion::NotTried => None,
            Conclusion::Ended { result, .. } | Conclusion::Incomplete { result, .. } => Some(*result),
        }
    }

    /// Returns the commit that the target moved to, if it did.
    pub fn moved_to(&self) -> Option<Oid> {
        match &self.conclusion {
            Conclusion::Ended { result, .. } => Some(*result).filter(|result| *result != self.base),
            Conclusion::NotTried | Conclusion::Incomplete { .. } => None,
        }
    }

    /// Returns why the target has not moved, if the landing is not complete.
    pub const fn why_incomplete(&self) -> Option<&Incomplete> {
        match &self.conclusion {
            Conclusion::Incomplete { why, .. } => Some(why),
            Conclusion::NotTried | Conclusion::Ended { .. } => None,
        }
    }

    /// Returns whether the landing is not complete.
    pub const fn is_incomplete(&self) -> bool {
        self.why_incomplete().is_some()
    }

    /// Returns the number of branches with this outcome.
    pub fn count(&self, outcome: BranchOutcome) -> usize {
        self.order.iter().filter(|row| row.outcome == outcome).count()
    }
}

fn rows(steps: impl IntoIterator<Item = Step>, has_moved: bool) -> Vec<BranchRow> {
    let row = |step: Step| {
        let outcome = BranchOutcome::of_step(step.outcome, has_moved);
        step.with_outcome(outcome)
    };
    steps.into_iter().map(row).collect()
}

/// The order of landing, the reasons for it, and how the landing ended, in JSON.
#[derive(Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "LandingReport")]
struct Json {
    /// The target branch.
    into: String,
    /// The commit of the target when the landing began.
    base: Oid,
    /// The commit that the target moved to, or would move to.
    result: Option<Oid>,
    /// Whether the target moved to `result`.
    moved: bool,
    /// The id of the operation, which can be undone or continued.
    operation: Option<String>,
    /// The branches in the order in which they land, with the outcome for each.
    order: Vec<BranchRow>,
    /// The number of pairs of branches that were merged on trial, and with which results.
    pairs: Pairs,
    /// Whether the set that lands without conflict is known to be the largest.
    exact: bool,
    /// Warnings for the user.
    warnings: Vec<String>,
    /// Agents that cannot be read, and may have work to land.
    unreadable: Vec<Unreadable>,
    /// Whether plain `git log` shows what landed, because the user asked for that.
    notes_shown: bool,
    /// Why the target did not move, in words.
    blocked: Option<String>,
    /// Why the target did not move, for programs; `null` if the landing ended.
    #[serde(default)]
    incomplete: Option<Incomplete>,
    /// Whether this was a dry run, which changed nothing.
    #[serde(default)]
    dry_run: bool,
    /// How many checks were needed, and how many of them ran.
    #[serde(default)]
    checks: CheckCounts,
    /// How the checks would run, if this is a plan.
    #[serde(default)]
    check_plan: Option<CheckPlan>,
}

impl From<Json> for Report {
    fn from(json: Json) -> Self {
        let conclusion = match (json.operation, json.result, json.incomplete) {
            (Some(operation), Some(result), Some(why)) => Conclusion::Incomplete { operation, result, why },
            (Some(operation), Some(result), None) => Conclusion::Ended { operation, result },
            _ => Conclusion::NotTried,
        };
        let Json {
            into,
            base,
            order,
            pairs,
            exact,
            warnings,
            unreadable,
            notes_shown,
            dry_run,
            checks,
            check_plan,
            ..
        } = json;
        Self {
            into,
            base,
            conclusion,
            order,
            pairs,
            exact,
            warnings,
            unreadable,
            notes_shown,
            dry_run,
            checks,
            check_plan,
        }
    }
}

impl From<Report> for Json {
    fn from(report: Report) -> Self {
        let (result, moved) = (report.result(), report.moved_to().is_some());
        let incomplete = report.why_incomplete().cloned();
        let blocked = incomplete.as_ref().map(|why| why.reason().to_owned());
        let operation = match report.conclusion {
            Conclusion::NotTried => None,
            Conclusion::Ended { operation, .. } | Conclusion::Incomplete { operation, .. } => Some(operation),
        };
        let Report {
            into,
            base,
            order,
            pairs,
            exact,
            warnings,
            unreadable,
            notes_shown,
            dry_run,
            checks,
            check_plan,
            ..
        } = report;
        Self {
            into,
            base,
            result,
            moved,
            operation,
            order,
            pairs,
            exact,
            warnings,
            unreadable,
            notes_shown,
            blocked,
            incomplete,
            dry_run,
            checks,
            check_plan,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(conclusion: Conclusion) -> Value {
        let report = Report {
            into: "main".into(),
            base: Oid::NULL,
            conclusion,
            order: Vec::new(),
            pairs: Pairs::default(),
            exact: true,
            warnings: Vec::new(),
            unreadable: Vec::new(),
            notes_shown: false,
            dry_run: false,
            checks: CheckCounts::default(),
            check_plan: None,
        };
        serde_json::to_value(report).unwrap()
    }

    #[test]
    fn every_conclusion_has_its_json_fields() {
        let (operation, other) = ("7".to_owned(), Oid::EMPTY_TREE);
        let ended = |result| Conclusion::Ended { operation: operation.clone(), result };
        let incomplete = |why| Conclusion::Incomplete { operation: operation.clone(), result: other, why };
        let blocked = Incomplete::Blocked { why: "in the way".into(), hints: vec!["mv".into()] };
        for (conclusion, result, moved, operation, why) in [
            (Conclusion::NotTried, Value::Null, false, Value::Null, Value::Null),
            (ended(Oid::NULL), json!(Oid::NULL), false, json!("7"), Value::Null),
            (ended(other), json!(other), true, json!("7"), Value::Null),
            (incomplete(Incomplete::Interrupted), json!(other), false, json!("7"), json!("interrupted")),
            (
                incomplete(Incomplete::CheckFailed),
                json!(other),
                false,
                json!("7"),
                json!("stopped at a failure"),
            ),
            (incomplete(blocked), json!(other), false, json!("7"), json!("in the way")),
            (incomplete(Incomplete::Aborted), json!(other), false, json!("7"), json!("given up")),
        ] {
            let json = written(conclusion);
            let said = (&json["result"], &json["moved"], &json["operation"], &json["blocked"]);
            assert_eq!(said, (&result, &json!(moved), &operation, &why), "{json}");
        }
    }
}
