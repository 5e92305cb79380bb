//! The names of orchestra's refs and private files. No other module spells one.

mod landing;

use std::path::{Path, PathBuf};

pub use self::landing::{MAX_SCRATCHES, SCRATCH, is_scratch, removed_scratch_name, scratch_name};
pub use super::agent_dir::{AgentDir, SPEC, errors_name, is_conversation_name, is_output_name, output_name};
pub use crate::git::ref_names::{BRANCHES, REMOTE_BRANCHES, TAGS};
use crate::{
    git::refs::RefEdit,
    model::{AgentId, LogId, Subject, SubjectId},
};

/// The prefix of the refs that hold agents' events, one ref per agent.
pub const AGENTS: &str = "refs/orchestra/agents/";

/// Returns the ref with the chain of an agent's event commits.
pub fn agent_ref(id: &AgentId) -> String {
    format!("{AGENTS}{id}")
}

/// Returns the ref with the log of a subject.
pub fn subject_ref<I: SubjectId>(id: &I) -> String {
    format!("{SHARED}{}/{id}", I::Subject::KIND)
}

/// Returns the ref of a log of any subject.
pub fn event_log_ref(log: &LogId) -> String {
    format!("{SHARED}{log}")
}

/// Orders changes of refs so that no event is visible before the work that it names: logs of events come last.
pub fn put_events_last(edits: &mut [RefEdit]) {
    edits.sort_by_key(|edit| event_log_of(&edit.name).is_some());
}

/// Returns the log that a ref contains, by the ref's name.
pub fn event_log_of(name: &str) -> Option<LogId> {
    LogId::parse(name.strip_prefix(SHARED)?)
}

/// Returns the log of the only subject to which a shared ref belongs: the ref contains the log, or other data of an agent.
pub fn owner_of(name: &str) -> Option<LogId> {
    event_log_of(name).or_else(|| agent_of(name).map(LogId::Agent))
}

/// The prefix of the refs that hold agents' work, one ref per agent.
pub const HEADS: &str = "refs/orchestra/heads/";

/// Returns the ref with an agent's work: the newest commit of its branch, with what was left uncommitted on top.
pub fn head_ref(id: &AgentId) -> String {
    format!("{HEADS}{id}")
}

/// Returns the full name of a branch.
pub fn branch_ref(branch: &str) -> String {
    format!("{BRANCHES}{branch}")
}

/// Returns the name of a branch without `refs/heads/`; `None` for any other ref.
pub fn branch_of(name: &str) -> Option<&str> {
    name.strip_prefix(BRANCHES)
}

/// Returns the remote-tracking ref of a branch. `name` is `<remote>/<branch>`.
pub fn tracking_ref(name: &str) -> String {
    format!("{REMOTE_BRANCHES}{name}")
}

/// The prefix of the refs with the raw output of agents' attempts, one ref per agent. They are never sent.
pub const LOGS: &str = "refs/orchestra-local/logs/";

/// Returns the ref with the raw output of one agent's attempts.
pub fn log_ref(id: &AgentId) -> String {
    format!("{LOGS}{id}")
}

/// The prefix of the refs with what changed outside the worktrees of agents while they ran, one ref per agent. They are never
/// sent, because they name files of the user.
pub const SURROUNDINGS: &str = "refs/orchestra-local/surroundings/";

/// Returns the ref with what changed outside the worktree of one agent while it ran.
pub fn surroundings_ref(id: &AgentId) -> String {
    format!("{SURROUNDINGS}{id}")
}

/// The prefix of agents' branches if a branch with the name of the configured prefix makes that prefix impossible.
pub const OTHER_PREFIX: &str = "orchestra-agents/";

/// Returns the ref with the newest snapshot of an agent's worktree, untracked files included. It is sent only on request.
pub fn snapshot_ref(id: &AgentId) -> String {
    format!("refs/orchestra-local/snapshots/{id}")
}

/// The prefix of the refs with transcripts, stored before their agent programs delete them. They are sent only on request.
pub const TRANSCRIPTS: &str = "refs/orchestra-local/transcripts/";

/// Returns the ref with the transcript of a session, by the agent program's own id.
pub fn transcript_ref(conversation: &str) -> String {
    format!("{TRANSCRIPTS}{conversation}")
}

/// The prefix of the refs with replaced heads of agents, below the id of each.
pub const REPLACED_HEADS: &str = "refs/orchestra-local/trash/heads/";

