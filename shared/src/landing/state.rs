//! The state of a landing: its options, branches and finished steps. It is saved in the landing's operation after every step, so
//! that the landing can be continued.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    before::BeforeRepair,
    branches::{Branch, LandingTarget},
    options::LandOptions,
    trials::Pairs,
};
use crate::{
    Result,
    git::{Oid, Repo},
    model::{AgentId, event::Landing},
    store::operations::Journal,
};

/// The name of the state file in the operation.
const FILE: &str = "landing.json";

/// A branch and the commit it pointed to when the landing began.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BranchTip {
    /// The name for people: an agent's id, or what was typed.
    pub name: String,
    /// The commit to land.
    pub tip: Oid,
}

/// A conflict with another branch.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ConflictWith {
    /// The other branch, or the target.
    pub branch: String,
    /// The number of files that conflict.
    pub files: u32,
    /// The number of conflicting places in those files.
    pub hunks: u32,
    /// The kinds of conflict, as git names them.
    #[serde(default)]
    pub kinds: Vec<String>,
}

/// Another branch, or the target, with which a trial merge could not be decided.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Unjudged {
    /// The other branch, or the target.
    pub branch: String,
    /// Why it could not be decided.
    pub why: String,
}

/// The name and command of a check that ran on this machine.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RunCheck {
    /// The name of the check: `build`, `test`, or as configured.
    pub name: String,
    /// The shell command.
    pub command: String,
}

/// How many checks a landing needed. Each command on each state of the files counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct CheckCounts {
    /// The number of those that ran.
    pub run: usize,
    /// The number of those that did not run, because they were known to pass.
    pub known: usize,
    /// The number of those that ran again after they had failed on the same files; `run` includes them.
    pub repeated: usize,
    /// The number of states of the files that were checked ahead, wholly or in part, and then not needed; not in `run`.
    pub unused: usize,
}

impl CheckCounts {
    /// Describes the counts for people, unless they are what is to be expected: that the checks of `tried` branches ran, each once.
    pub fn sentence(&self, tried: usize) -> Option<String> {
        let Self { run, known, repeated, unused } = *self;
        if (known, repeated, unused) == (0, 0, 0) && (run == 0 || run >= tried) {
            return None;
        }
        let mut parts = vec![format!("{run} ran")];
        let counts = [
            (known, "known to pass"),
            (repeated, "run again after a failure"),
            (unused, "run ahead and not needed"),
        ];
        parts.extend(
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")),
        );
        Some(format!("checks: {}", parts.join(", ")))
    }
}

/// One branch of the order, and its outcome.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Step<Outcome = Option<Landing>> {
    /// The position in the order, from 1.
    pub rank: usize,
    /// The name for people: an agent's id, or what was typed.
    pub branch: String,
    /// The agent whose work it is, if any.
    pub agent: Option<AgentId>,
    /// The commit to land.
    pub head: Oid,
    /// The branches it conflicts with, by name.
    pub conflicts_with: Vec<String>,
    /// How it conflicts with each of them.
    pub conflicts: Vec<ConflictWith>,
    /// The branches with which a trial merge could not be decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unjudged: Vec<Unjudged>,
    /// The number of files it changes.
    pub files: u64,
    /// The number of lines it adds and removes.
    pub lines: u64,
    /// Why it has this position.
    pub reason: String,
    /// The outcome; none while the step is only planned.
    pub outcome: Outcome,
    /// The reason for the outcome, where it is not obvious.
    pub why: Option<String>,
    /// The check that failed.
    #[serde(default)]
    pub failed_check: Option<RunCheck>,
    /// Which check failed with exactly this commit in an earlier landing, and how, for people.
    #[serde(default)]
    pub failed_before: Option<String>,
    /// Whether it was not tried, because of its review or of a check that failed before.
    #[serde(default)]
    pub kept_back: bool,
    /// The commit that landed it.
    pub commit: Option<Oid>,
    /// The output of the last check, for `git show`.
    pub log: Option<String>,
    /// What was done to make it land, as sentences for people.
    #[serde(default)]
    pub settled: Vec<String>,
    /// The checks that failed and passed on its files in this landing, by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flaky: Vec<String>,
}

impl Step {
    /// Returns the step of a branch of which nothing else is known yet.
    pub(crate) fn of(branch: &Branch, rank: usize) -> Self {
        Self {
            rank,
            branch: branch.name.clone(),
            agent: branch.agent.as_ref().map(|(id, _)| id.clone()),
            head: branch.tip,
            conflicts_with: Vec::new(),
            conflicts: Vec::new(),
            unjudged: Vec::new(),
            files: 0,
            lines: 0,
            reason: String::new(),
            outcome: None,
            why: None,
            failed_check: None,
            failed_before: None,
            kept_back: false,
            commit: None,
            log: None,
            settled: Vec::new(),
            flaky: Vec::new(),
        }
    }

