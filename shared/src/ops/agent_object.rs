//! The agent object, which all reports share: its state by its events, and by this machine at present.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::surroundings::{self, Level};
use crate::{
    git::Repo,
    model::{
        Agent, AgentId, BranchName, CommitId, Cost, IdOrText, Liveness, Phase, RunId, SessionId, Tag,
        WriterId, cost, dependency::OnFailed, published::Published, verdict::Verdict,
    },
    store::{layout::PrivateDir, verdicts::TrustedWriters},
    supervise::{attachment, liveness::Observed},
    surroundings::SurroundingsChange,
};

mod after;
mod cap;
mod check;
mod did_not_land;
mod landed_now;
mod limit;
mod machine;
mod other_work;
mod request;
mod shortage;
mod team;
mod verdicts;

pub(super) use self::machine::pending_limit;
pub use self::{
    after::DependencyObject,
    cap::CapObject,
    check::{CheckObject, Checked},
    did_not_land::DidNotLand,
    landed_now::LandedNow,
    limit::LimitObject,
    other_work::OtherWorkObject,
    request::RequestObject,
    shortage::ShortageObject,
    team::{PartObject, RoleUse, TeamObject},
    verdicts::ProposedVerdict,
};

/// One agent in `--json`. Fields are only ever added; an unknown value is `null`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct AgentObject {
    /// The id of the agent.
    pub id: AgentId,
    /// The first line of its task, shortened.
    pub title: String,
    /// The phase that its events say it is in.
    pub phase: Phase,
    /// Whether its supervisor is alive, as this machine sees it now.
    pub liveness: Liveness,
    /// What it waits for, if it is waiting, in a few words; `request` has all of it.
    pub waiting: Option<String>,
    /// Whether it waits for a choice, which is answered with text, and not for a permission.
    pub choice: bool,
    /// The reason for its phase.
    pub reason: Option<String>,
    /// The name of its program, which is that of its profile unless the profile is a role.
    pub profile: String,
    /// The role as which it was started: the user's name for a profile that runs the program `profile`.
    #[serde(default)]
    pub role: Option<String>,
    /// The sandbox of its newest attempt and what makes it, such as `files by bubblewrap`; `null`: it has none.
    #[serde(default)]
    pub sandbox: Option<String>,
    /// The name of the program with which it was started, if another one took over.
    #[serde(default)]
    pub instead_of: Option<String>,
    /// The model that was requested, or that its program reported.
    pub model: Option<String>,
    /// The id of the run: the agents of one `spawn` share it.
    pub run: RunId,
    /// Its position in the run.
    pub place: u32,
    /// The agent whose program spawned it.
    pub parent: Option<IdOrText<AgentId>>,
    /// The agent whose work it reviews.
    pub reviews: Option<IdOrText<AgentId>>,
    /// The number of its newest attempt; 0 before the first.
    pub attempt: u32,
    /// The branch that it works on.
    pub branch: BranchName,
    /// The commit that it started from.
    pub base: IdOrText<CommitId>,
    /// The snapshot of the user's uncommitted changes in its base, if it started from them. They are not part of its work.
    #[serde(default)]
    pub snapshot: Option<IdOrText<CommitId>>,
    /// The number of files that the user had changed in that snapshot.
    #[serde(default)]
    pub snapshot_files: u64,
    /// The commit that holds its work.
    pub head: Option<IdOrText<CommitId>>,
    /// The path of its worktree, if it has one on this machine.
    pub worktree: Option<String>,
    /// Whether that worktree exists and is at its original place.
    pub worktree_state: Option<WorktreeState>,
    /// The id of its program's session.
    pub session: Option<SessionId>,
    /// The clone in which it runs, or ran last.
    pub writer: WriterId,
    /// The label of that clone.
    pub label: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// When its newest event was recorded. What is known about an agent of another clone is as old as this.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub told_at: Timestamp,
    /// The process id of its program, on this machine.
    pub pid: Option<i32>,
    /// The process id of its supervisor, on this machine.
    pub supervisor_pid: Option<i32>,
    /// The ids of processes that outlived their supervisor, on this machine.
    pub orphans: Vec<i32>,
    /// The memory that the processes of its program have to themselves on this machine, in bytes: what their end would free.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// What this machine is short of, if the agent waits for it in the queue, or is held.
    #[serde(default)]
    pub shortage: Option<ShortageObject>,
    /// The number of agents before it in the queue.
    pub queue_position: Option<usize>,
    /// When it was created.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub queued_at: Timestamp,
    /// When its program was started.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub ended_at: Option<Timestamp>,
    /// How many seconds its ended attempts ran, together. The attempt in progress began at `started_at`.
    #[serde(default)]
    pub ran_seconds: u64,
    /// The exit code of its program; 128 + n if signal n ended it.
    pub exit_code: Option<i32>,
    /// How many turns in a row its program has changed no file, while it runs, if these are so many that it is stuck.
    #[serde(default)]
    pub stuck_turns: Option<u64>,
    /// What it is doing now: the last line that it printed, or its last action.
    pub activity: Option<String>,
    /// What it said last in the attempt that ended, or the last line that a plain command printed, shortened.
    #[serde(default)]
    pub last_words: Option<String>,
    /// The number of commits since its base.
    pub commits: Option<u64>,
    /// The number of files that differ from its base.
    pub files_changed: Option<u64>,
    /// The number of added lines.
    pub insertions: Option<u64>,
    /// The number of removed lines.
    pub deletions: Option<u64>,
    /// The number of files that were not captured and are in the worktree only.
    pub left_out: u64,
    /// The git operation that it left unfinished, such as a merge, or unresolved conflicts. Such work is not landed.
    pub unfinished: Option<String>,
    /// Why the contents of its worktree could not be saved.
    pub unsaved: Option<String>,
    /// The usage limit of its service that it reached, waits for, or came near.
    pub limit: Option<LimitObject>,
    /// The cap on money or tokens that it reached, waits for, or came near.
    #[serde(default)]
    pub cap: Option<CapObject>,
    /// The number of files with uncommitted changes, while it has not ended.
    pub dirty: Option<usize>,
    /// When `dirty` was counted: just now, or earlier if there was no time to count again.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub dirty_at: Option<Timestamp>,
    /// What it cost, in US dollars, as its program reported.
    #[serde(with = "cost::in_dollars")]
    #[schemars(with = "Option<f64>")]
    pub cost_usd: Option<Cost>,
    /// The number of input tokens.
    pub input_tokens: Option<u64>,
    /// The number of output tokens.
    pub output_tokens: Option<u64>,
    /// The number of rounds with the model.
    pub turns: Option<u64>,
    /// The permission mode of its program.
    pub permission_mode: Option<String>,
    /// How often it was denied a tool.
    pub denials: Option<u64>,
    /// The verdict on its work that counts in this clone.
    pub verdict: Option<Verdict>,
    /// Whether that verdict is about its current work.
    pub verdict_current: Option<bool>,
    /// A verdict from a clone that the user does not trust. It does not count.
    pub proposed_verdict: Option<ProposedVerdict>,
    /// Whether its current work landed, and the branch contains it now.
    pub merged: Option<bool>,
    /// The branch in which its work landed last.
    pub landed_in: Option<BranchName>,
    /// Where its current work is now, if it landed there.
    #[serde(default)]
    pub landed_now: Option<LandedNow>,
    /// The check that failed in its last landing, and has not passed since.
    pub failed_check: Option<DidNotLand>,
    /// Why its work was set aside in its last landing.
    pub set_aside: Option<DidNotLand>,
    /// The number of events that contradict others.
    pub conflicts: u64,
    /// Work of other clones that is not in its head, because it was resumed in several clones at once.
    #[serde(default)]
    pub other_work: Vec<OtherWorkObject>,
    /// What changed outside its worktree while it ran, on this machine; empty for archived agents.
    pub surroundings: Vec<SurroundingsChange>,
    /// What it asks for, in full, if it is waiting; `null` if an older version recorded only what `waiting` says.
    #[serde(default)]
    pub request: Option<RequestObject>,
    /// What it may do for good, as `send --allow --always` allowed it.
    #[serde(default)]
    pub always: Vec<String>,
    /// How many requests were allowed automatically because of that.
    #[serde(default)]
    pub automatic_answers: u64,
    /// The outcome of the check that decides whether it is done (`--check` or `--until`), in the attempt that ended.
    #[serde(default)]
    pub check: Option<CheckObject>,
    /// What is known of its current work from checks.
    #[serde(default)]
    pub checked: Checked,
    /// The team whose roles work on its task one after another, and what they did.
    #[serde(default)]
    pub team: Option<TeamObject>,
    /// The process with which a person is attached to it, on this machine.
    #[serde(default)]
    pub attached_pid: Option<i32>,
    /// The agents with whose work it starts, once all of them are done; its base contains that work then.
    #[serde(default)]
    pub after: Vec<DependencyObject>,
    /// What it does when one of those ends without being done: `wait`, `start`, or `stop`; `null` if it starts with the work of none.
    #[serde(default)]
    pub on_failed: Option<String>,
    /// How many messages it wrote, to people or to the agent that started it.
    #[serde(default)]
    pub messages: u64,
    /// How many of its messages to people nobody has read.
    #[serde(default)]
    pub unread_messages: u64,
    /// Whether it is a designer: the program of a person, in their terminal, which starts agents and has no work of its own.
    #[serde(default)]
    pub designer: bool,
    /// Its pull request, as its forge had it when it was looked at last.
    #[serde(default)]
    pub pull_request: Option<Published>,
}

