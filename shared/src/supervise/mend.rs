//! What a kill left half-made, taken away by the next command that changes something.

use crate::{
    Result,
    git::Repo,
    lock::Lock,
    model::AgentId,
    store::{
        Chain,
        layout::{self, Private},
    },
    supervise::{helper, processes::Processes},
};

/// Takes away half-made worktrees of agents whose supervisor is gone, and the private folders of agents that
/// ended or never came to be. An agent's work, branch, log and life are never touched.
///
/// # Errors
/// The repository cannot be read.
pub fn mend(repo: &Repo) -> Result<()> {
    repo.mend_locks();
    let private = Private::new(repo.private_dir()?);
    for id in private.agents() {
        // What cannot be mended of one agent keeps nobody from the others; the next command tries again.
        let _ = agent(repo, &private, &id);
    }
    Ok(())
}

fn agent(repo: &Repo, private: &Private, id: &AgentId) -> Result<()> {
    let dir = private.agent(id);
    // Whoever makes or supervises the agent holds its lock.
    let Some(_lock) = Lock::take(&dir.lock(), std::time::Duration::ZERO)? else { return Ok(()) };
    let ended = match repo.find_ref(&layout::agent_ref(id))? {
        None => true,
        Some(tip) => Chain::read(repo, &[tip])?.fold().agent.phase.is_at_rest(),
    };
    // Output that could not be stored at the end, on a full disk, is stored now.
    if ended && helper::store_output(repo, id, &dir).is_ok() {
        let _ = std::fs::remove_dir_all(dir.dir());
    }
    // A helper may have outlived its supervisor, and go on; `stop` ends it.
    if Processes::read(&dir).is_none_or(|record| record.orphans(private).is_empty()) {
        remove_half_made(repo, id)?;
    }
    Ok(())
}

/// Takes away the half-made worktree of an agent, if there is one. To be called under the agent's lock, with no process of
/// it alive.
///
/// # Errors
/// It cannot be removed.
pub fn remove_half_made(repo: &Repo, id: &AgentId) -> Result<()> {
    for worktree in repo.worktrees()? {
        let named = worktree.path.file_name().is_some_and(|name| name == id.as_str());
        if named && worktree.is_half_made() {
            worktree.remove_half_made()?;
        }
    }
    Ok(())
}
