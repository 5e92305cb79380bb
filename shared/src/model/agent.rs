//! The state of an agent, as its events tell it.

use jiff::Timestamp;

use super::{
    Limit, Phase,
    landing::{FailedCheck, SetAside},
    verdict::Standing,
};

/// What all events of an agent together say. Every text in it is safe to show, on one line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Agent {
    /// The task in a few words.
    pub title: String,
    /// How it is run.
    pub profile: String,
    /// The model: as it was asked for, then the one that answered.
    pub model: Option<String>,
    /// The agents of one `spawn` share it.
    pub run: String,
    /// Its place among them.
    pub place: u32,
    /// The agent whose program spawned it.
    pub parent: Option<String>,
    /// The agent whose work it judges.
    pub reviews: Option<String>,
    /// What it may do, where its program knows such modes.
    pub permission: Option<String>,
    /// The clone that it lives in: the one that made it, or that took it over.
    pub writer: String,
    /// What its people call that clone.
    pub label: Option<String>,
    /// When the newest of its events was told.
    pub told_at: Timestamp,
    /// The commit it started from.
    pub base: String,
    /// Its branch, without `refs/heads/`.
    pub branch: String,
    /// When it was made.
    pub queued_at: Timestamp,
    /// The highest launch; 0 before the first.
    pub attempt: u32,
    /// Where it is.
    pub phase: Phase,
    /// Why it is there.
    pub reason: Option<String>,
    /// The program's own conversation, of the newest launch.
    pub session: Option<String>,
    /// What it waits for, as the program names it.
    pub question: Option<String>,
    /// It waits for a choice, not for a permission.
    pub choice: bool,
    /// When the attempt was launched.
    pub started_at: Option<Timestamp>,
    /// When the attempt ended.
    pub ended_at: Option<Timestamp>,
    /// What its program returned.
    pub exit_code: Option<i32>,
    /// The commit that holds its work.
    pub head: Option<String>,
    /// Commits between base and head.
    pub commits: u64,
    /// Files that differ between base and head.
    pub files_changed: u64,
    /// Lines added between base and head.
    pub insertions: u64,
    /// Lines removed between base and head.
    pub deletions: u64,
    /// Files that stay in the worktree only.
    pub left_out: u64,
    /// What it has not finished: a merge, or conflicts. Such work does not land.
    pub unfinished: Option<String>,
    /// Why what is in its worktree could not be saved.
    pub unsaved: Option<String>,
    /// The usage limit that its newest attempt ran into, or came near.
    pub limit: Option<Limit>,
    /// What all its conversations cost, in millionths of a US dollar.
    pub cost_micros: Option<u64>,
    /// Tokens read.
    pub input_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
    /// Rounds with the model.
    pub turns: u64,
    /// What it was denied.
    pub denials: u64,
    /// The work of it that landed last: the head it was then.
    pub landed_head: Option<String>,
    /// As which commit it landed.
    pub landed_as: Option<String>,
    /// In which branch, without `refs/heads/`.
    pub landed_in: Option<String>,
    /// The check that failed last when its work was to land, and that did not pass since; of which work, it says itself.
    pub failed_check: Option<FailedCheck>,
    /// Why its work was set aside the last time that it was to land; of which work, it says itself.
    pub set_aside: Option<SetAside>,
    /// What is said of its work, by whichever clone; of which work, it says itself.
    pub verdict: Option<Standing>,
    /// The clones in which something was said of its work, sorted. Whether one of them counts, each reader decides.
    pub judges: Vec<String>,
    /// Facts that contradict each other; [`super::fold::Fold::conflicts`] says which.
    pub conflicts: u64,
    /// The highest Lamport number.
    pub lamport: u64,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            title: String::new(),
            profile: String::new(),
            model: None,
            run: String::new(),
            place: 0,
            parent: None,
            reviews: None,
            permission: None,
            writer: String::new(),
            label: None,
            told_at: Timestamp::UNIX_EPOCH,
            base: String::new(),
            branch: String::new(),
            queued_at: Timestamp::UNIX_EPOCH,
            attempt: 0,
            phase: Phase::Queued,
            reason: None,
            session: None,
            question: None,
            choice: false,
            started_at: None,
            ended_at: None,
            exit_code: None,
            head: None,
            commits: 0,
            files_changed: 0,
            insertions: 0,
            deletions: 0,
            left_out: 0,
            unfinished: None,
            unsaved: None,
            limit: None,
            cost_micros: None,
            input_tokens: None,
            output_tokens: None,
            turns: 0,
            denials: 0,
            landed_head: None,
            landed_as: None,
            landed_in: None,
            failed_check: None,
            set_aside: None,
            verdict: None,
            judges: Vec::new(),
            conflicts: 0,
            lamport: 0,
        }
    }
}

impl Agent {
    /// It is paused by a usage limit, and its supervisor waits for the end of that.
    pub fn waits_for_limit(&self) -> bool {
        self.phase == Phase::Paused && self.limit.as_ref().is_some_and(|limit| limit.resumes)
    }
}
