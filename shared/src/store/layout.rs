//! The only place that spells a ref or a file of ours.

mod landing;

use std::path::{Path, PathBuf};

pub use self::landing::{MAX_SCRATCHES, SCRATCH, is_scratch, removed_scratch_name, scratch_name};
pub use super::agent_dir::AgentDir;
pub use crate::git::ref_names::{BRANCHES, REMOTE_BRANCHES, TAGS};
use crate::model::{AgentId, LogId, Subject, SubjectId};

/// The agents' lives, one ref each.
pub const AGENTS: &str = "refs/orchestra/agents/";

/// The life of an agent: a chain of event commits.
pub fn agent_ref(id: &AgentId) -> String {
    format!("{AGENTS}{id}")
}

/// The log of a subject: a chain of event commits.
pub fn subject_ref<I: SubjectId>(id: &I) -> String {
    format!("{SHARED}{}/{id}", I::Subject::KIND)
}

/// As [`subject_ref`], where the subject may be any.
pub fn event_log_ref(log: &LogId) -> String {
    format!("{SHARED}{log}")
}

/// The subject whose log a shared ref is.
pub fn event_log_of(name: &str) -> Option<LogId> {
    LogId::parse(name.strip_prefix(SHARED)?)
}

/// The subject that a shared ref belongs to alone: its log is there, or what belongs to an agent.
pub fn owner_of(name: &str) -> Option<LogId> {
    event_log_of(name).or_else(|| agent_of(name).map(LogId::Agent))
}

/// The agents' work, one ref each.
pub const HEADS: &str = "refs/orchestra/heads/";

/// The work of an agent: the newest commit of its branch, what was left uncommitted on top.
pub fn head_ref(id: &AgentId) -> String {
    format!("{HEADS}{id}")
}

/// The branch of an agent.
pub fn branch_ref(branch: &str) -> String {
    format!("{BRANCHES}{branch}")
}

/// The name of a branch, without what all of them begin with.
pub fn branch_of(name: &str) -> Option<&str> {
    name.strip_prefix(BRANCHES)
}

/// What a remote had at the last fetch: `name` is `<remote>/<branch>`.
pub fn tracking_ref(name: &str) -> String {
    format!("{REMOTE_BRANCHES}{name}")
}

/// The raw output of agents' attempts, one ref each; never travels.
pub const LOGS: &str = "refs/orchestra-local/logs/";

/// That of one agent.
pub fn log_ref(id: &AgentId) -> String {
    format!("{LOGS}{id}")
}

/// What changed outside the worktrees of agents while they ran, one ref an agent; never travels: it names files of the user's.
pub const SURROUNDINGS: &str = "refs/orchestra-local/surroundings/";

/// That of one agent.
pub fn surroundings_ref(id: &AgentId) -> String {
    format!("{SURROUNDINGS}{id}")
}

/// What branches of agents begin with where a branch named like the configured prefix is in the way.
pub const OTHER_PREFIX: &str = "orchestra-agents/";

/// The worktree of an agent as it was at some moment, untracked files included; never travels by itself.
pub fn snapshot_ref(id: &AgentId) -> String {
    format!("refs/orchestra-local/snapshots/{id}")
}

/// The conversations of coding agents, kept before their programs delete them; never travel by themselves.
pub const TRANSCRIPTS: &str = "refs/orchestra-local/transcripts/";

/// One of them, by its program's own id.
pub fn transcript_ref(conversation: &str) -> String {
    format!("{TRANSCRIPTS}{conversation}")
}

/// What was replaced in the heads of agents, below the id of each.
pub const REPLACED_HEADS: &str = "refs/orchestra-local/trash/heads/";

/// What was replaced in [`head_ref`] by work that does not contain it; never travels.
pub fn replaced_head_ref(id: &AgentId, head: &str) -> String {
    format!("{REPLACED_HEADS}{id}/{head}")
}

/// What git remembered only by the registration of a worktree whose files are gone; never travels.
pub fn gone_registration_ref(id: &AgentId, commit: &str) -> String {
    format!("refs/orchestra-local/trash/worktrees/{id}/{commit}")
}

/// What our commands changed, one ref each; never travels.
pub const OPERATIONS: &str = "refs/orchestra-local/operations/";

/// One of them.
pub fn operation_ref(id: &str) -> String {
    format!("{OPERATIONS}{id}")
}

/// Agents that were put away, one chain a clone.
pub const ARCHIVE: &str = "refs/orchestra/archive/";

/// That of one clone.
pub fn archive_ref(writer: &str) -> String {
    format!("{ARCHIVE}{writer}")
}

/// All that travels, below one prefix for each kind.
pub const SHARED: &str = "refs/orchestra/";

/// All that stays at home.
pub const PRIVATE: &str = "refs/orchestra-local/";

/// The folders of what travels: the logs of all subjects, work, notes, and agents that were archived.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    LogId::KINDS.into_iter().chain(["heads", "notes", "archive"])
}

