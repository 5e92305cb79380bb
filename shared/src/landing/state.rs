//! What a landing has to do and has done, written into its operation after every step: whoever goes on finds it there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{before::BeforeRepair, branches::Target, merge::Strategy, plan::Pairs};
use crate::{
    Result,
    git::{Oid, Repo},
    model::event::Landing,
    store::operations::{Journal, Operation, Stage, all},
};

/// The command of a landing's operation.
pub const COMMAND: &str = "merge-ranked";
const FILE: &str = "landing.json";

/// What happens to a branch that conflicts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// It is set aside.
    #[default]
    Skip,
    /// What landed before it holds.
    Ours,
    /// What it brings holds.
    Theirs,
    /// Both, one after the other.
    Union,
    /// Its agent settles it.
    Agent,
}

impl OnConflict {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Skip, Self::Ours, Self::Theirs, Self::Union, Self::Agent];

    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Union => "union",
            Self::Agent => "agent",
        }
    }

    /// Reads it back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// What happens to a branch with which the checks fail.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is set aside.
    #[default]
    Skip,
    /// The landing stops.
    Stop,
    /// Its agent repairs it.
    Agent,
}

impl OnFailure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Skip, Self::Stop, Self::Agent];

    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Stop => "stop",
            Self::Agent => "agent",
        }
    }

    /// Reads it back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// How to land.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Orders {
    /// How branches become part of the target.
    pub strategy: Strategy,
    /// See there.
    pub on_conflict: OnConflict,
    /// See there.
    pub on_failure: OnFailure,
    /// How often an agent may try to settle a conflict or repair a failure, for each branch.
    pub repairs: u32,
    /// Proves each step, in this order: what it is called, and the shell command.
    pub checks: Vec<(String, String)>,
    /// The longest that one check may take, in seconds.
    pub check_seconds: u64,
    /// Branches that shall land first.
    pub first: Vec<String>,
    /// Only what was approved, as it is now, lands.
    #[serde(default)]
    pub approved: bool,
    /// The branches were named: one whose check failed last time lands without that check as well.
    #[serde(default)]
    pub named: bool,
}

/// A branch as it was when the landing began.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Saved {
    /// As people name it.
    pub name: String,
    /// What lands.
    pub tip: Oid,
}

/// A conflict with another branch.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Against {
    /// The other, or the target.
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

/// A command that proves a step, as it was run on this machine.
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
    pub agent: Option<String>,
    /// What lands.
    pub head: Oid,
    /// With which branches it conflicts.
    pub conflicts_with: Vec<String>,
    /// How.
    pub conflicts: Vec<Against>,
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
    /// How.
    pub orders: Orders,
    /// What was to land.
    pub branches: Vec<Saved>,
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
    pub fn new(target: &Target, orders: Orders, branches: Vec<Saved>) -> Self {
        Self {
            into: target.branch.clone(),
            base: target.tip,
            result: target.tip,
            orders,
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
    pub(super) fn save(&self, repo: &Repo, journal: &mut Journal) -> Result<()> {
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

/// The landing that is under way, or was cut off.
///
/// # Errors
/// The operations cannot be read.
pub fn open_one(repo: &Repo) -> Result<Option<Operation>> {
    let open = |one: &Operation| one.stage == Stage::Open && one.command == COMMAND;
    Ok(all(repo)?.into_iter().find(open))
}
