//! Removes a secret from the events of an agent, a run or a spec, as long as no remote has it, by rewriting the commits from there on.

mod archived;
mod rewrite;

use self::rewrite::{MIN_EVENT_ID, Rewriter, clean_notes, tracked};
use crate::{
    Code, Error, Result,
    config::keys::NOT_SECRET,
    git::{Oid, Repo, refs::RefEdit},
    lock::Lock,
    model::{LogId, SubjectId, logs::for_log, subject::FactOf},
    store::{
        chain::{self, Chain},
        commit,
        layout::{self, PrivateDir},
    },
    sync::ref_snapshot::RefSnapshot,
    world::SecretVariables,
};

/// How long to wait while another process writes to the log.
const LOCK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// The event that a person named.
struct Found {
    log: LogId,
    /// Its commit.
    holder: Oid,
    /// The beginning of its id.
    event: String,
}

/// Removes what looks like a secret from the event whose id begins with `typed`; for an archived agent, that may also be the id of
/// an object of its work. Returns the log.
///
/// # Errors
/// There is no such event, nothing in it looks like a secret, a remote has it, or the agent is running (3).
pub fn redact(repo: &Repo, typed: &str) -> Result<LogId> {
    if let Some(id) = archived::redact(repo, typed)? {
        return Ok(LogId::Agent(id));
    }
    let found = find(repo, typed)?;
    for_log!(&found.log, id => redact_in(repo, id, &found))?;
    Ok(found.log)
}

fn redact_in<I: SubjectId>(repo: &Repo, id: &I, found: &Found) -> Result<()> {
    let private = PrivateDir::new(repo.private_dir()?);
    let _lock = Lock::require_in_turn(&private.append_lock(id), LOCK_TIMEOUT)?;
    if let LogId::Agent(agent) = &found.log
        && private.agent(agent).dir().is_dir()
    {
        return Err(Error::new(Code::AgentRunning, format!("agent '{agent}' is running"))
            .hint(format!("git orchestra stop {agent}")));
    }
    let event = &found.event;
    for (remote, tip) in tracked(repo, &format!("/{}", found.log))? {
        if Chain::<I::Subject>::holds(repo, tip, found.holder)? {
            return Err(Error::new(
                Code::AlreadyPublished,
                format!("{remote} already has event {event}: it cannot be revoked"),
            )
            .hint("revoke the secret where it was issued")
            .hint(format!("then, to send the rest: {}", NOT_SECRET.hint("EVENT"))));
        }
    }
    let name = layout::subject_ref(id);
    let tip = repo.find_ref(&name)?.ok_or_else(|| chain::unknown(id))?;
    let values = SecretVariables::of(repo.environment()).values();
    let new = Rewriter::new(repo, id, &values).rewrite(tip, found.holder)?;
    if new == tip {
        return Err(Error::new(
            Code::NothingToRedact,
            format!("nothing in event {event} looks like a secret"),
        ));
    }
    repo.edit_refs(&[RefEdit { name, old: Some(tip), new }], "orchestra: redact")?;
    clean_notes(repo, &values)
}

/// Finds the event whose id begins with `typed`.
fn find(repo: &Repo, typed: &str) -> Result<Found> {
    let ours = RefSnapshot::ours(repo)?;
    let agents = ours.agents.into_iter().map(|(id, tip)| (LogId::Agent(id), tip));
    let mut found = Vec::new();
    for (log, tip) in agents.chain(ours.logs) {
        let held = for_log!(&log, id => holders(repo, id, tip, typed))?;
        found.extend(held.into_iter().map(|(holder, event)| Found { log: log.clone(), holder, event }));
    }
    match <[_; 1]>::try_from(found) {
        Ok([one]) => Ok(one),
        Err(found) => {
            let (n, shown) = (found.len(), crate::model::text::safe(typed));
            Err(Error::refused(format!("{n} events have an id that begins with '{shown}'"))
                .hint("the output of git orchestra sync names the event that is not sent"))
        }
    }
}

/// Returns the commits of a log with an event whose id begins with `typed`, and the beginning of that id.
fn holders<I: SubjectId>(repo: &Repo, _: &I, tip: Oid, typed: &str) -> Result<Vec<(Oid, String)>> {
    let mut found = Vec::new();
    if typed.len() < MIN_EVENT_ID {
        return Ok(found);
    }
    for holder in Chain::<I::Subject>::read(repo, &[tip])?.commits {
        let events = commit::parse::<FactOf<I>>(&repo.read_commit(holder)?.message).events;
        let named = events.into_iter().filter(|event| event.id.hex().starts_with(typed));
        found.extend(named.map(|event| (holder, event.id.short())));
    }
    Ok(found)
}
