//! Asking a supervisor to end its agent, and ending an agent whose supervisor is gone.

use std::time::Duration;

use rustix::process::Signal;

use crate::{
    Result,
    git::Repo,
    lock::Lock,
    model::{AgentId, Fact},
    store::{Chain, append, append_if, layout::Private},
    supervise::{
        ending::End,
        helper::{self, Job},
        mend,
        processes::{self, Processes},
        queue,
        spec::Spec,
    },
    worktree::take::Taken,
};

/// How long a supervisor that is just starting may hold its lock unseen.
const SETTLE: Duration = Duration::from_secs(1);

/// Writes the request down, where the agent has not ended, and wakes the supervisor. Gives whether it was written.
///
/// # Errors
/// There is no such agent, or nothing can be written.
pub fn ask_to_stop(repo: &Repo, id: &AgentId, reason: Option<&str>) -> Result<bool> {
    let asked = std::cell::Cell::new(false);
    append_if(repo, id, |fold| {
        let open = !fold.agent.phase.is_terminal();
        asked.set(open);
        open.then(|| vec![Fact::Stop { reason: reason.map(str::to_owned) }])
    })?;
    if asked.get()
        && let Some(record) = Processes::read(&Private::new(repo.private_dir()?).agent(id))
    {
        processes::signal(record.supervisor, Signal::USR1);
    }
    Ok(asked.get())
}

/// Ends an agent whose supervisor is gone: keeps its work, ends what still runs of it, takes the work, says so.
/// Gives `false` where a supervisor lives after all.
///
/// # Errors
/// A process cannot be killed, or nothing can be written.
pub fn end_lost(repo: &Repo, id: &AgentId, reason: Option<&str>) -> Result<bool> {
    let private = Private::new(repo.private_dir()?);
    let dir = private.agent(id);
    let Some(_lock) = Lock::take(&dir.lock(), SETTLE)? else { return Ok(false) };
    if Chain::of_agent(repo, id)?.fold().agent.phase.is_terminal() {
        // It ended between the look that found it lost and the lock.
        return Ok(false);
    }
    let spec = Spec::read(&dir);
    let common = repo.common_dir()?;
    helper::wait_for_an_orphan(&dir);
    if let Some(record) = Processes::read(&dir) {
        if !record.orphans(&private).is_empty() {
            // Ending may make an agent tidy its files away. Without a worktree there is nothing to keep.
            let _ = helper::work(&common, id, Job::Snapshot);
        }
        let grace = spec.as_ref().map_or(Duration::from_secs(5), Spec::grace);
        processes::end_all(|| record.orphans(&private), grace)?;
    }
    queue::leave(&private, id);
    mend::remove_half_made(repo, id)?;
    let attempt = Chain::of_agent(repo, id)?.fold().agent.attempt;
    let taken = match spec {
        Ok(spec) if attempt == 0 => Ok(Taken::nothing(&spec.base)),
        Ok(spec) => helper::take_work(repo, id, &dir, &spec),
        Err(error) => Err(error),
    };
    let end = End::Stopped(Some(reason.unwrap_or("its supervisor had died").to_owned()));
    let fact = end.fact(attempt, taken.as_ref());
    append(repo, id, &[Fact::Finished(fact)])?;
    if taken.is_ok() {
        let _ = std::fs::remove_dir_all(dir.dir());
    }
    Ok(true)
}
