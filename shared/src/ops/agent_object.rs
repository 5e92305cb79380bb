//! The agent as every report shows it: what its events say, and what this machine says of it now.

use std::{
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use serde::Serialize;

use crate::{
    config::Config,
    git::{Repo, careful},
    model::{
        Agent, AgentId, Limit, LimitKind, Liveness, Phase,
        event::Usage,
        landing::{FailedCheck, SetAside},
        text,
        verdict::{Standing, Verdict},
    },
    profile::{self, Tally},
    store::{
        layout::{self, Private},
        verdicts,
    },
    supervise::{
        listen, liveness,
        processes::{self, Processes},
        queue,
    },
    surroundings::Change,
};

pub use crate::surroundings::{self, Level};

/// Columns kept of an agent's last line.
const ACTIVITY: usize = 120;

/// One agent in `--json`. Names and meaning only grow; what is not known is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct AgentObject {
    /// Its id.
    pub id: String,
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
    pub run: String,
    /// Its place among them.
    pub place: u32,
    /// The agent whose program spawned it.
    pub parent: Option<String>,
    /// The agent whose work it judges.
    pub reviews: Option<String>,
    /// Which launch; 0 before the first.
    pub attempt: u32,
    /// Its branch.
    pub branch: String,
    /// The commit it started from.
    pub base: String,
    /// The commit that holds its work.
    pub head: Option<String>,
    /// Where its files are, on this machine.
    pub worktree: Option<String>,
    /// Whether they are there; where it has no worktree here, nothing.
    pub worktree_state: Option<WorktreeState>,
    /// The coding agent's own session.
    pub session: Option<String>,
    /// The clone that it lives in.
    pub writer: String,
    /// What its people call that clone.
    pub label: Option<String>,
    /// When the newest of its events was told: so old is what is known of an agent of another clone.
    pub told_at: String,
    /// Its program, on this machine.
    pub pid: Option<i32>,
    /// Its supervisor, on this machine.
    pub supervisor_pid: Option<i32>,
    /// Processes that outlived their supervisor, on this machine.
    pub orphans: Vec<i32>,
    /// How many wait before it.
    pub queue_position: Option<usize>,
    /// When it was made.
    pub queued_at: String,
    /// When it was launched.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
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
    pub cost_usd: Option<f64>,
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
    pub verdict: Option<String>,
    /// Whether that is of its work as it is now.
    pub verdict_current: Option<bool>,
    /// What a clone says of its work that the user does not trust: it decides nothing.
    pub proposed_verdict: Option<Proposed>,
    /// Whether its work, as it is now, landed.
    pub merged: Option<bool>,
    /// The branch in which work of it landed last.
    pub landed_in: Option<String>,
    /// The check that failed last when its work was to land, and that did not pass since.
    pub failed_check: Option<DidNotLand>,
    /// Why its work was set aside the last time that it was to land.
    pub set_aside: Option<DidNotLand>,
    /// Facts that contradict each other.
    pub conflicts: u64,
    /// What changed outside its worktree while it ran, on this machine; of archived agents nothing.
    pub surroundings: Vec<Change>,
}

/// A usage limit in `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct LimitObject {
    /// Which: `five_hour`, `seven_day`, …, `other`.
    pub kind: String,
    /// When it ends, or is looked at again.
    pub until: Option<String>,
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
        let until = self.until.as_ref().and_then(|until| until.parse().ok());
        Limit { until, kind: self.kind.clone(), ..Limit::of(LimitKind::Other) }.sentence()
    }
}

impl From<Limit> for LimitObject {
    fn from(limit: Limit) -> Self {
        Self {
            until: limit.until.map(|until| until.to_string()),
            kind: limit.kind,
            warning: limit.warning,
            used_percent: limit.used,
            resumes: limit.resumes,
        }
    }
}

/// Whether a worktree is where it was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct DidNotLand {
    /// In words.
    pub why: String,
    /// The branch in which it was to land.
    pub into: String,
    /// The commit that held the work.
    pub head: String,
    /// Whether that is the work as it is now.
    pub current: bool,
    /// What the check is called that failed.
    pub check: Option<String>,
    /// Its command, where an event may hold it.
    pub command: Option<String>,
}

impl DidNotLand {
    fn failed(failed: FailedCheck, head: Option<&str>) -> Self {
        Self {
            current: head == Some(failed.head.as_str()),
            why: failed.why,
            into: failed.into,
            head: failed.head,
            check: Some(failed.check.name),
            command: failed.check.command,
        }
    }

    fn set_aside(aside: SetAside, head: Option<&str>) -> Self {
        let current = head == Some(aside.head.as_str());
        Self { why: aside.why, into: aside.into, head: aside.head, current, check: None, command: None }
    }
}

/// A verdict that does not count here.
#[derive(Clone, Debug, Serialize)]
pub struct Proposed {
    /// The word.
    pub verdict: Verdict,
    /// Who gave it, as their clone calls them: anybody may say so.
    pub by: String,
    /// The clone in which it was given.
    pub writer: String,
    /// Whether it is of the work as it is now.
    pub current: bool,
}

