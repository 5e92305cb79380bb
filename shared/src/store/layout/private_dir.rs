//! The names of private files.

use std::path::{Path, PathBuf};

use crate::{model::AgentId, store::agent_dir::AgentDir};

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

    /// The cache of the newest event commits, for lists; see [`crate::store::cache`].
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// The list of agents or sessions that a terminal showed last; see `ops::shown_list`.
    pub fn shown_list(&self) -> PathBuf {
        self.0.join("shown-list.json")
    }

    /// The lock under which agents that agents start are counted and created; see `ops::caller`.
    pub fn children_lock(&self) -> PathBuf {
        self.0.join("children.lock")
    }

    /// The last known numbers of uncommitted changes, for lists; see `worktree::last_counts`.
    pub fn last_counts(&self) -> PathBuf {
        self.0.join("last-counts.json")
    }

    /// Returns the file with the kept fold of a log; see [`crate::store::FoldedLog`]. `kind` is the folder of the log's ref.
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

    /// The commits whose trees git would accept; see [`crate::store::sound`].
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

    /// The lock for approving one agent and rejecting others.
    pub fn pick_lock(&self) -> PathBuf {
        self.0.join("locks/pick")
    }

    /// What a person noted about the work of agents before the verdict, a file for each; see `ops::review::draft`.
    pub fn drafts(&self) -> PathBuf {
        self.0.join("drafts")
    }

    /// The lock for changing one of [`Self::drafts`].
    pub fn drafts_lock(&self) -> PathBuf {
        self.0.join("locks/drafts")
    }

    /// Where the server of `web` is, and which process it is.
    pub fn web(&self) -> PathBuf {
        self.0.join("web.json")
    }

    /// The lock that the server of `web` holds.
    pub fn web_lock(&self) -> PathBuf {
        self.0.join("locks/web")
    }

    /// The keys and values that `init --discover` set.
    pub fn discovered(&self) -> PathBuf {
        self.0.join("discovered.json")
    }

    /// The state of the clock by which the trash ages; see [`crate::store::trash_clock`].
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

    /// A folder of empty files that reserve inodes for the same.
    pub fn reserved_files(&self) -> PathBuf {
        self.0.join("reserved")
    }

    /// The agents that are held because the machine is short of something.
    pub fn held_agents(&self) -> PathBuf {
        self.0.join("held.json")
    }

    /// The lock of the supervisor that decides which agents are held.
    pub fn held_agents_lock(&self) -> PathBuf {
        self.0.join("locks/held")
    }

    /// The agents that were started just now.
    pub fn starting_agents(&self) -> PathBuf {
        self.0.join("starting.json")
    }

    /// The lock of the supervisor that decides whether its agent starts.
    pub fn starting_agents_lock(&self) -> PathBuf {
        self.0.join("locks/starting")
    }

    /// Until when further notices of each agent wait.
    pub fn notices(&self) -> PathBuf {
        self.0.join("notices")
    }

    /// The lock of that file.
    pub fn notices_lock(&self) -> PathBuf {
        self.0.join("locks/notices")
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

    /// What is known of pairs of agents that work at the same time; see `landing::overlaps`.
    pub fn overlaps(&self) -> PathBuf {
        self.0.join("overlaps.json")
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

    /// The folder of an agent's sandbox: its private git directory, home folder and temporary files.
    pub fn sandbox(&self, id: &AgentId) -> PathBuf {
        self.0.join("sandboxes").join(id.as_str())
    }

    /// The usage limits that were reached: while one holds, no agent that it applies to is started.
    pub fn limits(&self) -> PathBuf {
        self.0.join("limits")
    }

    /// How often the caps on money and tokens of runs and of the day were raised.
    pub fn caps(&self) -> PathBuf {
        self.0.join("caps")
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