    /// Returns the step with its outcome and the reason. Without a reason, what was done to make it land takes its place.
    pub(super) fn ended(mut self, outcome: Landing, why: String) -> Self {
        self.outcome = Some(outcome);
        let flaky = self
            .flaky
            .iter()
            .map(|name| format!("{name} is flaky: it failed on the same files before it passed"));
        let settled = self.settled.iter().cloned().chain(flaky).collect::<Vec<_>>().join("; ");
        self.why = [why, settled].into_iter().find(|text| !text.is_empty());
        self
    }
}

impl<Old> Step<Old> {
    /// Returns the same step with another type of outcome.
    pub fn with_outcome<New>(self, outcome: New) -> Step<New> {
        Step {
            rank: self.rank,
            branch: self.branch,
            agent: self.agent,
            head: self.head,
            conflicts_with: self.conflicts_with,
            conflicts: self.conflicts,
            unjudged: self.unjudged,
            files: self.files,
            lines: self.lines,
            reason: self.reason,
            outcome,
            why: self.why,
            failed_check: self.failed_check,
            failed_before: self.failed_before,
            kept_back: self.kept_back,
            commit: self.commit,
            log: self.log,
            settled: self.settled,
            flaky: self.flaky,
        }
    }
}

/// The saved state of a landing.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct State {
    /// The target branch, without `refs/heads/`.
    pub into: String,
    /// The commit of the target when the landing was planned.
    pub base: Oid,
    /// The commit that contains everything that landed so far.
    pub result: Oid,
    /// The options of the landing.
    #[serde(rename = "orders")]
    pub options: LandOptions,
    /// The branches to land.
    pub branches: Vec<BranchTip>,
    /// The finished steps, in order.
    pub steps: Vec<Step>,
    /// Why commits are not signed although the configuration asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<String>,
    /// The steps at whose failure the landing stopped; `--continue` runs them again.
    #[serde(default)]
    pub stopped_at: Vec<Step>,
    /// How the pairs of branches were judged, as counts.
    #[serde(default)]
    pub pairs: Pairs,
    /// Whether all steps are done and only the move of the target is left.
    pub ready: bool,
    /// How often the landing was planned again because the target had moved.
    #[serde(default)]
    pub replans: usize,
    /// The state of the agent that is being asked for a repair, until its branch lands or the repair is rolled back.
    #[serde(default)]
    pub before_repair: Option<BeforeRepair>,
    /// How many checks were needed, and how many of them ran.
    #[serde(default)]
    pub checks: CheckCounts,
}

impl State {
    /// Returns the state of a landing that has not begun.
    pub fn new(target: &LandingTarget, options: LandOptions, branches: Vec<BranchTip>) -> Self {
        Self {
            into: target.branch.clone(),
            base: target.tip,
            result: target.tip,
            options,
            branches,
            steps: Vec::new(),
            unsigned: None,
            stopped_at: Vec::new(),
            pairs: Pairs::default(),
            ready: false,
            replans: 0,
            before_repair: None,
            checks: CheckCounts::default(),
        }
    }

    /// Saves the state and the summary of the operation in its journal.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn save(&self, repo: &Repo, journal: &mut Journal) -> Result<()> {
        let json =
            serde_json::to_vec_pretty(self).map_err(|e| crate::Error::internal("a landing").because(e))?;
        journal.put(repo, FILE, &json)?;
        let count = self.count(Landing::Merged);
        journal.operation.summary = format!("{count} of {} into {}", self.branches.len(), self.into);
        let tips = self.branches.iter().map(|branch| branch.tip);
        let pins: Vec<Oid> = [self.base, self.result].into_iter().chain(tips).collect();
        journal.write(repo, &pins)
    }

    /// Reads the state of a landing from its journal.
    ///
    /// # Errors
    /// The state is missing or malformed.
    pub fn load(repo: &Repo, journal: &Journal) -> Result<Self> {
        journal.get(repo, FILE)
    }

    /// Returns the number of branches with this outcome.
    pub fn count(&self, outcome: Landing) -> usize {
        self.steps.iter().filter(|step| step.outcome == Some(outcome)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_if_they_are_not_the_expected_ones() {
        for (run, known, repeated, unused, tried, sentence) in [
            (0, 0, 0, 0, 3, None),
            (3, 0, 0, 0, 3, None),
            (6, 0, 0, 0, 3, None),
            (1, 0, 0, 0, 3, Some("checks: 1 ran")),
            (2, 1, 0, 0, 3, Some("checks: 2 ran, 1 known to pass")),
            (4, 0, 1, 2, 3, Some("checks: 4 ran, 1 run again after a failure, 2 run ahead and not needed")),
        ] {
            let counts = CheckCounts { run, known, repeated, unused };
            assert_eq!(counts.sentence(tried).as_deref(), sentence);
        }
    }
}