impl AgentObject {
    /// Puts together what the events say and what the machine says; `dirty` and `worktree` are filled in by who measures.
    pub fn new(repo: &Repo, private: &Private, id: &AgentId, agent: Agent, writer: Option<&str>) -> Self {
        let liveness = liveness::of(private, id, &agent, writer);
        let is_current =
            |verdict: &Standing| verdict.is_of(&agent.base, agent.head.as_deref().unwrap_or_default());
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
        let mut object = Self {
            id: id.to_string(),
            phase: agent.phase,
            liveness,
            choice: agent.choice,
            waiting: agent.reason.clone().filter(|_| agent.phase == Phase::Waiting),
            profile: agent.profile,
            model: agent.model,
            run: agent.run,
            place: agent.place,
            parent: agent.parent,
            reviews: agent.reviews,
            attempt: agent.attempt,
            worktree: None,
            worktree_state: None,
            session: agent.session,
            writer: agent.writer,
            label: agent.label,
            told_at: agent.told_at.to_string(),
            pid: None,
            supervisor_pid: None,
            orphans: Vec::new(),
            queue_position: None,
            queued_at: agent.queued_at.to_string(),
            started_at: agent.started_at.map(|at| at.to_string()),
            ended_at: agent.ended_at.map(|at| at.to_string()),
            exit_code: agent.exit_code,
            activity: None,
            commits: ended.then_some(agent.commits),
            files_changed: ended.then_some(agent.files_changed),
            insertions: ended.then_some(agent.insertions),
            deletions: ended.then_some(agent.deletions),
            left_out: agent.left_out,
            unfinished: agent.unfinished,
            unsaved: agent.unsaved,
            limit: agent.limit.map(LimitObject::from),
            dirty: None,
            cost_usd: agent.cost_micros.map(dollars),
            input_tokens: agent.input_tokens,
            output_tokens: agent.output_tokens,
            turns: (agent.turns > 0).then_some(agent.turns),
            denials: (agent.permission.is_some()).then_some(agent.denials),
            permission_mode: agent.permission,
            verdict: verdict.map(|verdict| verdict.verdict.as_str().to_owned()),
            verdict_current,
            proposed_verdict,
            merged: ended.then(|| agent.landed_head.is_some() && agent.landed_head == agent.head),
            landed_in: agent.landed_in,
            failed_check: agent.failed_check.map(|one| DidNotLand::failed(one, agent.head.as_deref())),
            set_aside: agent.set_aside.map(|one| DidNotLand::set_aside(one, agent.head.as_deref())),
            conflicts: agent.conflicts,
            surroundings: Vec::new(),
            title: agent.title,
            reason: agent.reason,
            branch: agent.branch,
            base: agent.base,
            head: agent.head,
        };
        if matches!(liveness, Liveness::Live | Liveness::Lost) {
            object.look_at_the_machine(repo, private, id);
        }
        object
    }

    /// Adds what the attempt under way has said to what its events say of earlier ones.
    fn said_so_far(&mut self, tally: Tally) {
        let Usage { model, cost_micros, input_tokens, output_tokens, turns, denials, .. } = tally.usage;
        let cost = cost_micros.map(dollars);
        self.cost_usd = if cost > self.cost_usd { cost } else { self.cost_usd };
        self.input_tokens = self.input_tokens.max(input_tokens);
        self.output_tokens = self.output_tokens.max(output_tokens);
        self.turns = Some(self.turns.unwrap_or(0) + turns).filter(|turns| *turns > 0);
        self.denials = Some(self.denials.unwrap_or(0) + denials);
        self.model = model.or_else(|| self.model.take());
        self.permission_mode = tally.mode.or_else(|| self.permission_mode.take());
        self.limit = tally.limit.map(|limit| limit.noted().into()).or_else(|| self.limit.take());
        self.activity = tally.activity;
    }

    /// What keeps its work, as it is now, from having landed: a check that failed, or why it was set aside.
    pub fn did_not_land(&self) -> Option<&DidNotLand> {
        let current = |one: &&DidNotLand| one.current && self.merged != Some(true);
        self.failed_check.as_ref().filter(current).or_else(|| self.set_aside.as_ref().filter(current))
    }

    /// Its cost, in millionths of a US dollar.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was such a number")]
    pub fn cost_micros(&self) -> Option<u64> {
        self.cost_usd.map(|cost| (cost * 1e6).round() as u64)
    }

    fn look_at_the_machine(&mut self, repo: &Repo, private: &Private, id: &AgentId) {
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
        match listen::tally(&dir) {
            Some(tally) => self.said_so_far(tally),
            // What a program says in a speech of its own is nothing to show as it stands.
            None if profile::speech_of(&self.profile, &Config::of(repo)).is_understood() => {}
            None => self.activity = last_line(&dir.output(self.attempt)),
        }
        if self.liveness == Liveness::Live && self.phase == Phase::Running && self.pid.is_none() {
            self.activity = Some("its program has ended; its work is being saved".to_owned());
        }
        let tip = repo.find_ref(&layout::branch_ref(&self.branch)).ok().flatten();
        if let (Some(tip), Some(base)) = (tip, crate::git::Oid::parse(&self.base)) {
            self.commits = repo.commits_between(base, tip).ok();
            self.head = Some(tip.to_string());
        }
    }
}

/// The limit whose end a queued agent waits for, as its supervisor wrote it down.
fn limit_in_the_way(path: &Path) -> Option<LimitObject> {
    let limit: Limit = serde_json::from_slice(&careful::read(path).ok()?).ok()?;
    Some(LimitObject { resumes: true, ..limit.safe().into() })
}

#[expect(clippy::cast_precision_loss, reason = "exact to a cent far beyond any bill")]
pub(super) fn dollars(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// The last line with something to see in a file, safe to show.
fn last_line(path: &Path) -> Option<String> {
    let mut file = careful::open_regular_through_links(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(4096))).ok()?;
    let mut tail = Vec::new();
    file.take(4096).read_to_end(&mut tail).ok()?;
    let tail = text::plain(&String::from_utf8_lossy(&tail));
    tail.lines().rev().map(|line| text::one_line(line, ACTIVITY)).find(|line| !line.is_empty())
}