/// The agent that a shared ref belongs to alone.
pub fn agent_of(name: &str) -> Option<AgentId> {
    let (kind, id) = name.strip_prefix(SHARED)?.split_once('/')?;
    matches!(kind, "agents" | "heads" | "snapshots" | "transcripts").then(|| AgentId::parse(id).ok())?
}

/// Whether a ref is the life of an agent.
pub fn is_agent(name: &str) -> bool {
    name.starts_with(AGENTS)
}

/// Whether a shared ref holds commits of an agent's worktree, with everything on which they build.
pub fn is_work(name: &str) -> bool {
    name.strip_prefix(SHARED).is_some_and(|rest| rest.starts_with("heads/") || rest.starts_with("snapshots/"))
}

/// Whether a ref is an archive.
pub fn is_archive(name: &str) -> bool {
    name.starts_with(ARCHIVE)
}

/// Whether a ref holds notes of ours.
pub fn is_notes(name: &str) -> bool {
    name.strip_prefix(SHARED).is_some_and(|rest| rest.starts_with("notes/"))
}

/// What a remote had at the last look; never travels. A fetch writes here and nowhere else.
pub fn tracking(remote: &str) -> String {
    format!("refs/orchestra-local/remotes/{remote}/")
}

/// Who this clone is, where the file that says so was removed; never travels.
pub const WRITER: &str = "refs/orchestra-local/writer";

/// What all remotes had.
pub const fn tracking_all() -> &'static str {
    "refs/orchestra-local/remotes/"
}

/// Snapshots and conversations that came from remotes; never travels.
pub const EXTRAS: &str = "refs/orchestra-local/extras/";

/// Those of one kind, from one remote.
pub fn extras(remote: &str, kind: &str) -> String {
    format!("{EXTRAS}{remote}/{kind}/")
}

/// What a remote had once, and lost or took back since: this clone does not push it again unasked. Never travels.
pub fn missing(remote: &str) -> String {
    format!("refs/orchestra-local/missing/{remote}/")
}

/// A blob with the URL at which a remote was looked at last. Never travels.
pub fn remote_url_ref(remote: &str) -> String {
    format!("refs/orchestra-local/urls/{remote}")
}

/// Sent to a remote to see whether it is taken, and taken away at once.
pub fn probe_ref(chance: &str) -> String {
    format!("refs/orchestra/probe/{chance}")
}

/// Notes of every kind, one ref each.
pub const NOTES_BELOW: &str = "refs/orchestra/notes/";

/// Notes of one kind.
pub fn notes_ref(topic: &str) -> String {
    format!("{NOTES_BELOW}{topic}")
}

/// What landing came to, as notes on the commits that landed.
pub const RESULTS: &str = "refs/orchestra/notes/results";

/// Verdicts, as notes on the commits that were judged.
pub const REVIEWS: &str = "refs/orchestra/notes/reviews";

/// Every kind of note of ours, for `notes.displayRef`.
pub const NOTES: &str = "refs/orchestra/notes/*";

/// How the names of files with output end.
const OUTPUT: &str = ".out";
/// How the names of files with complaints end.
const ERRORS: &str = ".err";

/// The file of one attempt's output, live and in [`log_ref`].
pub fn output_name(attempt: u32) -> String {
    format!("{attempt}{OUTPUT}")
}

/// Whether a file of an agent holds what its program printed.
pub fn is_output_name(name: &str) -> bool {
    name.ends_with(OUTPUT) || name.ends_with(ERRORS)
}

/// The file of one attempt's complaints, where output is a speech of its own; live and in [`log_ref`].
pub fn errors_name(attempt: u32) -> String {
    format!("{attempt}{ERRORS}")
}

/// What the supervisor was asked to do, live and in [`log_ref`].
pub const SPEC: &str = "spec.json";

/// The folder for what is bound to this machine or disposable.
#[derive(Clone, Debug)]
pub struct PrivateDir(PathBuf);

impl PrivateDir {
    /// `dir` is `<common git dir>/orchestra`.
    pub const fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Who this clone is.
    pub fn writer(&self) -> PathBuf {
        self.0.join("writer")
    }

    /// What the newest event commits say, for lists.
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// What was read of the conversations of coding agents, for lists.
    pub fn conversations(&self) -> PathBuf {
        self.0.join("conversations")
    }

    /// The configuration that a person accepted, and what was seen of it since.
    pub fn accepted(&self) -> PathBuf {
        self.0.join("accepted.json")
    }

    /// Held by whoever changes that.
    pub fn accepted_lock(&self) -> PathBuf {
        self.0.join("locks/accepted")
    }

    /// Held by whoever adds to the archive of this clone.
    pub fn archive_lock(&self) -> PathBuf {
        self.0.join("locks/archive")
    }

