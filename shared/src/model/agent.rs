//! The state of an agent, folded from its events.

use jiff::Timestamp;

use super::{
    AgentId, BranchName, Cap, CommitId, Cost, Dependency, Fact, IdOrText, Limit, OtherWork, Phase, RunId,
    SessionId, Tag, Team, WorkCheck, WorkStat, WriterId,
    dependency::StartedWith,
    hand_over::HandOver,
    landing::{Check, FailedCheck, SetAside},
    lines::{Group, Value, rows, state},
    published::Published,
    request::{AskedRequest, Grant},
    verdict::{CurrentVerdict, Verdict},
};

/// An event in the log of an agent.
pub type Event = super::event::Event<Fact>;

state! {
    /// What all events of an agent together say. Every text in it is safe to show, on one line.
    ///
    /// This is the only list of fields: a field that is added here gets its trailer, and the compiler asks for its value in
    /// `--json`. Raise `FOLD` with every change of the list.
    #[derive(Clone, Debug, Default, Eq, PartialEq)]
    pub struct Agent {
        /// Its phase. Often a list reads only this line, which is the first, and the next one.
        pub phase: Phase = "State",
        /// When it was created.
        pub queued_at: Timestamp = "Queued",
        /// The task in a few words.
        pub title: String = "Title",
        /// Its branch.
        pub branch: BranchName = "Branch",
        /// The commit it started from.
        pub base: IdOrText<CommitId> = "Base",
        /// The agents with whose work it starts, and, once it has started, the commits that held that. Its base contains these.
        pub after: Vec<Dependency> = "After",
        /// What it does when one of those ends without being done, in a word; `None`: it waits.
        pub on_failed: Option<String> = "On-Failed",
        /// The snapshot of the user's uncommitted changes in its base, if it started from them. They are not part of its work.
        pub snapshot: Option<IdOrText<CommitId>> = "Snapshot",
        /// The number of files that the user had changed in it.
        pub snapshot_files: u64 = ("Snapshot-Files" unless 0),
        /// The commit that holds its work.
        pub head: Option<IdOrText<CommitId>> = "Head",
        /// Work that other clones recorded for the same attempts, if it was resumed in several at once. Its head may contain it by now.
        pub other_work: Vec<OtherWork> = "Other-Work",
        /// The name of its program, which is that of its profile unless the profile is a role.
        pub profile: String = "Profile",
        /// The role as which it was started.
        pub role: Option<String> = "Role",
        /// The team whose roles work on its task, with what they did.
        pub team: Option<Team> = "Team",
        /// The profiles that ran it before, in order.
        pub handed_over: Vec<HandOver> = "Handed-Over",
        /// The requested model, then the one that answered.
        pub model: Option<String> = "Model",
        /// The run it belongs to, which all agents of one `spawn` share.
        pub run: RunId = "Run",
        /// Its position in the run; the first is 0.
        pub place: u32 = ("Place" unless 0),
        /// The agent whose program spawned it.
        pub parent: Option<IdOrText<AgentId>> = "Parent",
        /// The agent whose work it reviews.
        pub reviews: Option<IdOrText<AgentId>> = "Reviews",
        /// Whether it is a designer: the program of a person, in their terminal, which starts agents and has no work of its own.
        pub designer: bool = "Designer",
        /// Its permission mode, if its program has such modes.
        pub permission: Option<String> = "Permission",
        /// The sandbox of its newest attempt and what makes it, such as `files by bubblewrap`; `None`: it has none.
        pub sandbox: Option<String> = "Sandbox",
        /// The clone that it lives in: the one that created it or launched its newest attempt.
        pub writer: WriterId = "Writer",
        /// The label of that clone.
        pub label: Option<String> = "Label",
        /// Its tags, sorted.
        pub tags: Vec<Tag> = "Tags",
        /// When its newest event was written.
        pub told_at: Timestamp = "Told",
        /// The number of its newest attempt; 0 before the first.
        pub attempt: u32 = "Attempt",
        /// Why it is in its phase.
        pub reason: Option<String> = "Reason",
        /// The id of its session, of the newest attempt that has one.
        pub session: Option<SessionId> = "Session",
        /// The program's own id of the question that it waits for.
        pub question: Option<String> = "Question",
        /// Whether the question is a choice, not a permission.
        pub choice: bool = "Choice",
        /// What it asks for, in full; `None` if it does not wait, or an older version recorded it.
        pub request: Option<AskedRequest> = (own lines),
        /// What it may do for good, as a person allowed while it ran.
        pub always: Vec<Grant> = "Always",
        /// How many requests its supervisor allowed by those.
        pub automatic: u64 = ("Automatic" unless 0),
        /// When the attempt was launched.
        pub started_at: Option<Timestamp> = "Started",
        /// When the attempt ended.
        pub ended_at: Option<Timestamp> = "Ended",
        /// How long its ended attempts ran, together; the attempt in progress is not counted.
        pub ran_seconds: u64 = ("Ran-Seconds" unless 0),
        /// The exit code of its program.
        pub exit_code: Option<i32> = "Exit",
        /// What it said last in the attempt that ended.
        pub last_words: Option<String> = "Last-Words",
        /// What the check that decides whether it is done said about its work, in the attempt that ended.
        pub check: Option<WorkCheck> = (own lines),
        /// How large its work is; files that were left out are only counted.
        pub work: WorkStat = (own lines),
        /// Describes for people the git operation that it did not finish and the conflicts that it left; such work is not
        /// landed.
        pub unfinished: Option<String> = "Unfinished",
        /// Why the content of its worktree could not be saved.
        pub unsaved: Option<String> = "Unsaved",
        /// How many turns in a row its program has changed no file, while it runs, if these are so many that it is stuck.
        pub stuck_turns: u64 = ("Stuck-Turns" unless 0),
        /// The usage limit that its newest attempt reached or came near.
        pub limit: Option<Limit> = "Limit",
        /// The cap on money or tokens that its newest attempt reached or came near.
        pub cap: Option<Cap> = "Cap",
        /// The cost of all its sessions.
        pub cost: Option<Cost> = "Cost-Micros",
        /// Input tokens of all its sessions.
        pub input_tokens: Option<u64> = "Input-Tokens",
        /// Output tokens of all its sessions.
        pub output_tokens: Option<u64> = "Output-Tokens",
        /// Turns of the model in all its attempts.
        pub turns: u64 = ("Turns" unless 0),
        /// Permissions that were denied in all its attempts.
        pub denials: u64 = ("Denials" unless 0),
        /// The head that landed last.
        pub landed_head: Option<IdOrText<CommitId>> = "Landed",
        /// The commit on the target branch that landed it.
        pub landed_as: Option<IdOrText<CommitId>> = "Landed-As",
        /// The branch that it landed on.
        pub landed_in: Option<BranchName> = "Landed-In",
        /// The check that failed at its last landing and has not passed since, with the head that failed it.
        pub failed_check: Option<FailedCheck> = (own lines),
        /// Why its last landing set its work aside, with the head of then.
        pub set_aside: Option<SetAside> = (own lines),
        /// The verdict on its work, from whichever clone, with the base and head that it is on.
        pub verdict: Option<CurrentVerdict> = (own lines),
        /// The clones in which verdicts on its work were given, sorted. Each reader decides which of them it trusts.
        pub verdict_writers: Vec<WriterId> = "Judges",
        /// Its pull request.
        pub published: Option<Published> = (own lines),
        /// How many messages it wrote, to people or to the agent that started it.
        pub said: u64 = ("Said" unless 0),
        /// How many of those to people nobody has read.
        pub unread: u64 = ("Unread" unless 0),
        /// The number of events that contradict each other; [`super::fold::Fold::conflicts`] has the details.
        pub conflicts: u64 = ("Conflicts" unless 0),
        /// The highest Lamport number.
        pub lamport: u64 = "Lamport",
    }
}

