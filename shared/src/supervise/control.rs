//! Asking a supervisor for something, and ending an agent whose supervisor is gone.

use std::time::Duration;

use rustix::process::Signal;

pub use crate::model::fold::StopMode;
use crate::{
    Result,
    git::Repo,
    lock::Lock,
    model::{Agent, AgentId, Fact, event::Message},
    store::{
        Chain, append, append_if,
        layout::{AgentDir, PrivateDir},
        writer,
    },
    supervise::{
        ending::{AttemptEnd, EndedAttempt},
        helper::{self, Job},
        listen,
        processes::{self, Processes},
        prompt, queue, repair,
        spec::Spec,
        stored_output,
    },
    trust::acceptance,
    worktree::capture::CapturedWork,
};

/// How long a supervisor that is just starting may hold its lock unseen.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

impl StopMode {
    fn asked(self, reason: Option<&str>) -> Fact {
        let reason = reason.map(str::to_owned);
        match self {
            Self::Stop => Fact::Stop { reason },
            Self::Pause => Fact::Pause { reason },
        }
    }

    /// The end of an agent that has no supervisor to ask.
    fn end(self, reason: Option<&str>) -> AttemptEnd {
        match self {
            Self::Stop => AttemptEnd::Stopped(reason.map(str::to_owned)),
            Self::Pause => AttemptEnd::Paused(reason.map(str::to_owned)),
        }
    }

    /// Whether an agent is where this leads, or beyond.
    pub fn is_reached(self, agent: &Agent) -> bool {
        match self {
            Self::Stop => agent.phase.is_terminal(),
            // One that waits for the end of a usage limit would resume by itself.
            Self::Pause => agent.phase.is_at_rest() && !agent.waits_for_limit(),
        }
    }
}

/// Writes the request down, where the agent is not there already, and wakes the supervisor. Gives whether it was written.
///
/// # Errors
/// There is no such agent, or nothing can be written.
pub fn ask(repo: &Repo, id: &AgentId, rest: StopMode, reason: Option<&str>) -> Result<bool> {
    let asked = std::cell::Cell::new(false);
    let own = writer::known_writer(repo);
    let request = (rest, reason.map(str::to_owned));
    append_if(repo, id, |fold| {
        let open = !rest.is_reached(&fold.agent);
        asked.set(open);
        // Another clone hears of it when the events travel: to say it again makes it no quicker.
        let is_elsewhere = own.as_deref() != Some(fold.agent.writer.as_str());
        (open && !(is_elsewhere && is_covered(&request, fold.asked.as_ref())))
            .then(|| vec![rest.asked(reason)])
    })?;
    if asked.get() {
        wake(repo, id)?;
    }
    Ok(asked.get())
}

type Request = (StopMode, Option<String>);

/// Whether what was asked before leads at least as far, for no other reason.
fn is_covered(request: &Request, before: Option<&Request>) -> bool {
    before
        .is_some_and(|before| before == request || before.0 == StopMode::Stop && request.0 == StopMode::Pause)
}

/// Writes down the message that `compose` makes for the agent as it is, if it makes one, and wakes the supervisor. Gives the agent as it is.
///
/// # Errors
/// As [`ask`].
pub fn send(repo: &Repo, id: &AgentId, compose: impl Fn(&Agent) -> Option<Message>) -> Result<Agent> {
    let fold = append_if(repo, id, |fold| Some(vec![Fact::Send(compose(&fold.agent)?)]))?;
    wake(repo, id)?;
    Ok(fold.agent)
}

fn wake(repo: &Repo, id: &AgentId) -> Result<()> {
    let private = PrivateDir::new(repo.private_dir()?);
    let recorded = Processes::read(&private.agent(id)).map(|record| record.supervisor);
    if let Some(supervisor) = recorded.or_else(|| processes::supervisor_of(&private, id)) {
        processes::signal(supervisor, Signal::USR1);
    }
    Ok(())
}

/// Ends an agent whose supervisor is gone: keeps its work, ends what still runs of it, takes the work, says so.
/// Gives `false` where a supervisor lives after all.
///
/// # Errors
/// A process cannot be killed, or nothing can be written.
pub fn end_lost(repo: &Repo, id: &AgentId, rest: StopMode, reason: Option<&str>) -> Result<bool> {
    let private = PrivateDir::new(repo.private_dir()?);
    let dir = private.agent(id);
    let Some(_lock) = Lock::take(&dir.lock(), LOCK_TIMEOUT)? else { return Ok(false) };
    if processes::supervisor_of(&private, id).is_some() {
        // Somebody removed its lock; it ends the agent itself.
        return Ok(false);
    }
    let before = Chain::of_agent(repo, id)?.fold().agent;
    if rest.is_reached(&before) {
        // It ended between the look that found it lost and the lock.
        return Ok(false);
    }
    let summary = listen::summary(&dir);
    let was_paused = before.phase.is_at_rest();
    let notice = reap_lost_agent(repo, id, &private, &dir)?;
    let _ = acceptance::end(repo.environment(), &repo.common_dir()?, id);
    let spec = Spec::last(repo, id, &dir);
    let repo = &repo.acting_as(spec.as_ref().and_then(|spec| spec.identity.as_ref()));
    let taken = match spec {
        _ if before.attempt == 0 => {
            stored_output::store_output(repo, id, &dir).map(|()| CapturedWork::nothing(before.base.clone()))
        }
        Some(spec) => {
            // A helper reads the order where a supervisor has it.
            spec.write(&dir)?;
            helper::take_work(repo, id, &dir, &spec)
        }
        None => Err(crate::Error::refused("this clone does not know how it was started")),
    };
    let died = match &notice {
        Some(notice) => format!("its supervisor had died; {notice}"),
        None => "its supervisor had died".to_owned(),
    };
    let reason = reason.or_else(|| (!was_paused).then_some(died.as_str()));
    // What it used is told by the end, and nobody else tells it.
    let ended = EndedAttempt { summary, ..EndedAttempt::from(rest.end(reason)) };
    append(repo, id, &[Fact::Finished(ended.fact(before.attempt, taken.as_ref()))])?;
    if taken.is_ok_and(|taken| taken.unsaved.is_none()) {
        let _ = std::fs::remove_dir_all(dir.dir());
    }
    Ok(true)
}

/// Ends what still runs of an agent whose supervisor is gone, its worktree kept before. To be called under the agent's lock. Gives
/// what the user should know.
///
/// # Errors
/// A process cannot be killed, or nothing can be written.
pub fn reap_lost_agent(
    repo: &Repo,
    id: &AgentId,
    private: &PrivateDir,
    dir: &AgentDir,
) -> Result<Option<String>> {
    helper::wait_for_an_orphan(dir);
    if !processes::left_of(repo, private, id).is_empty() {
        // Ending may make an agent tidy its files away. Without a worktree there is nothing to keep.
        let _ = helper::work(repo.environment(), &repo.common_dir()?, id, Job::Snapshot);
        let grace = Spec::read(dir).map_or(Duration::from_secs(5), |spec| spec.limits.grace);
        processes::end_all(|| processes::left_of(repo, private, id), grace)?;
    }
    if let Ok(spec) = Spec::read(dir) {
        prompt::remove(&spec.worktree, id);
    }
    queue::leave(private, id);
    repair::remove_incomplete(repo, id, repair::Operations::Free)
}