/// Returns the ref that keeps a head after work that does not contain it replaced it in [`head_ref`]. It is never sent.
pub fn replaced_head_ref(id: &AgentId, head: &str) -> String {
    format!("{REPLACED_HEADS}{id}/{head}")
}

/// Returns the ref that keeps a commit which only the registration of a deleted worktree named. It is never sent.
pub fn gone_registration_ref(id: &AgentId, commit: &str) -> String {
    format!("refs/orchestra-local/trash/worktrees/{id}/{commit}")
}

/// The prefix of the refs of operations, one ref each. They are never sent.
pub const OPERATIONS: &str = "refs/orchestra-local/operations/";

/// Returns the ref of an operation.
pub fn operation_ref(id: &str) -> String {
    format!("{OPERATIONS}{id}")
}

/// The prefix of the refs with archived agents, one chain per clone.
pub const ARCHIVE: &str = "refs/orchestra/archive/";

/// Returns the ref with the archive of a clone.
pub fn archive_ref(writer: &str) -> String {
    format!("{ARCHIVE}{writer}")
}

/// The prefix of all refs that sync exchanges, followed by one prefix for each kind.
pub const SHARED: &str = "refs/orchestra/";

/// The prefix of all refs that stay in this clone.
pub const PRIVATE: &str = "refs/orchestra-local/";

/// Returns the folders of the refs that sync exchanges: logs, work, notes, and archived agents.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    LogId::KINDS.into_iter().chain(["heads", "notes", "archive"])
}

/// Returns whether sync exchanges a ref, by its name below [`SHARED`].
pub fn is_exchanged(name: &str) -> bool {
    name.split_once('/').is_some_and(|(kind, _)| kinds().any(|one| one == kind))
}

/// Returns the agent that a shared ref belongs to; `None` for a ref of several agents.
pub fn agent_of(name: &str) -> Option<AgentId> {
    let (kind, id) = name.strip_prefix(SHARED)?.split_once('/')?;
    matches!(kind, "agents" | "heads" | "snapshots" | "transcripts").then(|| AgentId::parse(id).ok())?
}

/// Returns whether a ref holds the events of an agent.
pub fn is_agent(name: &str) -> bool {
    name.starts_with(AGENTS)
}

/// Returns whether a ref holds the log of a subject, or the work of an agent.
pub fn is_log_or_head(name: &str) -> bool {
    name.starts_with(HEADS) || event_log_of(name).is_some()
}

/// Returns whether a shared ref holds commits of an agent's worktree, with their history.
pub fn is_work(name: &str) -> bool {
    name.strip_prefix(SHARED).is_some_and(|rest| rest.starts_with("heads/") || rest.starts_with("snapshots/"))
}

/// Returns whether a ref is an archive.
pub fn is_archive(name: &str) -> bool {
    name.starts_with(ARCHIVE)
}

/// Returns whether a ref holds orchestra's notes.
pub fn is_notes(name: &str) -> bool {
    name.strip_prefix(SHARED).is_some_and(|rest| rest.starts_with("notes/"))
}

/// Returns the prefix for the refs that a remote had at the last sync. A fetch writes only below it. They are never sent.
pub fn tracking(remote: &str) -> String {
    format!("refs/orchestra-local/remotes/{remote}/")
}

/// The ref with the id of this clone, in case the file with it is removed. It is never sent.
pub const WRITER: &str = "refs/orchestra-local/writer";

/// Returns the prefix for the refs that all remotes had.
pub const fn tracking_all() -> &'static str {
    "refs/orchestra-local/remotes/"
}

/// The prefix of the refs with snapshots and transcripts from remotes. They are never sent.
pub const EXTRAS: &str = "refs/orchestra-local/extras/";

/// Returns the prefix for snapshots and transcripts from one remote.
pub fn all_extras(remote: &str) -> String {
    format!("{EXTRAS}{remote}/")
}

/// Returns the prefix for snapshots or transcripts from one remote.
pub fn extras(remote: &str, kind: &str) -> String {
    format!("{}{kind}/", all_extras(remote))
}

/// Returns the prefix for refs that a remote deleted or rewound, so that this clone does not push them again unasked. They are
/// never sent.
pub fn missing(remote: &str) -> String {
    format!("refs/orchestra-local/missing/{remote}/")
}

/// The prefix of the refs that are about to be sent, as they were when they were checked. Only while a sync sends them.
pub const OUTGOING: &str = "refs/orchestra-local/outgoing/";

/// Returns the prefix for the refs that one push is about to send to a remote.
pub fn outgoing(remote: &str, chance: &str) -> String {
    format!("{OUTGOING}{remote}/{chance}/")
}

