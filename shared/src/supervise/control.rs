//! Sends requests to supervisors, and ends agents whose supervisor died.

use std::{fs, time::Duration};

use rustix::process::Signal;

pub use crate::model::fold::StopMode;
use crate::{
    Result,
    git::Repo,
    lock::Lock,
    model::{
        Agent, AgentId, Fact, Team,
        event::{Finished, Message},
    },
    store::{
        self, append, append_if,
        layout::{AgentDir, PrivateDir},
        writer,
    },
    supervise::{
        ending::{AttemptEnd, EndedAttempt},
        helper::{self, HelperTask},
        processes::{self, Processes},
        program_output, prompt, queue, repair,
        spec::Spec,
        stored_output, team,
    },
    trust::acceptance,
    worktree::capture::CapturedWork,
    world::Timestamp,
};

/// How long to wait for the agent's lock: another process may hold it briefly.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

impl StopMode {
    fn asked(self, reason: Option<&str>) -> Fact {
        let reason = reason.map(str::to_owned);
        match self {
            Self::Stop => Fact::Stop { reason },
            Self::Pause => Fact::Pause { reason },
        }
    }

    /// Returns the end of an agent that has no supervisor.
    fn end(self, reason: Option<&str>) -> AttemptEnd {
        match self {
            Self::Stop => AttemptEnd::Stopped(reason.map(str::to_owned)),
            Self::Pause => AttemptEnd::Paused(reason.map(str::to_owned)),
        }
    }

    /// Returns whether an agent is already stopped or paused as requested.
    pub fn is_reached(self, agent: &Agent) -> bool {
        match self {
            Self::Stop => agent.phase.is_terminal(),
            // An agent that waits for the end of a usage limit would resume by itself.
            Self::Pause => agent.phase.is_at_rest() && !agent.waits_at_rest(),
        }
    }
}

/// Requests a stop or pause unless the agent is stopped or paused already, and wakes its supervisor. Returns whether there was
/// anything to request.
///
/// # Errors
/// There is no such agent, or the event cannot be written.
pub fn request(repo: &Repo, id: &AgentId, mode: StopMode, reason: Option<&str>) -> Result<bool> {
    let asked = std::cell::Cell::new(false);
    let own = writer::known_writer(repo);
    let request = (mode, reason.map(str::to_owned));
    append_if(repo, id, |fold| {
        let open = !mode.is_reached(&fold.agent);
        asked.set(open);
        // Another clone receives the request with the next sync: repeating it changes nothing.
        let is_elsewhere = own.as_deref() != Some(fold.agent.writer.as_str());
        (open && !(is_elsewhere && is_covered(&request, fold.asked.as_ref())))
            .then(|| vec![mode.asked(reason)])
    })?;
    if asked.get() {
        wake(repo, id)?;
    }
    Ok(asked.get())
}

type StopRequest = (StopMode, Option<String>);

/// Returns whether an earlier request is the same, or is a stop where a pause is requested.
fn is_covered(request: &StopRequest, before: Option<&StopRequest>) -> bool {
    before
        .is_some_and(|before| before == request || before.0 == StopMode::Stop && request.0 == StopMode::Pause)
}

/// Appends the message that `compose` returns for the current state of an agent, if any, and wakes its supervisor. Returns the
/// agent.
///
/// # Errors
/// As [`request`].
pub fn send(repo: &Repo, id: &AgentId, compose: impl Fn(&Agent) -> Option<Message>) -> Result<Agent> {
    let fold = append_if(repo, id, |fold| Some(vec![Fact::Send(compose(&fold.agent)?)]))?;
    wake(repo, id)?;
    Ok(fold.agent)
}

/// Wakes the supervisor of an agent, if it has one.
///
/// # Errors
/// The private folder is unknown.
pub fn wake(repo: &Repo, id: &AgentId) -> Result<()> {
    let private = PrivateDir::new(repo.private_dir()?);
    let recorded = Processes::read(&private.agent(id)).map(|record| record.supervisor);
    if let Some(supervisor) = recorded.or_else(|| processes::supervisor_of(&private, id)) {
        processes::signal(supervisor, Signal::USR1);
    }
    Ok(())
}

