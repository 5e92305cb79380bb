//! Repairs what a killed process left incomplete. Called by the next command that changes something.

use std::time::Duration;

use crate::{
    Code, Error, Kind, Result,
    context::Context,
    git::{
        Repo,
        registration_checks::DoubtfulRegistration,
        worktrees::{Worktree, WorktreePlace},
    },
    lock::Lock,
    model::{AgentId, Fact, Phase},
    store::{
        AgentLog, Chain,
        layout::{self, PrivateDir},
        operations,
    },
    supervise::{processes, relink, stored_output},
    worktree::incomplete,
};

/// How long to wait for other processes of ours that register worktrees.
const LOCK_TIMEOUT: Duration = Duration::from_secs(120);

/// Whether the caller holds the lock on operations, which is needed to move files to the trash.
#[derive(Clone, Copy, Debug)]
pub enum OperationsLock<'a> {
    /// The caller holds it.
    Held(&'a Lock),
    /// It is taken if needed.
    NotHeld,
}

/// Removes incomplete worktrees of agents whose supervisor died, and private folders of agents that ended or were never created.
/// An agent's work, branch, log and events are never changed; what may be work in an incomplete worktree is moved to the trash.
/// Returns notices for the user.
///
/// # Errors
/// The repository cannot be read, or the user interrupts the wait for a lock.
pub fn repair(context: &Context, repo: &Repo, lock: OperationsLock<'_>) -> Result<Vec<String>> {
    let private = begin(repo)?;
    let doubtful = repo.doubtful_registrations()?;
    if doubtful.iter().any(|one| one.is_nameless) {
        let registering = Lock::require(&private.worktrees_lock(), context.at_most(LOCK_TIMEOUT))?;
        incomplete::remove_nameless_registrations(repo, &registering)?;
    }
    let mut notices = relink::repair_doubtful(repo, &doubtful)?;
    let mut ids = private.agents();
    // A supervisor that was killed between two of its last steps may leave a worktree but no private folder.
    ids.extend(with_incomplete_worktree(repo, &doubtful)?);
    ids.sort_unstable();
    ids.dedup();
    notices.extend(repair_each(repo, &private, &ids, lock));
    Ok(notices)
}

/// Like [`repair`], but only for the agents that have a private folder, which are those that run and those whose supervisor died: no
/// other registration of a worktree is read.
///
/// # Errors
/// The repository cannot be read.
pub fn repair_agents(repo: &Repo, lock: OperationsLock<'_>) -> Result<Vec<String>> {
    let private = begin(repo)?;
    Ok(repair_each(repo, &private, &private.agents(), lock))
}

/// Repairs what is common to all agents.
fn begin(repo: &Repo) -> Result<PrivateDir> {
    repo.repair_locks();
    // The age of trash is counted in days on which this repository is used.
    let _ = operations::advance_trash_clock(repo);
    Ok(PrivateDir::new(repo.private_dir()?))
}

/// Repairs agents one by one. Returns notices for the user.
fn repair_each(repo: &Repo, private: &PrivateDir, ids: &[AgentId], lock: OperationsLock<'_>) -> Vec<String> {
    let mut notices = Vec::new();
    for id in ids {
        match repair_agent(repo, private, id, lock) {
            Ok(notice) => notices.extend(notice),
            // A landing may hold the lock on operations for a while: the next command tries again.
            Err(error) if error.kind() == Kind::Conflict => {}
            // An agent that cannot be repaired does not stop the repair of the others.
            Err(error) => notices.push(error.one_line()),
        }
    }
    notices
}

/// Returns the agents with incomplete worktrees.
fn with_incomplete_worktree(repo: &Repo, doubtful: &[DoubtfulRegistration]) -> Result<Vec<AgentId>> {
    let mut ids = Vec::new();
    for locked in doubtful.iter().filter(|one| one.is_locked) {
        let worktree = repo.worktree_named(&locked.name)?.filter(Worktree::is_incomplete);
        let folder = worktree.as_ref().and_then(|worktree| worktree.path.file_name()?.to_str());
        ids.extend(folder.and_then(|name| AgentId::parse(name).ok()));
    }
    Ok(ids)
}

