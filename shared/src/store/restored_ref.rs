//! The ref of an agent that runs while somebody deleted it: its supervisor writes it again within a second, from the newest tip that it
//! knows. Until then the agent is not gone, so a reader waits that long.

use std::time::{Duration, Instant};

use crate::{
    Result,
    backoff::Backoff,
    git::{Oid, Repo},
    lock::Lock,
    model::AgentId,
    store::layout::{self, PrivateDir},
};

/// The maximum time to wait: supervisors look at their refs every second.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// Returns the commit that the ref of an agent itself names ([`Repo::direct_ref`]). If there is no ref, waits for it as long as the lock
/// of the agent says that it runs.
///
/// # Errors
/// The refs cannot be read.
pub(super) fn direct_tip(repo: &Repo, id: &AgentId) -> Result<Option<Oid>> {
    let name = layout::agent_ref(id);
    let find = || repo.direct_ref(&name);
    let found = find()?;
    // One that is damaged or leads to another ref is there, and nobody writes it again.
    if found.is_some() || !matches!(repo.find_ref(&name), Ok(None)) {
        return Ok(found);
    }
    let lock = PrivateDir::new(repo.private_dir()?).agent(id).lock();
    wait_while(|| Ok(Lock::is_held(&lock) && find()?.is_none()))?;
    find()
}

/// Waits until every agent without a ref that runs has its ref again. `is_known` says of which the ref was read. Returns whether there
/// was an agent without.
///
/// # Errors
/// The refs cannot be read.
pub(super) fn await_all(repo: &Repo, is_known: impl Fn(&AgentId) -> bool) -> Result<bool> {
    let private = PrivateDir::new(repo.private_dir()?);
    let without: Vec<AgentId> = private.agents().into_iter().filter(|id| !is_known(id)).collect();
    let runs = |id: &AgentId| Lock::is_held(&private.agent(id).lock());
    let mut open: Vec<AgentId> = without.into_iter().filter(runs).collect();
    let had_none = open.is_empty();
    wait_while(|| {
        let mut still = Vec::new();
        for id in std::mem::take(&mut open) {
            if runs(&id) && repo.find_ref(&layout::agent_ref(&id))?.is_none() {
                still.push(id);
            }
        }
        open = still;
        Ok(!open.is_empty())
    })?;
    Ok(!had_none)
}

fn wait_while(mut is_open: impl FnMut() -> Result<bool>) -> Result<()> {
    let (begun, mut backoff) = (Instant::now(), Backoff::millis(5, 100));
    while is_open()? && begun.elapsed() < MAX_WAIT {
        backoff.sleep();
    }
    Ok(())
}