/// Returns the ref of a blob with the URL of a remote at the last sync. It is never sent.
pub fn remote_url_ref(remote: &str) -> String {
    format!("refs/orchestra-local/urls/{remote}")
}

/// Returns the ref that is pushed to a remote, and deleted at once, to find out whether the remote accepts such refs.
pub fn probe_ref(chance: &str) -> String {
    format!("refs/orchestra/probe/{chance}")
}

/// The prefix of the refs with notes, one ref per kind.
pub const NOTES_PREFIX: &str = "refs/orchestra/notes/";

/// Returns the ref with notes of one kind.
pub fn notes_ref(topic: &str) -> String {
    format!("{NOTES_PREFIX}{topic}")
}

/// The ref with the results of landings, as notes on the commits that landed.
pub const RESULTS: &str = "refs/orchestra/notes/results";

/// The ref with verdicts, as notes on the reviewed commits.
pub const REVIEWS: &str = "refs/orchestra/notes/reviews";

/// The ref with the notes that plain `git log` shows, in this clone alone.
pub const LOG_NOTES: &str = "refs/orchestra-local/notes/log";

/// The pattern for all shared notes, for `notes.displayRef`.
pub const NOTES: &str = "refs/orchestra/notes/*";

/// The private directory, `<common git dir>/orchestra`, for files that are bound to this machine or disposable.
#[derive(Clone, Debug)]
pub struct PrivateDir(PathBuf);

impl PrivateDir {
    /// Wraps the path of the directory; `dir` is `<common git dir>/orchestra`.
    pub const fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// Returns the path of the directory.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// The id of this clone.
    pub fn writer(&self) -> PathBuf {
        self.0.join("writer")
    }

    /// The cache of the newest event commits, for lists; see [`super::cache`].
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// The list of agents that a terminal showed last; see `ops::shown_list`.
    pub fn shown_list(&self) -> PathBuf {
        self.0.join("shown-list.json")
    }

    /// The last known numbers of uncommitted changes, for lists; see `worktree::last_counts`.
    pub fn last_counts(&self) -> PathBuf {
        self.0.join("last-counts.json")
    }

    /// Returns the file with the kept fold of a log; see [`super::FoldedLog`]. `kind` is the folder of the log's ref.
    pub fn fold(&self, kind: &str, id: &str) -> PathBuf {
        self.0.join("folds").join(kind).join(id)
    }

    /// The index of sessions, for lists.
    pub fn conversations(&self) -> PathBuf {
        self.0.join("conversations")
    }

    /// The configuration that a person accepted, and the changes of it that were seen since.
    pub fn accepted(&self) -> PathBuf {
        self.0.join("accepted.json")
    }

    /// The lock for changing [`Self::accepted`].
    pub fn accepted_lock(&self) -> PathBuf {
        self.0.join("locks/accepted")
    }

    /// The lock for adding to the archive of this clone.
    pub fn archive_lock(&self) -> PathBuf {
        self.0.join("locks/archive")
    }

