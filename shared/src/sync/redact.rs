//! Removes a secret from an agent's events, as long as no remote has it, by rewriting the commits from there on.

mod archived;
mod rewrite;

use self::rewrite::{clean_notes, rewrite, tracked};
use crate::{
    Code, Error, Result,
    config::keys::NOT_SECRET,
    git::{Oid, Repo, refs::RefEdit},
    lock::Lock,
    model::{AgentId, Event, Fact},
    store::{
        Chain, commit,
        layout::{self, PrivateDir},
    },
    sync::ref_snapshot::RefSnapshot,
    world::SecretVariables,
};

/// How long to wait while another process writes to the agent.
const LOCK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// Removes what looks like a secret from the event whose id begins with `typed`; for an archived agent, that may also be the id of
/// an object of its work. Returns the agent.
///
/// # Errors
/// There is no such event, nothing in it looks like a secret, a remote has it, or the agent is running (3).
pub fn redact(repo: &Repo, typed: &str) -> Result<AgentId> {
    let private = PrivateDir::new(repo.private_dir()?);
    if let Some(id) = archived::redact(repo, typed)? {
        return Ok(id);
    }
    let (id, holder, event) = find(repo, typed)?;
    let _lock = Lock::require(&private.append_lock(&id), LOCK_TIMEOUT)?;
    if private.agent(&id).dir().is_dir() {
        return Err(Error::new(Code::AgentRunning, format!("agent '{id}' is running"))
            .hint(format!("git orchestra stop {id}")));
    }
    for (remote, tip) in published(repo, &id)? {
        if Chain::holds(repo, tip, holder)? {
            return Err(Error::new(
                Code::AlreadyPublished,
                format!("{remote} already has event {}: it cannot be revoked", event.id.short()),
            )
            .hint("revoke the secret where it was issued")
            .hint(format!("then, to send the rest: {}", NOT_SECRET.hint("EVENT"))));
        }
    }
    let name = layout::agent_ref(&id);
    let tip =
        repo.find_ref(&name)?.ok_or_else(|| Error::new(Code::AgentUnknown, format!("no agent '{id}'")))?;
    let values = SecretVariables::of(repo.environment()).values();
    let new = rewrite(repo, &id, tip, holder, &values)?;
    if new == tip {
        return Err(Error::new(
            Code::NothingToRedact,
            format!("nothing in event {} looks like a secret", event.id.short()),
        ));
    }
    repo.edit_refs(&[RefEdit { name, old: Some(tip), new }], "orchestra: redact")?;
    clean_notes(repo, &values)?;
    Ok(id)
}

/// Finds the event whose id begins with `typed`. Returns its agent, its commit and the event.
fn find(repo: &Repo, typed: &str) -> Result<(AgentId, Oid, Event)> {
    let mut found = Vec::new();
    for (id, tip) in RefSnapshot::ours(repo)?.agents {
        for holder in Chain::read(repo, &[tip])?.commits {
            let events = commit::parse::<Fact>(&repo.read_commit(holder)?.message).events;
            let matching =
                events.into_iter().filter(|event| typed.len() >= 4 && event.id.hex().starts_with(typed));
            found.extend(matching.map(|event| (id.clone(), holder, event)));
        }
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

/// Returns the tips that remotes had of an agent at the last fetch.
fn published(repo: &Repo, id: &AgentId) -> Result<Vec<(String, Oid)>> {
    tracked(repo, &format!("/agents/{id}"))
}