fn repair_agent(
    repo: &Repo,
    private: &PrivateDir,
    id: &AgentId,
    lock: OperationsLock<'_>,
) -> Result<Option<String>> {
    let dir = private.agent(id);
    // The process that creates or supervises the agent holds its lock.
    let Some(_lock) = Lock::take(&dir.lock(), Duration::ZERO)? else { return Ok(None) };
    if processes::supervisor_of(private, id).is_some() {
        // Its lock was removed, but its supervisor lives.
        return Ok(None);
    }
    let ended = match repo.find_ref(&layout::agent_ref(id))? {
        None => true,
        Some(tip) => AgentLog::read(repo, id, tip)?.fold.agent.phase.is_at_rest(),
    };
    // Output that could not be stored at the end, on a full disk, is stored now.
    if ended && stored_output::store_output(repo, id, &dir).is_ok() {
        let _ = std::fs::remove_dir_all(dir.dir());
    }
    // A helper may have outlived its supervisor; `stop` ends it.
    if !processes::leftovers_of(repo, private, id).is_empty() {
        return Ok(None);
    }
    remove_incomplete(repo, id, lock)
}

/// Removes the incomplete worktree of an agent, if there is one; what may be work is moved to the trash. The caller holds the
/// agent's lock, and no process of the agent is alive. Returns a notice for the user.
///
/// # Errors
/// The worktree cannot be removed, or another command of ours holds the lock on operations (4).
pub fn remove_incomplete(repo: &Repo, id: &AgentId, lock: OperationsLock<'_>) -> Result<Option<String>> {
    let Some(worktree) = incomplete_worktree(repo, id)? else { return Ok(None) };
    let tip = repo.find_ref(&layout::agent_ref(id))?;
    let has_run = match tip {
        Some(tip) => {
            Chain::read(repo, &[tip])?.events.iter().filter_map(|event| event.fact.as_ref()).any(says_running)
        }
        None => false,
    };
    if !incomplete::is_interrupted(&worktree, has_run) {
        return incomplete::remove_mark(&worktree).map(|()| None);
    }
    let Some(why) = incomplete::remove_worktree(repo, &worktree)? else { return Ok(None) };
    if tip.is_none() {
        // Without an agent, nothing could restore it from the trash.
        let (shown, hint) = (worktree.path.display(), "git worktree list");
        return Ok(Some(format!(
            "'{shown}' is incomplete and belongs to no agent; not removed: {why} ({hint})"
        )));
    }
    let _taken = match lock {
        OperationsLock::Held(_) => None,
        OperationsLock::NotHeld => Some(operations::lock(repo)?),
    };
    incomplete::move_to_trash(repo, id, &worktree, &why).map(Some)
}

/// Returns the incomplete worktree in the folder that has the agent's name.
fn incomplete_worktree(repo: &Repo, id: &AgentId) -> Result<Option<Worktree>> {
    let is_wanted = |worktree: &Worktree| {
        worktree.path.file_name().is_some_and(|name| name == id.as_str())
            && worktree.is_incomplete()
            && worktree.place != WorktreePlace::Foreign
    };
    if let Some(own) = repo.worktree_named(id.as_str())?.filter(is_wanted) {
        return Ok(Some(own));
    }
    // Git may have registered it under another name. Each is marked by a lock.
    if !repo.has_locked_worktree()? {
        return Ok(None);
    }
    Ok(repo.worktrees()?.into_iter().find(is_wanted))
}

/// Returns whether a fact says that the agent's program was started.
fn says_running(fact: &Fact) -> bool {
    match fact {
        Fact::Phase(step) => matches!(step.phase, Phase::Running | Phase::Waiting),
        _ => false,
    }
}

/// Fails if the worktree of an agent is incomplete: missing files would count as deleted by the agent.
///
/// # Errors
/// The worktree is incomplete (4).
pub fn refuse_incomplete(worktree: &Worktree) -> Result<()> {
    if !worktree.is_incomplete() || worktree.place == WorktreePlace::Foreign {
        return Ok(());
    }
    let shown = worktree.path.display();
    Err(Error::new(Code::LockHeld, format!("worktree '{shown}' is incomplete")).hint("try again"))
}
