//! Tracks what a remote had and has lost. It is kept here. Because somebody may have deleted it there on purpose, it is sent again
//! only if the user asks for it.

use std::collections::BTreeMap;

use crate::{
    Result,
    git::{Oid, Repo, refs::RefEdit},
    model::{AgentId, LogId},
    store::{Chain, layout},
    sync::{
        archives::{self, ArchivedTips},
        ref_snapshot::RefSnapshot,
    },
};

/// The missing refs: name below the common prefix, and last known object.
pub type Missing = BTreeMap<String, Oid>;

/// Compares what the remote has with what it had at the previous fetch, and records what is missing. With `restore`, everything is
/// to be sent again, so nothing counts as missing.
///
/// # Errors
/// Local refs cannot be read or written.
pub fn update(
    repo: &Repo,
    remote: &str,
    before: &RefSnapshot,
    theirs: &RefSnapshot,
    restore: bool,
) -> Result<Missing> {
    let prefix = layout::missing(remote);
    let known: Missing = repo
        .refs_below(&prefix)?
        .into_iter()
        .map(|(name, old)| (name[prefix.len()..].to_owned(), old))
        .collect();
    let lost = lost_refs(repo, before, theirs);
    if known.is_empty() && lost.is_empty() {
        return Ok(known);
    }
    let archived = archives::read(repo, theirs);
    let is_gone = |name: &str, old: Oid| {
        !restore && !is_there(repo, theirs, name, old) && !is_archived(repo, &archived, name, old)
    };
    let (still, back): (Missing, Missing) = known.into_iter().partition(|(name, old)| is_gone(name, *old));
    let new: Missing =
        lost.into_iter().filter(|(name, old)| !still.contains_key(name) && is_gone(name, *old)).collect();
    let full = |name: &String| format!("{prefix}{name}");
    repo.delete_refs(&back.iter().map(|(name, old)| (full(name), *old)).collect::<Vec<_>>())?;
    let edits: Vec<RefEdit> =
        new.iter().map(|(name, old)| RefEdit { name: full(name), old: None, new: *old }).collect();
    repo.edit_refs(&edits, "orchestra: missing at a remote")?;
    Ok(still.into_iter().chain(new).collect())
}

/// Returns what the remote had and does not have now, or has in an older state.
fn lost_refs(repo: &Repo, before: &RefSnapshot, theirs: &RefSnapshot) -> Missing {
    let agents = before.agents.iter().map(|(id, old)| (format!("agents/{id}"), *old));
    let archives = before.archives.iter().map(|(writer, old)| (format!("archive/{writer}"), *old));
    let notes = before.notes.iter().map(|(topic, old)| (format!("notes/{topic}"), *old));
    let logs = before.logs.iter().map(|(log, old)| (log.to_string(), *old));
    // A damaged tracking ref does not prove that the remote had the object.
    let was = |old: &Oid| repo.has_object(*old) || repo.is_partial();
    let all = agents.chain(logs).chain(archives).chain(notes);
    all.filter(|(name, old)| !is_there(repo, theirs, name, *old) && was(old)).collect()
}

fn is_there(repo: &Repo, theirs: &RefSnapshot, name: &str, old: Oid) -> bool {
    let now = match name.split_once('/') {
        Some(("agents", id)) => AgentId::parse(id).ok().and_then(|id| theirs.agents.get(&id).copied()),
        Some(("archive", writer)) => theirs.archives.get(writer).copied(),
        Some(("notes", topic)) => return theirs.notes.contains_key(topic),
        _ => LogId::parse(name).and_then(|log| theirs.logs.get(&log).copied()),
    };
    let grew = |now| match name.starts_with("archive/") {
        true => repo.contains(now, old),
        false => Chain::holds(repo, now, old),
    };
    now.is_some_and(|now| now == old || grew(now).unwrap_or(false))
}

fn is_archived(repo: &Repo, archived: &ArchivedTips, name: &str, old: Oid) -> bool {
    let id = name.strip_prefix("agents/").and_then(|id| AgentId::parse(id).ok());
    id.is_some_and(|id| archives::contain(repo, archived, &id, old).unwrap_or(false))
}
