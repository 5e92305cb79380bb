//! The names of orchestra's refs and private files. No other module spells one.

mod landing;
mod private_dir;

pub use self::{
    landing::{MAX_SCRATCHES, SCRATCH, is_scratch, removed_scratch_name, scratch_name},
    private_dir::PrivateDir,
};
pub use super::agent_dir::{
    AgentDir, SPEC, check_name, errors_name, is_output_name, output_name, sent_name, times_name,
};
pub use crate::git::ref_names::{BRANCHES, REMOTE_BRANCHES, TAGS};
use crate::{
    git::refs::RefEdit,
    model::{AgentId, LogId, Subject, SubjectId},
};

/// The prefix of the refs that hold agents' events, one ref per agent.
pub const AGENTS: &str = "refs/orchestra/agents/";

/// The refs of the event logs of runs.
pub const RUNS: &str = "refs/orchestra/runs/";
/// The prefix of the logs of specs.
pub const SPECS: &str = "refs/orchestra/specs/";

/// Returns the private folder of the runs that were begun in this clone.
pub fn runs_dir(private: &PrivateDir) -> std::path::PathBuf {
    private.dir().join("runs")
}

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

/// Returns where what the check after one attempt printed is stored when the agent has ended, as `git show` takes it.
pub fn output_of_check(id: &AgentId, attempt: u32) -> String {
    format!("{}:{}", log_ref(id), check_name(attempt))
}

/// The prefix of the refs with what changed outside the worktrees of agents while they ran, one ref per agent. They are never
/// sent, because they name files of the user.
pub const SURROUNDINGS: &str = "refs/orchestra-local/surroundings/";

/// Returns the ref with what changed outside the worktree of one agent while it ran.
pub fn surroundings_ref(id: &AgentId) -> String {
    format!("{SURROUNDINGS}{id}")
}

/// The ref of a blob with the results of the checks that this clone ran. It is never sent.
pub const CHECKS: &str = "refs/orchestra-local/checks";

/// The prefix of agents' branches if a branch with the name of the configured prefix makes that prefix impossible.
pub const OTHER_PREFIX: &str = "orchestra-agents/";

/// Returns the ref with the newest snapshot of an agent's worktree, untracked files included. It is sent only on request.
pub fn snapshot_ref(id: &AgentId) -> String {
    format!("refs/orchestra-local/snapshots/{id}")
}

/// Returns the ref with the points to which an agent can be rewound. It is never sent.
pub fn points_ref(id: &AgentId) -> String {
    format!("refs/orchestra-local/points/{id}")
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

/// Returns the prefix of the refs that keep what an agent in a sandbox committed or staged with its own git. They are never sent.
pub fn sandbox_refs(id: &AgentId) -> String {
    format!("refs/orchestra-local/sandboxes/{id}/")
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

/// The ref with verdicts on pull requests, as notes on the commits that were their heads.
pub const PULL_REQUESTS: &str = "refs/orchestra/notes/pull-requests";

/// Returns the private ref with the head of a pull request as it was fetched; `remote` is the name of a remote as a component of a ref.
pub fn pull_request_ref(remote: &str, number: u64) -> String {
    format!("refs/orchestra-local/pr/{remote}/{number}")
}

/// Returns the private ref with the branch that a pull request should be merged into, as it was fetched.
pub fn pull_request_base_ref(remote: &str, number: u64) -> String {
    format!("refs/orchestra-local/pr-base/{remote}/{number}")
}

/// Returns the private ref of a blob with the verdicts that this clone gave on a pull request. It is never sent.
pub fn pull_request_verdicts_ref(remote: &str, number: u64) -> String {
    format!("refs/orchestra-local/pr-verdicts/{remote}/{number}")
}

/// The ref with the notes that plain `git log` shows, in this clone alone.
pub const LOG_NOTES: &str = "refs/orchestra-local/notes/log";

/// The pattern for all shared notes, for `notes.displayRef`.
pub const NOTES: &str = "refs/orchestra/notes/*";

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