/// Whether a worktree is still where it was made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorktreeState {
    /// It is where it was made.
    Here,
    /// Git lists it, but its folder is missing: somebody removed or moved it.
    Missing,
    /// Somebody moved it with `git worktree move`.
    Moved,
    /// It is the worktree of the repository of which this one is a copy; `resume` makes one here.
    AnotherRepository,
}

impl AgentObject {
    /// Combines the state by the events with what this machine knows. Leaves `dirty`, `dirty_at` and `worktree` to callers that read worktrees,
    /// and `landed_now` to lists: until then `merged` is what the events say.
    pub fn new(repo: &Repo, private: &PrivateDir, id: &AgentId, observed: Observed) -> Self {
        let object = Self::judged(&TrustedWriters::of(repo), private, id, observed);
        Self { attached_pid: attachment::process_of(private, id), ..object }
    }

    /// As [`AgentObject::new`], for lists: which verdicts count is asked once. Leaves `attached_pid` to the caller as well.
    ///
    /// Every field of [`Agent`] is named, so that a new one asks for a decision here.
    pub fn judged(by: &TrustedWriters<'_>, private: &PrivateDir, id: &AgentId, observed: Observed) -> Self {
        Self::of_events(by, id, observed).with_machine_state(by.repo(), private)
    }

