//! Removes a secret from the archive of this clone, as long as no remote has it, by rewriting the archive commits from there on. An
//! event is rewritten without the secret; work that contains it is removed from the archive and kept in this clone.

use std::collections::BTreeSet;

use super::rewrite::{MIN_EVENT_ID, Rewriter, tracked};
use crate::{
    Code, Error, Result,
    git::{Oid, Repo, raw::RawReader, refs::RefEdit},
    lock::Lock,
    model::{AgentId, Fact},
    store::{
        Chain,
        archive::{self, Archived},
        commit,
        layout::{self, PrivateDir},
        writer,
    },
    sync::{remote_tips::RemoteTips, secrets::outgoing_objects},
    world::SecretVariables,
};

/// How long to wait while another process of ours writes to the archive.
const LOCK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
/// The shortest beginning of an object's id.
const MIN_OBJECT_ID: usize = 7;

/// One archived agent, and what to change in it.
struct ArchiveEntry {
    commit: Oid,
    archived: Archived,
    /// The commit with the event that contains the secret.
    event: Option<Oid>,
    without_work: bool,
}

/// Removes the secret from an event, or removes the work with an object, whose id begins with `typed`. Returns the agent, or `None`
/// if there is no such event or object in the archive of this clone.
///
/// # Errors
/// A remote has it already (3), or the archive cannot be read or written.
pub(super) fn redact(repo: &Repo, typed: &str) -> Result<Option<AgentId>> {
    let Some(writer) = writer::known_writer(repo) else { return Ok(None) };
    let name = layout::archive_ref(&writer);
    let _lock = Lock::require(&PrivateDir::new(repo.private_dir()?).archive_lock(), LOCK_TIMEOUT)?;
    let Some(tip) = repo.find_ref(&name)? else { return Ok(None) };
    let mut entries = entries(repo, tip, typed)?;
    let Some(first) = entries.iter().position(|entry| entry.event.is_some() || entry.without_work) else {
        return Ok(None);
    };
    for (remote, there) in tracked(repo, &format!("/archive/{writer}"))? {
        if repo.has_commit(there) && repo.contains(there, entries[first].commit)? {
            let id = &entries[first].archived.id;
            return Err(Error::new(
                Code::AlreadyPublished,
                format!("{remote} already has the archived agent '{id}': it cannot be revoked"),
            )
            .hint("revoke the secret where it was issued"));
        }
    }
    let agent = entries[first].archived.id.clone();
    let mut previous = first.checked_sub(1).map(|before| entries[before].commit);
    let values = SecretVariables::of(repo.environment()).values();
    let mut kept = BTreeSet::new();
    for entry in &mut entries[first..] {
        if let Some(holder) = entry.event {
            entry.archived.tip =
                Rewriter::new(repo, &entry.archived.id, &values).rewrite(entry.archived.tip, holder)?;
        }
        if let Some(work) = entry.archived.work.filter(|_| entry.without_work) {
            kept.insert((layout::replaced_head_ref(&entry.archived.id, &work.to_string()), work));
            entry.archived.work = None;
        }
        let state = Chain::read(repo, &[entry.archived.tip])?.fold().agent;
        previous = Some(archive::rewrite(repo, entry.commit, previous, &entry.archived, &state)?);
    }
    let Some(new) = previous.filter(|new| *new != tip) else {
        return Err(Error::new(
            Code::NothingToRedact,
            format!("nothing of '{agent}' in the archive looks like a secret"),
        ));
    };
    let mut edits = vec![RefEdit { name, old: Some(tip), new }];
    for (name, work) in kept {
        if repo.find_ref(&name)?.is_none() {
            edits.push(RefEdit { name, old: None, new: work });
        }
    }
    repo.edit_refs(&edits, "orchestra: redact")?;
    super::rewrite::clean_notes(repo, &values)?;
    Ok(Some(agent))
}

/// Reads the archive, oldest agent first, and marks what to change.
fn entries(repo: &Repo, tip: Oid, typed: &str) -> Result<Vec<ArchiveEntry>> {
    let mut reader = RawReader::new(repo)?;
    let object = if typed.len() >= MIN_OBJECT_ID { reader.find(typed) } else { None };
    let mut entries = Vec::new();
    for (commit, archived) in archive::commits(repo, tip)?.into_iter().rev() {
        let event = if typed.len() >= MIN_EVENT_ID { holder(repo, archived.tip, typed)? } else { None };
        let without_work = match object.zip(archived.work).filter(|_| event.is_none()) {
            Some((object, work)) => {
                let outgoing = outgoing_objects::list(repo, &mut reader, &[work], &RemoteTips::default())?;
                outgoing.objects.iter().any(|(id, _)| *id == object)
            }
            None => false,
        };
        entries.push(ArchiveEntry { commit, archived, event, without_work });
    }
    Ok(entries)
}

/// Returns the commit of an event log with the event whose id begins with `typed`.
fn holder(repo: &Repo, tip: Oid, typed: &str) -> Result<Option<Oid>> {
    for commit in Chain::read(repo, &[tip])?.commits {
        let events = commit::parse::<Fact>(&repo.read_commit(commit)?.message).events;
        if events.iter().any(|event| event.id.hex().starts_with(typed)) {
            return Ok(Some(commit));
        }
    }
    Ok(None)
}
