//! The agent as every report shows it: what its events say, and what this machine says of it now.

use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::surroundings::{self, Level};
use crate::{
    agents::{self, StreamSummary},
    config::Config,
    git::{Repo, careful},
    model::{
        Agent, AgentId, BranchName, CommitId, Cost, IdOrText, Limit, LimitKind, Liveness, Phase, RunId,
        SessionId, WriterId, cost,
        event::Usage,
        landing::{FailedCheck, SetAside},
        text,
        verdict::{CurrentVerdict, Verdict},
    },
    store::{
        layout::{self, PrivateDir},
        verdicts,
    },
    supervise::{
        listen,
        liveness::Observed,
        processes::{self, Processes},
        queue,
    },
    surroundings::SurroundingsChange,
};

/// Columns kept of an agent's last line.
const ACTIVITY: usize = 120;
/// Bytes at the end of an output in which the last line is looked for.
const TAIL: u64 = 4096;

/// One agent in `--json`. Names and meaning only grow; what is not known is `null`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct AgentObject {
    /// Its id.
    pub id: AgentId,
    /// The task in a few words.
    pub title: String,
    /// Where it is.
    pub phase: Phase,
    /// What the machine says now.
    pub liveness: Liveness,
    /// What it waits for.
    pub waiting: Option<String>,
    /// It waits for a choice, answered by a text; not for a permission.
    pub choice: bool,
    /// Why it is in its phase.
    pub reason: Option<String>,
    /// How it is run.
    pub profile: String,
    /// The model asked for.
    pub model: Option<String>,
    /// The agents of one `spawn` share it.
    pub run: RunId,
    /// Its place among them.
    pub place: u32,
    /// The agent whose program spawned it.
    pub parent: Option<IdOrText<AgentId>>,
    /// The agent whose work it judges.
    pub reviews: Option<IdOrText<AgentId>>,
    /// Which launch; 0 before the first.
    pub attempt: u32,
    /// Its branch.
    pub branch: BranchName,
    /// The commit it started from.
    pub base: IdOrText<CommitId>,
    /// The commit that holds its work.
    pub head: Option<IdOrText<CommitId>>,
    /// Where its files are, on this machine.
    pub worktree: Option<String>,
    /// Whether they are there; where it has no worktree here, nothing.
    pub worktree_state: Option<WorktreeState>,
    /// The coding agent's own session.
    pub session: Option<SessionId>,
    /// The clone that it lives in.
    pub writer: WriterId,
    /// What its people call that clone.
    pub label: Option<String>,
    /// When the newest of its events was told: so old is what is known of an agent of another clone.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub told_at: Timestamp,
    /// Its program, on this machine.
    pub pid: Option<i32>,
    /// Its supervisor, on this machine.
    pub supervisor_pid: Option<i32>,
    /// Processes that outlived their supervisor, on this machine.
    pub orphans: Vec<i32>,
    /// How many wait before it.
    pub queue_position: Option<usize>,
    /// When it was made.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub queued_at: Timestamp,
    /// When it was launched.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub ended_at: Option<Timestamp>,
    /// What its program returned; 128 + n when signal n ended it.
    pub exit_code: Option<i32>,
    /// What it does now: the last line it printed.
    pub activity: Option<String>,
    /// Commits since its base.
    pub commits: Option<u64>,
    /// Files that differ from its base.
    pub files_changed: Option<u64>,
    /// Lines added.
    pub insertions: Option<u64>,
    /// Lines removed.
    pub deletions: Option<u64>,
    /// Files left in the worktree only.
    pub left_out: u64,
    /// What it has not finished: a merge, or conflicts. Such work does not land.
    pub unfinished: Option<String>,
    /// Why what is in its worktree could not be saved.
    pub unsaved: Option<String>,
    /// The usage limit of its service that it waits for, ran into or came near.
    pub limit: Option<LimitObject>,
    /// Files with uncommitted changes, while it has not ended.
    pub dirty: Option<usize>,
    /// What it cost, in US dollars, by its program's own count.
    #[serde(with = "cost::in_dollars")]
    #[schemars(with = "Option<f64>")]
    pub cost_usd: Option<Cost>,
    /// Tokens read.
    pub input_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
    /// Rounds with the model.
    pub turns: Option<u64>,
    /// What it may do.
    pub permission_mode: Option<String>,
    /// What it was denied.
    pub denials: Option<u64>,
    /// The verdict on its work that decides.
    pub verdict: Option<Verdict>,
    /// Whether that is of its work as it is now.
    pub verdict_current: Option<bool>,
    /// What a clone says of its work that the user does not trust: it decides nothing.
    pub proposed_verdict: Option<Proposed>,
    /// Whether its work, as it is now, landed.
    pub merged: Option<bool>,
    /// The branch in which work of it landed last.
    pub landed_in: Option<BranchName>,
    /// The check that failed last when its work was to land, and that did not pass since.
    pub failed_check: Option<DidNotLand>,
    /// Why its work was set aside the last time that it was to land.
    pub set_aside: Option<DidNotLand>,
    /// Facts that contradict each other.
    pub conflicts: u64,
    /// What changed outside its worktree while it ran, on this machine; of archived agents nothing.
    pub surroundings: Vec<SurroundingsChange>,
}