    /// Returns the lock that serializes the processes of this clone that write to a log.
    pub fn append_lock(&self, id: &str) -> PathBuf {
        let bucket = id.bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)) % 16;
        self.0.join("locks").join(format!("append-{bucket:02}"))
    }

    /// The objects in which no secret was found.
    pub fn scanned(&self) -> PathBuf {
        self.0.join("scanned")
    }

    /// The addresses to which the user agreed to send agents.
    pub fn consent(&self) -> PathBuf {
        self.0.join("consent")
    }

    /// The number of loose objects after the last time that orchestra's objects were packed.
    pub fn loose(&self) -> PathBuf {
        self.0.join("loose")
    }

    /// The lock for packing orchestra's objects.
    pub fn pack_lock(&self) -> PathBuf {
        self.0.join("locks/pack")
    }

    /// A file that exists while there are changes that no remote has received.
    pub fn sync_pending(&self) -> PathBuf {
        self.0.join("news")
    }

    /// The lock for automatic syncs.
    pub fn auto_sync_lock(&self) -> PathBuf {
        self.0.join("locks/auto-sync")
    }

    /// The files of damaged refs that were moved here, each under the name of its ref.
    pub fn damaged(&self) -> PathBuf {
        self.0.join("damaged")
    }

    /// The refs of remotes that this clone does not accept, each with the reason.
    pub fn refused(&self) -> PathBuf {
        self.0.join("refused")
    }

    /// The commits whose trees git would accept; see [`super::sound`].
    pub fn sound_trees(&self) -> PathBuf {
        self.0.join("sound-trees")
    }

    /// The lock for exchanging refs with a remote.
    pub fn sync_lock(&self) -> PathBuf {
        self.0.join("locks/sync")
    }

    /// The lock of the journal: held for a moment to begin an operation, and throughout to remove agents or to restore them.
    pub fn operations_lock(&self) -> PathBuf {
        self.0.join("locks/operations")
    }

    /// The state of the clock by which the trash ages; see [`super::trash_clock`].
    pub fn trash_clock(&self) -> PathBuf {
        self.0.join("trash-clock")
    }

    /// The files of the trash that could not be deleted.
    pub fn stuck_trash(&self) -> PathBuf {
        self.0.join("trash-stuck")
    }

    /// The lock for deleting from the trash.
    pub fn trash_lock(&self) -> PathBuf {
        self.0.join("locks/trash")
    }

    /// The lock for changing git's list of worktrees. It is held only for moments.
    pub fn worktrees_lock(&self) -> PathBuf {
        self.0.join("locks/worktrees")
    }

    /// A file that reserves space, so that the end of an agent can be recorded on a full disk.
    pub fn reserve(&self) -> PathBuf {
        self.0.join("reserve")
    }

    /// The log of supervisors, for messages that they cannot report elsewhere.
    pub fn supervisor_log(&self) -> PathBuf {
        self.0.join("diary")
    }

    /// Copies of the repository's configuration at some moment, each a git directory.
    pub fn frozen(&self) -> PathBuf {
        self.0.join("frozen")
    }

    /// The registrations of worktrees whose files are gone.
    pub fn gone(&self) -> PathBuf {
        self.0.join("gone")
    }

    /// The records that are needed to revert an unfinished move of a checkout, one directory each.
    pub fn moves(&self) -> PathBuf {
        self.0.join("moves")
    }

    /// The cached results of trial merges.
    pub fn trials(&self) -> PathBuf {
        self.0.join("trials")
    }

    /// The directories whose attributes may have influenced the cached trial merges.
    pub fn trial_folders(&self) -> PathBuf {
        self.0.join("trial-folders")
    }

    /// The cached changes of branches: which paths each changes.
    pub fn changes(&self) -> PathBuf {
        self.0.join("changes")
    }

    /// The cached sizes of branches: how much each changes.
    pub fn sizes(&self) -> PathBuf {
        self.0.join("sizes")
    }

    /// The directory of slot files, of which an agent needs one to run.
    pub fn slots(&self) -> PathBuf {
        self.0.join("slots")
    }

    /// The slot that an agent lends while it waits for other agents.
    pub fn lent_slot(&self, id: &AgentId) -> PathBuf {
        self.slots().join(format!("of-{id}"))
    }

    /// The directory with the files of commands that agents run and that wait for other agents.
    pub fn waiting(&self) -> PathBuf {
        self.0.join("waiting")
    }

    /// The directory with the tickets of waiting supervisors.
    pub fn queue(&self) -> PathBuf {
        self.0.join("queue")
    }

    /// The usage limits that were reached: while one holds, no agent that it applies to is started.
    pub fn limits(&self) -> PathBuf {
        self.0.join("limits")
    }

    /// The directory of one agent, which exists while the agent has not ended.
    pub fn agent(&self, id: &AgentId) -> AgentDir {
        AgentDir::new(self.agents_dir().join(id.as_str()))
    }

    /// The directory that holds the directories of agents.
    pub fn agents_dir(&self) -> PathBuf {
        self.0.join("agents")
    }

    /// Returns the ids of all agents that have a directory, sorted.
    pub fn agents(&self) -> Vec<AgentId> {
        let Ok(entries) = std::fs::read_dir(self.agents_dir()) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut ids: Vec<AgentId> = names.filter_map(|name| AgentId::parse(&name).ok()).collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Oid;

    #[test]
    fn events_come_after_the_work_that_they_name() {
        let names = [
            "refs/orchestra/agents/a-00000",
            "refs/orchestra/heads/a-00000",
            "refs/heads/orchestra/a-00000",
            "refs/orchestra/runs/5t2k",
            "refs/orchestra/notes/reviews",
        ];
        let mut edits = names.map(|name| RefEdit { name: name.to_owned(), old: None, new: Oid::EMPTY_TREE });
        put_events_last(&mut edits);
        let order = edits.map(|edit| names.iter().position(|name| *name == edit.name).unwrap());
        assert_eq!(order, [1, 2, 4, 0, 3]);
    }
}