    fn of_events(by: &TrustedWriters<'_>, id: &AgentId, Observed { agent, liveness }: Observed) -> Self {
        let (verdict, verdict_current, proposed_verdict) = verdicts::of(by, id, &agent);
        let ended = has_saved_work(&agent, liveness);
        #[rustfmt::skip] // A column of names would hide the rest of this function.
        let Agent {
            phase, queued_at, title, branch, base, after, on_failed, snapshot, snapshot_files, head, profile, role, team, sandbox, handed_over, model, run, place, parent,
            reviews, designer, permission, writer, label, tags, told_at, attempt, reason, session, question, choice, request,
            always, automatic, started_at, ended_at, ran_seconds, exit_code, last_words, work, unfinished, unsaved,
            stuck_turns, limit, cap, cost, input_tokens, output_tokens, turns, denials, landed_head, landed_in, failed_check, set_aside,
            conflicts, check, published, said, unread, other_work, landed_as: _, verdict: _, verdict_writers: _, lamport: _,
        } = agent;
        let failed_check = failed_check.map(|one| DidNotLand::failed(one, head.as_ref()));
        let check = check.map(CheckObject::from);
        Self {
            id: id.clone(),
            title,
            phase,
            liveness,
            waiting: match &request {
                // The reason of a pause is not what it asks for.
                Some(asked) if phase == Phase::Paused => Some(asked.short()),
                _ => reason.clone().filter(|_| phase == Phase::Waiting),
            },
            choice,
            reason,
            profile,
            role,
            sandbox,
            // The programs of a team take turns.
            instead_of: handed_over.into_iter().next().map(|first| first.from).filter(|_| team.is_none()),
            team: team.map(TeamObject::new),
            model,
            run,
            place,
            parent,
            reviews,
            attempt,
            branch,
            base,
            snapshot,
            snapshot_files,
            worktree: None,
            worktree_state: None,
            session,
            writer,
            label,
            tags,
            told_at,
            pid: None,
            supervisor_pid: None,
            orphans: Vec::new(),
            memory_bytes: None,
            shortage: None,
            queue_position: None,
            queued_at,
            started_at,
            ended_at,
            ran_seconds,
            exit_code,
            stuck_turns: Some(stuck_turns).filter(|turns| *turns > 0 && liveness == Liveness::Live),
            activity: None,
            last_words,
            commits: ended.then_some(work.commits),
            files_changed: ended.then_some(work.files),
            insertions: ended.then_some(work.insertions),
            deletions: ended.then_some(work.deletions),
            left_out: work.left_out_count(),
            unfinished,
            unsaved,
            limit: limit.map(LimitObject::from),
            cap: cap.map(CapObject::from),
            dirty: None,
            dirty_at: None,
            cost_usd: cost,
            input_tokens,
            output_tokens,
            turns: (turns > 0).then_some(turns),
            denials: permission.is_some().then_some(denials),
            permission_mode: permission,
            verdict,
            verdict_current,
            proposed_verdict,
            merged: ended.then(|| landed_head.is_some() && landed_head == head),
            landed_in,
            landed_now: None,
            checked: Checked::of(check.as_ref(), failed_check.as_ref()),
            failed_check,
            set_aside: set_aside.map(|one| DidNotLand::set_aside(one, head.as_ref())),
            conflicts,
            other_work: OtherWorkObject::of(by.repo(), other_work, head.as_ref()),
            surroundings: Vec::new(),
            request: question.zip(request).map(|(id, asked)| RequestObject::of(id, asked)),
            always: always.iter().map(|grant| grant.pattern.to_string()).collect(),
            automatic_answers: automatic,
            check,
            attached_pid: None,
            on_failed: (!after.is_empty()).then(|| on_failed.unwrap_or_else(|| OnFailed::Wait.to_string())),
            after: after.into_iter().map(|one| DependencyObject::of(by.repo(), one)).collect(),
            messages: said,
            unread_messages: unread,
            designer,
            pull_request: published,
            head,
        }
    }

