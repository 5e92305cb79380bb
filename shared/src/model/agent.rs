//! The state of an agent, as its events tell it.

use jiff::Timestamp;

use super::{
    AgentId, BranchName, CommitId, Cost, Fact, IdOrText, Limit, Phase, RunId, SessionId, WorkStat, WriterId,
    landing::{Check, FailedCheck, SetAside},
    lines::{Group, Value, rows, state},
    verdict::{CurrentVerdict, Verdict},
};

/// An event of an agent.
pub type Event = super::event::Event<Fact>;

state! {
    /// What all events of an agent together say. Every text in it is safe to show, on one line.
    ///
    /// This list is the only one: a field that is added here has its trailer, written and read, and the compiler asks what
    /// `--json` says of it. `FOLD` grows with the list.
    #[derive(Clone, Debug, Default, Eq, PartialEq)]
    pub struct Agent {
        /// Where it is. A list reads this line, which is the first, and the second, and often no other.
        pub phase: Phase = "State",
        /// When it was made.
        pub queued_at: Timestamp = "Queued",
        /// The task in a few words.
        pub title: String = "Title",
        /// Its branch.
        pub branch: BranchName = "Branch",
        /// The commit it started from.
        pub base: IdOrText<CommitId> = "Base",
        /// The commit that holds its work.
        pub head: Option<IdOrText<CommitId>> = "Head",
        /// How it is run.
        pub profile: String = "Profile",
        /// The model: as it was asked for, then the one that answered.
        pub model: Option<String> = "Model",
        /// The agents of one `spawn` share it.
        pub run: RunId = "Run",
        /// Its place among them; the first is 0.
        pub place: u32 = ("Place" unless 0),
        /// The agent whose program spawned it.
        pub parent: Option<IdOrText<AgentId>> = "Parent",
        /// The agent whose work it judges.
        pub reviews: Option<IdOrText<AgentId>> = "Reviews",
        /// What it may do, where its program knows such modes.
        pub permission: Option<String> = "Permission",
        /// The clone that it lives in: the one that made it, or that took it over.
        pub writer: WriterId = "Writer",
        /// What its people call that clone.
        pub label: Option<String> = "Label",
        /// When the newest of its events was told.
        pub told_at: Timestamp = "Told",
        /// The highest launch; 0 before the first.
        pub attempt: u32 = "Attempt",
        /// Why it is in its phase.
        pub reason: Option<String> = "Reason",
        /// The program's own conversation, of the newest launch.
        pub session: Option<SessionId> = "Session",
        /// What it waits for, as the program names it.
        pub question: Option<String> = "Question",
        /// It waits for a choice, not for a permission.
        pub choice: bool = "Choice",
        /// When the attempt was launched.
        pub started_at: Option<Timestamp> = "Started",
        /// When the attempt ended.
        pub ended_at: Option<Timestamp> = "Ended",
        /// What its program returned.
        pub exit_code: Option<i32> = "Exit",
        /// How much its work is; files that were left out are only counted.
        pub work: WorkStat = (own lines),
        /// What it has not finished: a merge, or conflicts. Such work does not land.
        pub unfinished: Option<String> = "Unfinished",
        /// Why what is in its worktree could not be saved.
        pub unsaved: Option<String> = "Unsaved",
        /// The usage limit that its newest attempt ran into, or came near.
        pub limit: Option<Limit> = "Limit",
        /// What all its conversations cost.
        pub cost: Option<Cost> = "Cost-Micros",
        /// Tokens read.
        pub input_tokens: Option<u64> = "Input-Tokens",
        /// Tokens written.
        pub output_tokens: Option<u64> = "Output-Tokens",
        /// Rounds with the model.
        pub turns: u64 = ("Turns" unless 0),
        /// What it was denied.
        pub denials: u64 = ("Denials" unless 0),
        /// The work of it that landed last: the head it was then.
        pub landed_head: Option<IdOrText<CommitId>> = "Landed",
        /// As which commit it landed.
        pub landed_as: Option<IdOrText<CommitId>> = "Landed-As",
        /// In which branch.
        pub landed_in: Option<BranchName> = "Landed-In",
        /// The check that failed last when its work was to land, and that did not pass since; of which work, it says itself.
        pub failed_check: Option<FailedCheck> = (own lines),
        /// Why its work was set aside the last time that it was to land; of which work, it says itself.
        pub set_aside: Option<SetAside> = (own lines),
        /// What is said of its work, by whichever clone; of which work, it says itself.
        pub verdict: Option<CurrentVerdict> = (own lines),
        /// The clones in which something was said of its work, sorted. Whether one of them counts, each reader decides.
        pub judges: Vec<WriterId> = "Judges",
        /// Facts that contradict each other; [`super::fold::Fold::conflicts`] says which.
        pub conflicts: u64 = ("Conflicts" unless 0),
        /// The highest Lamport number.
        pub lamport: u64 = "Lamport",
    }
}

impl Agent {
    /// The commit that holds its work, if its events name one.
    pub fn head_commit(&self) -> Option<CommitId> {
        self.head.as_ref().and_then(IdOrText::commit)
    }

    /// It is paused by a usage limit, and its supervisor waits for the end of that.
    pub fn waits_for_limit(&self) -> bool {
        self.phase == Phase::Paused && self.limit.as_ref().is_some_and(|limit| limit.resumes)
    }
}

rows! { WorkStat:
    ("Commits" unless 0) => commits,
    ("Files" unless 0) => files,
    ("Insertions" unless 0) => insertions,
    ("Deletions" unless 0) => deletions,
    ("Left-Out" unless 0) => left_out_more,
}

rows! { FailedCheck:
    "Failed-Check" => check.name,
    "Failed-Check-Id" => check.id,
    "Failed-Check-Command" => check.command,
    "Failed-Head" => head,
    "Failed-Into" => into,
    "Failed-Why" => why,
    "Failed-Writer" => writer,
}

impl Group for FailedCheck {
    fn open(key: &str, name: &str) -> Option<Option<Self>> {
        let check = || Check { name: name.to_owned(), ..Check::default() };
        Some((key == "Failed-Check").then(|| Self { check: check(), ..Self::default() }))
    }

    fn continues(key: &str) -> bool {
        key.starts_with("Failed-") && key != "Failed-Check"
    }
}

rows! { SetAside:
    "Set-Aside" => why,
    "Set-Aside-Head" => head,
    "Set-Aside-Into" => into,
}

impl Group for SetAside {
    fn open(key: &str, why: &str) -> Option<Option<Self>> {
        Some((key == "Set-Aside").then(|| Self { why: why.to_owned(), ..Self::default() }))
    }

    fn continues(key: &str) -> bool {
        key.starts_with("Set-Aside-")
    }
}

rows! { CurrentVerdict:
    "Verdict" => verdict,
    "Verdict-Base" => base,
    "Verdict-Head" => head,
    "Verdict-Patch" => patch,
    "Verdict-By" => by,
    "Verdict-Writer" => writer,
}

impl Group for CurrentVerdict {
    fn open(key: &str, word: &str) -> Option<Option<Self>> {
        if key != "Verdict" {
            return Some(None);
        }
        Some(Some(Self {
            verdict: Verdict::read(word)?,
            base: IdOrText::default(),
            head: IdOrText::default(),
            patch: String::new(),
            by: String::new(),
            writer: WriterId::default(),
        }))
    }

    fn continues(key: &str) -> bool {
        key.starts_with("Verdict-")
    }
}
