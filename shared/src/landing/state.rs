//! What a landing has to do and has done, written into its operation after every step: whoever continues it finds it there.

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

/// The file of a landing in its operation.
const FILE: &str = "landing.json";

/// A branch as it was when the landing began.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BranchTip {
    /// As people name it.
    pub name: String,
    /// What lands.
    pub tip: Oid,
}

/// A conflict with another branch.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ConflictWith {
    /// The other branch, or the target.
    pub branch: String,
    /// Files that cannot be merged.
    pub files: u32,
    /// Places in them.
    pub hunks: u32,
    /// In which ways, as git names them.
    #[serde(default)]
    pub kinds: Vec<String>,
}

/// Another branch, or the target, with which nobody can tell whether a branch merges.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Unjudged {
    /// The other.
    pub branch: String,
    /// Why nobody can tell.
    pub why: String,
}

/// A check, as it was run on this machine.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RunCheck {
    /// What it is called.
    pub name: String,
    /// The shell command.
    pub command: String,
}

/// One branch of the order, and what became of it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Step<Outcome = Option<Landing>> {
    /// Its place; 1 is the first.
    pub rank: usize,
    /// As people name it.
    pub branch: String,
    /// Whose work it is.
    pub agent: Option<AgentId>,
    /// What lands.
    pub head: Oid,
    /// With which branches it conflicts.
    pub conflicts_with: Vec<String>,
    /// How.
    pub conflicts: Vec<ConflictWith>,
    /// With which branches it cannot be judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unjudged: Vec<Unjudged>,
    /// Files that it changes.
    pub files: u64,
    /// Lines that it changes.
    pub lines: u64,
    /// Why it has its place.
    pub reason: String,
    /// What became of it; none as long as it is only planned.
    pub outcome: Outcome,
    /// Why, where it is not plain.
    pub why: Option<String>,
    /// The check that failed.
    #[serde(default)]
    pub failed_check: Option<RunCheck>,
    /// Which check failed with this very commit in an earlier landing, and how, in words.
    #[serde(default)]
    pub failed_before: Option<String>,
    /// It was not tried: its review, or a check that failed before, says already why.
    #[serde(default)]
    pub kept_back: bool,
    /// As which commit it landed.
    pub commit: Option<Oid>,
    /// The output of the last check, for `git show`.
    pub log: Option<String>,
    /// What was done to make it land, in sentences.
    #[serde(default)]
    pub settled: Vec<String>,
}

impl Step {
    /// The step of a branch of which nothing else is known yet.
    pub(super) fn of(branch: &Branch, rank: usize) -> Self {
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
        }
    }

    /// The step with its outcome, and why, where that is not plain: else what was done to make it land.
    pub(super) fn ended(mut self, outcome: Landing, why: String) -> Self {
        self.outcome = Some(outcome);
        let settled = self.settled.join("; ");
        self.why = [why, settled].into_iter().find(|text| !text.is_empty());
        self
    }
}

impl<Old> Step<Old> {
    /// The same step with another kind of outcome.
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
        }
    }
}

/// A landing.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct State {
    /// The branch it is for.
    pub into: String,
    /// Where that stood.
    pub base: Oid,
    /// Everything that landed so far.
    pub result: Oid,
    /// How it lands.
    #[serde(rename = "orders")]
    pub options: LandOptions,
    /// What was to land.
    pub branches: Vec<BranchTip>,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// Why what lands is not signed, where it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<String>,
    /// Steps at whose failure the landing stopped; `--continue` takes them again.
    #[serde(default)]
    pub stopped_at: Vec<Step>,
    /// How the pairs were judged.
    #[serde(default)]
    pub pairs: Pairs,
    /// Nothing is left to do but to move the target.
    pub ready: bool,
    /// How often it was begun anew because the target had moved.
    #[serde(default)]
    pub replans: usize,
    /// What the agent had that is asked to repair its branch, until its branch lands or is rolled back.
    #[serde(default)]
    pub before_repair: Option<BeforeRepair>,
}

impl State {
    /// Nothing done yet.
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
        }
    }

    /// Writes it into its operation.
    ///
    /// # Errors
    /// The operation cannot be written.
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

    /// Reads it.
    ///
    /// # Errors
    /// It is not there, or malformed.
    pub fn load(repo: &Repo, journal: &Journal) -> Result<Self> {
        journal.get(repo, FILE)
    }

    /// How many branches came to this.
    pub fn count(&self, outcome: Landing) -> usize {
        self.steps.iter().filter(|step| step.outcome == Some(outcome)).count()
    }
}