    /// The lock that orders the writers of one log among the processes of this clone.
    pub fn append_lock(&self, id: &str) -> PathBuf {
        let bucket = id.bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)) % 16;
        self.0.join("locks").join(format!("append-{bucket:02}"))
    }

    /// Objects in which no secret was found.
    pub fn scanned(&self) -> PathBuf {
        self.0.join("scanned")
    }

    /// Where the user agreed to send agents.
    pub fn consent(&self) -> PathBuf {
        self.0.join("consent")
    }

    /// How many loose objects there were after the last time that ours were packed.
    pub fn loose(&self) -> PathBuf {
        self.0.join("loose")
    }

    /// Held by whoever packs our objects.
    pub fn pack_lock(&self) -> PathBuf {
        self.0.join("locks/pack")
    }

    /// There is news that no remote has been told.
    pub fn sync_pending(&self) -> PathBuf {
        self.0.join("news")
    }

    /// Held by whoever syncs unasked.
    pub fn auto_sync_lock(&self) -> PathBuf {
        self.0.join("locks/auto-sync")
    }

    /// Files of damaged refs that were moved out of the way, each under the name of its ref.
    pub fn damaged(&self) -> PathBuf {
        self.0.join("damaged")
    }

    /// What remotes have and this clone does not take in, and why.
    pub fn refused(&self) -> PathBuf {
        self.0.join("refused")
    }

    /// Trees in which git would find nothing to refuse.
    pub fn sound_trees(&self) -> PathBuf {
        self.0.join("sound-trees")
    }

    /// Held by whoever speaks with a remote.
    pub fn sync_lock(&self) -> PathBuf {
        self.0.join("locks/sync")
    }

    /// Held by whoever begins an operation, for a moment; and by whoever removes agents or brings them back, for as long as it takes.
    pub fn operations_lock(&self) -> PathBuf {
        self.0.join("locks/operations")
    }

    /// How long the repository was in use, as the trash counts it.
    pub fn trash_clock(&self) -> PathBuf {
        self.0.join("trash-clock")
    }

    /// What could not be deleted of the trash.
    pub fn stuck_trash(&self) -> PathBuf {
        self.0.join("trash-stuck")
    }

    /// Held by whoever deletes what is in the trash.
    pub fn trash_lock(&self) -> PathBuf {
        self.0.join("locks/trash")
    }

    /// The lock for the moments in which git's own list of worktrees is changed.
    pub fn worktrees_lock(&self) -> PathBuf {
        self.0.join("locks/worktrees")
    }

    /// Space set aside, so that an agent's end can be written down on a full disk.
    pub fn reserve(&self) -> PathBuf {
        self.0.join("reserve")
    }

    /// What supervisors said that could not be said elsewhere.
    pub fn supervisor_log(&self) -> PathBuf {
        self.0.join("diary")
    }

    /// Settings of the repository as they were at some moment, each a git directory of ours.
    pub fn frozen(&self) -> PathBuf {
        self.0.join("frozen")
    }

    /// Registrations of worktrees whose files are gone.
    pub fn gone(&self) -> PathBuf {
        self.0.join("gone")
    }

    /// What is needed to take a move of a checkout back that is under way, or was cut off; one folder each.
    pub fn moves(&self) -> PathBuf {
        self.0.join("moves")
    }

    /// What merges on trial came to.
    pub fn trials(&self) -> PathBuf {
        self.0.join("trials")
    }

    /// The folders whose attributes may have decided what is remembered of merges on trial.
    pub fn trial_folders(&self) -> PathBuf {
        self.0.join("trial-folders")
    }

    /// How much branches change.
    pub fn sizes(&self) -> PathBuf {
        self.0.join("sizes")
    }

    /// The slot files.
    pub fn slots(&self) -> PathBuf {
        self.0.join("slots")
    }

    /// The slot that an agent lends while it waits for others.
    pub fn lent_slot(&self, id: &AgentId) -> PathBuf {
        self.slots().join(format!("of-{id}"))
    }

    /// Files of the commands that wait for agents while agents run them.
    pub fn waiting(&self) -> PathBuf {
        self.0.join("waiting")
    }

    /// The tickets of waiting supervisors.
    pub fn queue(&self) -> PathBuf {
        self.0.join("queue")
    }

    /// Usage limits that were met: while one holds, nobody whom it concerns is started.
    pub fn limits(&self) -> PathBuf {
        self.0.join("limits")
    }

    /// What belongs to one agent while it has not ended.
    pub fn agent(&self, id: &AgentId) -> AgentDir {
        AgentDir::new(self.agents_dir().join(id.as_str()))
    }

    /// The folder that holds those of the agents.
    pub fn agents_dir(&self) -> PathBuf {
        self.0.join("agents")
    }

    /// The folders of all agents that have one.
    pub fn agents(&self) -> Vec<AgentId> {
        let Ok(entries) = std::fs::read_dir(self.agents_dir()) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut ids: Vec<AgentId> = names.filter_map(|name| AgentId::parse(&name).ok()).collect();
        ids.sort_unstable();
        ids
    }
}
