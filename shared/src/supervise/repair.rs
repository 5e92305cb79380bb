//! What a kill left incomplete, repaired by the next command that changes something.

use std::time::Duration;

use crate::{
    Code, Error, Kind, Result,
    git::{Repo, worktrees::Worktree},
    lock::Lock,
    model::{AgentId, Fact, Phase},
    store::{
        Chain,
        layout::{self, PrivateDir},
        operations, trash_clock,
    },
    supervise::{processes, relink, stored_output},
    worktree::incomplete,
};

/// How long to wait for others of ours that register worktrees.
const WAIT: Duration = Duration::from_secs(120);

/// The lock on operations, for what moves to the trash.
#[derive(Clone, Copy, Debug)]
pub enum Operations<'a> {
    /// The caller holds it.
    Held(&'a Lock),
    /// It is taken where it is needed.
    Free,
}

/// Removes incomplete worktrees of agents whose supervisor is gone, and the private folders of agents that ended or never came to
/// be. An agent's work, branch, log and life are never touched; what may be work in an incomplete worktree goes to the trash. Gives
/// what the user should know.
///
/// # Errors
/// The repository cannot be read.
pub fn repair(repo: &Repo, lock: Operations<'_>) -> Result<Vec<String>> {
    repo.repair_locks();
    // The trash ages by the days on which somebody works here.
    let _ = trash_clock::advance(repo, trash_clock::ClockReading::of(repo.environment().clock()));
    let private = PrivateDir::new(repo.private_dir()?);
    if !repo.nameless_registrations()?.is_empty() {
        let registering = Lock::require(&private.worktrees_lock(), WAIT)?;
        incomplete::remove_nameless(repo, &registering)?;
    }
    let mut notices = relink::repair(repo)?;
    let mut ids = private.agents();
    // Killed between two steps of its end, an agent may leave a worktree and no folder here.
    ids.extend(with_incomplete_worktree(repo)?);
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        match agent(repo, &private, &id, lock) {
            Ok(notice) => notices.extend(notice),
            // A landing may hold the lock on operations for long: the next command tries again.
            Err(error) if error.kind() == Kind::Conflict => {}
            // What cannot be repaired of one agent keeps nobody from the others.
            Err(error) => notices.push(error.one_line()),
        }
    }
    Ok(notices)
}

/// The agents whose worktrees were not finished.
fn with_incomplete_worktree(repo: &Repo) -> Result<Vec<AgentId>> {
    if !repo.has_locked_worktree()? {
        return Ok(Vec::new());
    }
    let half_made = repo.worktrees()?.into_iter().filter(Worktree::is_incomplete);
    Ok(half_made.filter_map(|one| AgentId::parse(one.path.file_name()?.to_str()?).ok()).collect())
}

fn agent(repo: &Repo, private: &PrivateDir, id: &AgentId, lock: Operations<'_>) -> Result<Option<String>> {
    let dir = private.agent(id);
    // Whoever makes or supervises the agent holds its lock.
    let Some(_lock) = Lock::take(&dir.lock(), Duration::ZERO)? else { return Ok(None) };
    if processes::supervisor_of(private, id).is_some() {
        // Somebody removed its lock.
        return Ok(None);
    }
    let ended = match repo.find_ref(&layout::agent_ref(id))? {
        None => true,
        Some(tip) => Chain::read(repo, &[tip])?.fold().agent.phase.is_at_rest(),
    };
    // Output that could not be stored at the end, on a full disk, is stored now.
    if ended && stored_output::store_output(repo, id, &dir).is_ok() {
        let _ = std::fs::remove_dir_all(dir.dir());
    }
    // A helper may have outlived its supervisor, and go on; `stop` ends it.
    if !processes::left_of(repo, private, id).is_empty() {
        return Ok(None);
    }
    remove_incomplete(repo, id, lock)
}

/// Removes the incomplete worktree of an agent, if there is one; what may be work goes to the trash. To be called under the agent's
/// lock, with no process of it alive. Gives what the user should know.
///
/// # Errors
/// It cannot be removed, or another command of ours holds the lock on operations (4).
pub fn remove_incomplete(repo: &Repo, id: &AgentId, lock: Operations<'_>) -> Result<Option<String>> {
    let named = |worktree: &Worktree| worktree.path.file_name().is_some_and(|name| name == id.as_str());
    let Some(worktree) = repo.worktrees()?.into_iter().find(|one| named(one) && one.is_incomplete()) else {
        return Ok(None);
    };
    let tip = repo.find_ref(&layout::agent_ref(id))?;
    let has_run = match tip {
        Some(tip) => {
            Chain::read(repo, &[tip])?.events.iter().filter_map(|event| event.fact.as_ref()).any(is_run)
        }
        None => false,
    };
    if !incomplete::is_cut_off(&worktree, has_run) {
        return incomplete::unlock(&worktree).map(|()| None);
    }
    let Some(why) = incomplete::remove(repo, &worktree)? else { return Ok(None) };
    if tip.is_none() {
        // There is no agent to which it could come back.
        let (shown, hint) = (worktree.path.display(), "git worktree list");
        return Ok(Some(format!(
            "'{shown}' belongs to no agent and was not finished, and stays: {why} ({hint})"
        )));
    }
    let _taken = match lock {
        Operations::Held(_) => None,
        Operations::Free => Some(operations::lock(repo)?),
    };
    incomplete::move_to_trash(repo, id, &worktree, &why).map(Some)
}

/// Whether a fact says that the agent's program was started.
fn is_run(fact: &Fact) -> bool {
    match fact {
        Fact::Phase(step) => matches!(step.phase, Phase::Running | Phase::Waiting),
        _ => false,
    }
}

/// Refuses where the worktree of an agent is incomplete: what is missing in it would be taken for deleted.
///
/// # Errors
/// It is (4).
pub fn refuse_incomplete(worktree: &Worktree) -> Result<()> {
    if !worktree.is_incomplete() {
        return Ok(());
    }
    let shown = worktree.path.display();
    Err(Error::new(Code::LockHeld, format!("worktree '{shown}' is not finished")).hint("try again"))
}