impl Agent {
    /// Returns the commit that holds its work, if its events name one.
    pub fn head_commit(&self) -> Option<CommitId> {
        self.head.as_ref().and_then(IdOrText::commit)
    }

    /// Returns the agents that must be done before it starts; none once it has started with their work.
    pub fn waits_for(&self) -> Vec<AgentId> {
        if self.after.iter().all(|one| one.head.is_some()) {
            return Vec::new();
        }
        self.after.iter().filter_map(|one| one.agent.id().cloned()).collect()
    }

    /// Returns the commit with the work of others that it started with, which is not part of its own.
    pub fn work_of_others(&self) -> Option<CommitId> {
        self.base.commit().filter(|_| !self.after.is_empty() && self.waits_for().is_empty())
    }

    /// Applies that it starts with the work of others. A list that does not fit to the agents has no effect.
    pub(super) fn start_with(&mut self, started: &StartedWith) {
        if started.heads.len() != self.after.len() {
            return;
        }
        for (one, head) in self.after.iter_mut().zip(&started.heads) {
            one.head = Some(head.short());
        }
        self.base = started.base.short();
        // What it has before its program runs is its base.
        self.head = self.head.take().map(|_| self.base.clone());
    }

    /// Returns whether it is paused and its supervisor waits: for the end of a usage limit, or for an answer about a cap.
    pub fn waits_at_rest(&self) -> bool {
        self.asks_about_cap()
            || self.phase == Phase::Paused && self.limit.as_ref().is_some_and(|limit| limit.resumes)
    }