/// Ends an agent whose supervisor died: saves its worktree, ends its processes, captures its work, and records the end.
/// Returns `false` if the agent has a live supervisor or has ended already. `take_back` takes back what a role changed that does not write.
///
/// # Errors
/// A process cannot be killed, or something cannot be written.
pub fn end_lost(
    repo: &Repo,
    id: &AgentId,
    mode: StopMode,
    reason: Option<&str>,
    take_back: impl Fn(&Repo, &AgentId) -> Result<()>,
) -> Result<bool> {
    let private = PrivateDir::new(repo.private_dir()?);
    let dir = private.agent(id);
    let Some(_lock) = Lock::take(&dir.lock(), LOCK_TIMEOUT)? else { return Ok(false) };
    if processes::supervisor_of(&private, id).is_some() {
        // Its lock was removed, but the supervisor lives and ends the agent itself.
        return Ok(false);
    }
    let before = store::agent(repo, id)?;
    if mode.is_reached(&before) {
        // It ended before the lock was taken.
        return Ok(false);
    }
    let summary = program_output::summary(&dir);
    let was_paused = before.phase.is_at_rest();
    // What still runs has run until now.
    let still_runs = !processes::leftovers_of(repo, &private, id).is_empty();
    let last_seen = last_seen(&dir).filter(|_| !still_runs);
    let notice = reap_lost_agent(repo, id, &private, &dir)?;
    let _ = acceptance::agent_ended(repo.environment(), &repo.common_dir()?, id);
    let spec = Spec::last(repo, id, &dir);
    let repo = &repo.with_identity(spec.as_ref().and_then(|spec| spec.identity.as_ref()));
    let captured = match spec {
        _ if before.attempt == 0 => {
            stored_output::store_output(repo, id, &dir).map(|()| CapturedWork::nothing(before.base.clone()))
        }
        Some(spec) => {
            // The helper reads the spec from the agent's folder.
            spec.write(&dir)?;
            let captured = helper::capture_work(repo, id, &dir, &spec);
            match (captured, before.team.as_ref().and_then(Team::reader)) {
                (Ok(work), Some((role, begun))) if team::is_changed(&work, begun) => {
                    match take_back(repo, id) {
                        Ok(()) => helper::capture_work(repo, id, &dir, &spec)
                            .map(|left| team::without_changes(left, role, &work)),
                        Err(error) => Ok(team::with_changes_left(&before, role, begun, &error.one_line())),
                    }
                }
                (captured, _) => captured,
            }
        }
        // What a designer left in a worktree is captured like that of a person.
        None if before.designer => Ok(CapturedWork::nothing(before.base.clone())),
        None => Err(crate::Error::refused("this clone has no record of how it was started")),
    };
    let died = match &notice {
        Some(notice) => format!("its supervisor died; {notice}"),
        None => "its supervisor died".to_owned(),
    };
    let reason = reason.or_else(|| (!was_paused).then_some(died.as_str()));
    // The end records what the attempt used; no other event does.
    let ended = EndedAttempt { summary, ..EndedAttempt::from(mode.end(reason)) };
    let ran_seconds = last_seen
        .zip(before.started_at)
        .and_then(|(seen, started)| u64::try_from(seen.as_second().saturating_sub(started.as_second())).ok());
    let end = Finished { ran_seconds, ..ended.fact(before.attempt, captured.as_ref()) };
    append(repo, id, &[Fact::Finished(end)])?;
    if captured.is_ok_and(|captured| captured.unsaved.is_none()) {
        let _ = std::fs::remove_dir_all(dir.dir());
    }
    Ok(true)
}

/// Returns when an agent whose supervisor died was last seen at work: when a file in its folder was last written, such as its output.
/// It may have died hours ago, and did not run since then.
fn last_seen(dir: &AgentDir) -> Option<Timestamp> {
    let files = fs::read_dir(dir.dir()).ok()?.flatten();
    let written = files.filter_map(|file| Timestamp::try_from(file.metadata().ok()?.modified().ok()?).ok());
    written.max()
}

/// Saves the worktree of an agent whose supervisor died, then ends its processes. The caller holds the agent's lock. Returns a
/// warning for the user.
///
/// # Errors
/// A process cannot be killed, or something cannot be written.
pub fn reap_lost_agent(
    repo: &Repo,
    id: &AgentId,
    private: &PrivateDir,
    dir: &AgentDir,
) -> Result<Option<String>> {
    helper::wait_for_orphaned_helper(dir);
    if !processes::leftovers_of(repo, private, id).is_empty() {
        // The snapshot comes first, because an agent may clean up its files when it is ended. Without a worktree it fails.
        let _ = helper::run_task(repo.environment(), &repo.common_dir()?, id, HelperTask::Snapshot);
        let grace = Spec::read(dir).map_or(Duration::from_secs(5), |spec| spec.limits.grace);
        processes::end_all(|| processes::leftovers_of(repo, private, id), grace)?;
    }
    if let Ok(spec) = Spec::read(dir) {
        prompt::remove(&spec.worktree, id);
    }
    queue::leave(private, id);
    repair::remove_incomplete(repo, id, repair::OperationsLock::NotHeld)
}