/// A usage limit in `--json`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct LimitObject {
    /// Which: `five_hour`, `seven_day`, …, `other`.
    pub kind: String,
    /// When it ends, or is looked at again.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
    /// It is near, not reached.
    pub warning: bool,
    /// How much of it is used, in percent.
    pub used_percent: Option<u32>,
    /// The agent is started, or resumed, when it is over.
    pub resumes: bool,
}

impl LimitObject {
    /// See [`Limit::sentence`].
    pub(super) fn sentence(&self) -> String {
        Limit { until: self.until, kind: self.kind.clone(), ..Limit::of(LimitKind::Other) }.sentence()
    }
}

impl From<Limit> for LimitObject {
    fn from(limit: Limit) -> Self {
        Self {
            until: limit.until,
            kind: limit.kind,
            warning: limit.warning,
            used_percent: limit.used,
            resumes: limit.resumes,
        }
    }
}

/// Whether a worktree is where it was made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorktreeState {
    /// It is.
    Here,
    /// Git knows it, and nothing is there: somebody removed or moved its folder.
    Missing,
    /// Somebody moved it, with git's knowledge.
    Moved,
}

/// What kept work from landing.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct DidNotLand {
    /// In words.
    pub why: String,
    /// The branch in which it was to land.
    pub into: BranchName,
    /// The commit that held the work.
    pub head: IdOrText<CommitId>,
    /// Whether that is the work as it is now.
    pub current: bool,
    /// What the check is called that failed.
    pub check: Option<String>,
    /// Its command, where an event may hold it.
    pub command: Option<String>,
}

impl DidNotLand {
    fn failed(failed: FailedCheck, now: Option<&IdOrText<CommitId>>) -> Self {
        Self {
            current: now == Some(&failed.head),
            why: failed.why,
            into: failed.into,
            head: failed.head,
            check: Some(failed.check.name),
            command: failed.check.command,
        }
    }

    fn set_aside(aside: SetAside, now: Option<&IdOrText<CommitId>>) -> Self {
        let current = now == Some(&aside.head);
        Self { why: aside.why, into: aside.into, head: aside.head, current, check: None, command: None }
    }
}

/// A verdict that does not count here.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Proposed {
    /// The word.
    pub verdict: Verdict,
    /// Who gave it, as their clone calls them: anybody may say so.
    pub by: String,
    /// The clone in which it was given.
    pub writer: WriterId,
    /// Whether it is of the work as it is now.
    pub current: bool,
}

impl AgentObject {
    /// Puts together what the events say and what the machine says; `dirty` and `worktree` are filled in by who measures.
    pub fn new(repo: &Repo, private: &PrivateDir, id: &AgentId, observed: Observed) -> Self {
        let Observed { agent, liveness } = observed;
        let is_current = |verdict: &CurrentVerdict| verdict.is_of(&agent.base, agent.head.as_ref());
        // What cannot be told is no approval.
        let verdict = verdicts::counting(repo, id, &agent).ok().flatten();
        let verdict_current = verdict.as_ref().map(is_current);
        let proposed_verdict = verdicts::proposed(repo, &agent).map(|proposed| Proposed {
            verdict: proposed.verdict,
            current: is_current(&proposed),
            by: proposed.by,
            writer: proposed.writer,
        });
        // One that waits for the end of a usage limit rests as well.
        let ended = liveness == Liveness::Ended || agent.waits_for_limit();
        // Every field is named: whoever adds one decides what is said of it here.
        let Agent {
            phase,
            queued_at,
            title,
            branch,
            base,
            head,
            profile,
            model,
            run,
            place,
            parent,
            reviews,
            permission,
            writer,
            label,
            told_at,
            attempt,
            reason,
            session,
            question: _,
            choice,
            started_at,
            ended_at,
            exit_code,
            work,
            unfinished,
            unsaved,
            limit,
            cost,
            input_tokens,
            output_tokens,
            turns,
            denials,
            landed_head,
            landed_as: _,
            landed_in,
            failed_check,
            set_aside,
            verdict: _,
            judges: _,
            conflicts,
            lamport: _,
        } = agent;
        let mut object = Self {
            id: id.clone(),
            title,
            phase,
            liveness,
            waiting: reason.clone().filter(|_| phase == Phase::Waiting),
            choice,
            reason,
            profile,
            model,
            run,
            place,
            parent,
            reviews,
            attempt,
            branch,
            base,
            worktree: None,
            worktree_state: None,
            session,
            writer,
            label,
            told_at,
            pid: None,
            supervisor_pid: None,
            orphans: Vec::new(),
            queue_position: None,
            queued_at,
            started_at,
            ended_at,
            exit_code,
            activity: None,
            commits: ended.then_some(work.commits),
            files_changed: ended.then_some(work.files),
            insertions: ended.then_some(work.insertions),
            deletions: ended.then_some(work.deletions),
            left_out: work.left_out_count(),
            unfinished,
            unsaved,
            limit: limit.map(LimitObject::from),
            dirty: None,
            cost_usd: cost,
            input_tokens,
            output_tokens,
            turns: (turns > 0).then_some(turns),
            denials: permission.is_some().then_some(denials),
            permission_mode: permission,
            verdict: verdict.map(|verdict| verdict.verdict),
            verdict_current,
            proposed_verdict,
            merged: ended.then(|| landed_head.is_some() && landed_head == head),
            landed_in,
            failed_check: failed_check.map(|one| DidNotLand::failed(one, head.as_ref())),
            set_aside: set_aside.map(|one| DidNotLand::set_aside(one, head.as_ref())),
            conflicts,
            surroundings: Vec::new(),
            head,
        };
        if matches!(liveness, Liveness::Live | Liveness::Lost) {
            object.look_at_the_machine(repo, private, id);
        }
        object
    }