    /// Returns whether a cap paused it and it asks whether that may be raised.
    pub fn asks_about_cap(&self) -> bool {
        self.phase == Phase::Paused && self.cap.as_ref().is_some_and(|cap| !cap.warning)
    }

    /// Returns whether it waits for an answer of a person.
    pub fn asks(&self) -> bool {
        self.phase == Phase::Waiting || self.asks_about_cap()
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

rows! { Published:
    "Pull-Request" => number,
    "Pull-Request-Host" => host,
    "Pull-Request-Repo" => repo,
    "Pull-Request-Url" => url,
    "Pull-Request-Head" => head,
    "Pull-Request-Into" => into,
    "Pull-Request-State" => state,
    "Pull-Request-Merged" => merged_head,
    "Pull-Request-Checks" => checks,
    "Pull-Request-Review" => review,
    "Pull-Request-Seen" => seen_at,
}

impl Group for Published {
    fn open(key: &str, number: &str) -> Option<Option<Self>> {
        if key != "Pull-Request" {
            return Some(None);
        }
        Some(Some(Self { number: number.parse().ok()?, ..Self::default() }))
    }

    fn continues(key: &str) -> bool {
        key.starts_with("Pull-Request-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_waits_until_it_starts_with_the_work_of_all() {
        let commit = |digit: &str| IdOrText::<CommitId>::read(&digit.repeat(40));
        let named = ["add-auth-k3m9q", "add-docs-x2b4c"].map(IdOrText::read);
        let after = Dependency::of_event(&named);
        let mut agent = Agent { after, base: commit("1"), ..Agent::default() };
        assert_eq!((agent.waits_for().len(), agent.work_of_others()), (2, None));
        agent.start_with(&StartedWith { base: commit("2"), heads: vec![commit("2")] });
        assert_eq!(agent.base, commit("1"), "a list that does not fit has no effect");
        agent.start_with(&StartedWith { base: commit("4"), heads: vec![commit("2"), commit("3")] });
        assert!(agent.waits_for().is_empty());
        assert_eq!(agent.work_of_others(), commit("4").commit());
        let alone = Agent { base: commit("1"), ..Agent::default() };
        assert_eq!((alone.waits_for().len(), alone.work_of_others()), (0, None));
    }
}