    /// Returns why its current work did not land: a failed check, or the reason why it was set aside.
    pub fn did_not_land(&self) -> Option<&DidNotLand> {
        let current = |one: &&DidNotLand| one.current && self.merged != Some(true);
        self.failed_check.as_ref().filter(current).or_else(|| self.set_aside.as_ref().filter(current))
    }

    /// Returns for which other agents it waits, in words: `after add-auth-k3m9q`, or `waits: add-auth-k3m9q failed`.
    pub fn waits_for_others(&self) -> Option<String> {
        after::waits(&self.after).filter(|_| self.phase == Phase::Queued)
    }

    /// Says which agents have other work by now than the work with which it started, unless its own work has landed.
    pub fn stale_base(&self) -> Option<String> {
        after::stale(&self.after).filter(|_| self.merged != Some(true))
    }

    /// Returns whether its program was never started, so that it can have no worktree but the one that is being made for it.
    pub(super) const fn is_before_first_launch(&self) -> bool {
        match self.phase {
            Phase::Queued => self.attempt == 0,
            Phase::Starting => self.attempt <= 1,
            _ => false,
        }
    }

    /// Returns its cost, in millionths of a US dollar.
    pub fn cost_micros(&self) -> Option<u64> {
        self.cost_usd.map(Cost::micros)
    }
}

/// Returns whether the work of an agent is saved: it has ended, or waits for the end of a usage limit.
fn has_saved_work(agent: &Agent, liveness: Liveness) -> bool {
    liveness == Liveness::Ended || agent.waits_at_rest()
}

pub(super) fn dollars(micros: u64) -> f64 {
    Cost::from_micros(micros).dollars()
}

#[cfg(test)]
pub(in crate::ops) mod tests;
