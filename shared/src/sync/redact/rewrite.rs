//! Rewrites event commits and notes without what looks like a secret.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    Error, Result,
    git::{Oid, Repo, objects::Commit, refs::RefEdit},
    model::{AgentId, Event, Fact, canonical, fold, secret, trailers},
    store::{Chain, commit, layout},
    sync::{notes, ref_snapshot::RefSnapshot},
};

/// Returns the tracking refs whose names end with `ending`: each remote with the object.
pub(super) fn tracked(repo: &Repo, ending: &str) -> Result<Vec<(String, Oid)>> {
    let below = layout::tracking_all();
    let refs = repo.refs_below(below)?.into_iter();
    Ok(refs
        .filter_map(|(name, tip)| Some((name.strip_prefix(below)?.strip_suffix(ending)?.to_owned(), tip)))
        .collect())
}

/// Rewrites one commit, and all commits after it because their parents change. Returns the new tip.
pub(super) fn rewrite(repo: &Repo, id: &AgentId, tip: Oid, changed: Oid, values: &[String]) -> Result<Oid> {
    let mut new: HashMap<Oid, Oid> = HashMap::new();
    let mut open = vec![tip];
    while let Some(at) = open.last().copied() {
        let mut found = repo.read_commit(at)?;
        let missing: Vec<Oid> =
            found.parents.iter().filter(|parent| !new.contains_key(parent)).copied().collect();
        if !missing.is_empty() {
            open.extend(missing);
            continue;
        }
        open.pop();
        let parents: Vec<Oid> = found.parents.iter().map(|parent| new[parent]).collect();
        let moved = parents != found.parents;
        found.parents = parents;
        let written = match (at == changed, moved) {
            (false, false) => at,
            (false, true) => rewrite_commit(repo, id, found, None)?,
            (true, _) => rewrite_commit(repo, id, found, Some(values))?,
        };
        new.insert(at, written);
    }
    Ok(new[&tip])
}

/// Writes a commit again with its new parents and the state that results from its events.
fn rewrite_commit(repo: &Repo, id: &AgentId, mut found: Commit, values: Option<&[String]>) -> Result<Oid> {
    let mut events = commit::parse::<Fact>(&found.message).events;
    if events.is_empty() {
        found.parents.sort_unstable();
        return repo.write_commit(&found);
    }
    if let Some(values) = values {
        events = events.iter().map(|event| clean(event, values)).collect::<Option<_>>().ok_or_else(|| {
            Error::internal(format!("cannot rewrite an event of '{id}' without its secret"))
        })?;
        found.tree = clean_tree(repo, found.tree, values)?;
    }
    let before = Chain::read(repo, &found.parents)?;
    let state = (!found.parents.is_empty()).then(|| before.fold().agent);
    let after = fold::fold(before.events.iter().chain(&events)).agent;
    let by = trailers::paragraph(&found.message)
        .and_then(trailers::vouching_writer)
        .unwrap_or_default()
        .to_owned();
    found.message = commit::message(id, state.as_ref(), &events, &after, &by);
    repo.write_commit(&found)
}

fn clean(event: &Event, values: &[String]) -> Option<Event> {
    let mut value: Value = serde_json::from_str(&event.line).ok()?;
    clean_value(&mut value, values);
    Event::read(&canonical::write(&value)?)
}

fn clean_value(value: &mut Value, values: &[String]) {
    match value {
        Value::String(text) => *text = secret::redact(text, values),
        Value::Array(all) => all.iter_mut().for_each(|one| clean_value(one, values)),
        Value::Object(all) => all.values_mut().for_each(|one| clean_value(one, values)),
        _ => {}
    }
}

fn clean_tree(repo: &Repo, tree: Oid, values: &[String]) -> Result<Oid> {
    let mut entries = repo.entries_of(tree)?;
    for entry in &mut entries {
        let text = String::from_utf8_lossy(&repo.read_blob(entry.id)?).into_owned();
        let without = secret::redact(&text, values);
        if without != text {
            entry.id = repo.write_blob(without.as_bytes())?;
        }
    }
    repo.write_entries(entries)
}

/// Removes secrets from the notes, which repeat texts of events.
pub(super) fn clean_notes(repo: &Repo, values: &[String]) -> Result<()> {
    for (topic, tip) in RefSnapshot::ours(repo)?.notes {
        let new = notes::rewrite(repo, tip, &|text| secret::redact(text, values))?;
        if new != tip {
            repo.edit_refs(
                &[RefEdit { name: layout::notes_ref(&topic), old: Some(tip), new }],
                "orchestra: redact",
            )?;
        }
    }
    Ok(())
}