    /// Adds what the attempt under way has said to what its events say of earlier ones.
    fn said_so_far(&mut self, summary: StreamSummary) {
        let Usage { model, cost, input_tokens, output_tokens, turns, denials, .. } = summary.usage;
        self.cost_usd = self.cost_usd.max(cost);
        self.input_tokens = self.input_tokens.max(input_tokens);
        self.output_tokens = self.output_tokens.max(output_tokens);
        self.turns = Some(self.turns.unwrap_or(0) + turns).filter(|turns| *turns > 0);
        self.denials = Some(self.denials.unwrap_or(0) + denials);
        self.model = model.or_else(|| self.model.take());
        self.permission_mode = summary.mode.or_else(|| self.permission_mode.take());
        self.limit = summary.limit.map(|limit| limit.noted().into()).or_else(|| self.limit.take());
        self.activity = summary.activity;
    }

    /// What keeps its work, as it is now, from having landed: a check that failed, or why it was set aside.
    pub fn did_not_land(&self) -> Option<&DidNotLand> {
        let current = |one: &&DidNotLand| one.current && self.merged != Some(true);
        self.failed_check.as_ref().filter(current).or_else(|| self.set_aside.as_ref().filter(current))
    }

    /// Its cost, in millionths of a US dollar.
    pub fn cost_micros(&self) -> Option<u64> {
        self.cost_usd.map(Cost::micros)
    }

    fn look_at_the_machine(&mut self, repo: &Repo, private: &PrivateDir, id: &AgentId) {
        let dir = private.agent(id);
        let record = Processes::read(&dir);
        if self.liveness == Liveness::Live {
            self.supervisor_pid = record.as_ref().map(|record| record.supervisor.pid);
            self.pid = record.and_then(|record| record.program).map(|program| program.pid);
            if self.phase == Phase::Queued {
                self.queue_position = queue::ahead(private, id);
                self.limit = limit_in_the_way(&dir.limit()).or_else(|| self.limit.take());
            }
        } else {
            self.orphans = processes::left_of(repo, private, id).iter().map(|process| process.pid).collect();
        }
        match listen::summary(&dir) {
            Some(summary) => self.said_so_far(summary),
            // A structured stream is not shown as it stands.
            None if agents::protocol_of(&self.profile, &Config::of(repo)).is_structured() => {}
            None => self.activity = last_line(&dir.output(self.attempt)),
        }
        if self.liveness == Liveness::Live && self.phase == Phase::Running && self.pid.is_none() {
            self.activity = Some("its program has ended; its work is being saved".to_owned());
        }
        let tip = repo.find_ref(&layout::branch_ref(&self.branch)).ok().flatten();
        if let (Some(tip), Some(base)) = (tip, self.base.commit()) {
            self.commits = repo.commits_between(base, tip).ok();
            self.head = Some(tip.into());
        }
    }
}

/// The limit whose end a queued agent waits for, as its supervisor wrote it down.
fn limit_in_the_way(path: &Path) -> Option<LimitObject> {
    let limit: Limit = serde_json::from_slice(&careful::read(path).ok()?).ok()?;
    Some(LimitObject { resumes: true, ..limit.safe().into() })
}

pub(super) fn dollars(micros: u64) -> f64 {
    Cost::from_micros(micros).dollars()
}

/// What its program said last.
fn last_line(output: &Path) -> Option<String> {
    text::last_line(&String::from_utf8_lossy(&careful::tail(output, TAIL).ok()?), ACTIVITY)
}

#[cfg(test)]
mod tests;
