//! Taking a secret out of an agent's life, as long as no remote has it: the commits from there on are written anew.

mod archived;

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    Code, Error, Result,
    git::{Oid, Repo, objects::Commit, refs::Edit},
    lock::Lock,
    model::{AgentId, Event, canonical, fold, secret, trailers},
    store::{
        Chain, commit,
        layout::{self, Private},
    },
    sync::{notes, secrets::Environment, side::Side},
};

/// How long another process may write to the agent.
const WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// Takes what looks like a secret out of the event whose id begins so; of an archived agent, the id of an object of its work
/// will do as well. Gives the agent.
///
/// # Errors
/// There is no such event, it looks like nothing, a remote has it, or the agent runs (3).
pub fn redact(repo: &Repo, typed: &str) -> Result<AgentId> {
    let private = Private::new(repo.private_dir()?);
    if let Some(id) = archived::redact(repo, typed)? {
        return Ok(id);
    }
    let (id, holder, event) = find(repo, typed)?;
    let _lock = Lock::require(&private.append_lock(&id), WAIT)?;
    if private.agent(&id).dir().is_dir() {
        return Err(Error::new(Code::AgentRunning, format!("agent '{id}' runs"))
            .hint(format!("git orchestra stop {id}")));
    }
    for (remote, tip) in published(repo, &id)? {
        if Chain::holds(repo, tip, holder)? {
            return Err(Error::new(
                Code::AlreadyPublished,
                format!("{remote} has event {} already: it cannot be called back", event.id.short()),
            )
            .hint("revoke the secret where it was given out")
            .hint("then 'git config --add orchestra.notSecret EVENT' lets the rest be sent"));
        }
    }
    let name = layout::agent_ref(&id);
    let tip =
        repo.find_ref(&name)?.ok_or_else(|| Error::new(Code::AgentUnknown, format!("no agent '{id}'")))?;
    let values = Environment::read().values();
    let new = rewrite(repo, &id, tip, holder, &values)?;
    if new == tip {
        return Err(Error::new(
            Code::NothingToRedact,
            format!("nothing in event {} looks like a secret", event.id.short()),
        ));
    }
    repo.edit_refs(&[Edit { name, old: Some(tip), new }], "orchestra: redact")?;
    clean_notes(repo, &values)?;
    Ok(id)
}

/// The agent and the commit with the event.
fn find(repo: &Repo, typed: &str) -> Result<(AgentId, Oid, Event)> {
    let mut found = Vec::new();
    for (id, tip) in Side::ours(repo)?.agents {
        for holder in Chain::read(repo, &[tip])?.commits {
            let events = commit::parse(&repo.read_commit(holder)?.message).events;
            let matching =
                events.into_iter().filter(|event| typed.len() >= 4 && event.id.hex().starts_with(typed));
            found.extend(matching.map(|event| (id.clone(), holder, event)));
        }
    }
    match <[_; 1]>::try_from(found) {
        Ok([one]) => Ok(one),
        Err(found) => {
            let (n, shown) = (found.len(), crate::model::text::safe(typed));
            Err(Error::refused(format!("{n} events begin with '{shown}'"))
                .hint("git orchestra sync names the event that it does not send"))
        }
    }
}

/// What remotes had of an agent at the last look.
fn published(repo: &Repo, id: &AgentId) -> Result<Vec<(String, Oid)>> {
    tracked(repo, &format!("/agents/{id}"))
}

/// What remotes had at the last look of refs whose names end so: each remote with the object.
fn tracked(repo: &Repo, ending: &str) -> Result<Vec<(String, Oid)>> {
    let below = layout::tracking_all();
    let refs = repo.refs_below(below)?.into_iter();
    Ok(refs
        .filter_map(|(name, tip)| Some((name.strip_prefix(below)?.strip_suffix(ending)?.to_owned(), tip)))
        .collect())
}

/// Every commit that comes after the one that is changed is another one then.
fn rewrite(repo: &Repo, id: &AgentId, tip: Oid, changed: Oid, values: &[String]) -> Result<Oid> {
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
            (false, true) => again(repo, id, found, None)?,
            (true, _) => again(repo, id, found, Some(values))?,
        };
        new.insert(at, written);
    }
    Ok(new[&tip])
}

/// The commit with its present parents, and the state that its events lead to.
fn again(repo: &Repo, id: &AgentId, mut found: Commit, values: Option<&[String]>) -> Result<Oid> {
    let mut events = commit::parse(&found.message).events;
    if events.is_empty() {
        found.parents.sort_unstable();
        return repo.write_commit(&found);
    }
    if let Some(values) = values {
        events = events.iter().map(|event| clean(event, values)).collect::<Option<_>>().ok_or_else(|| {
            Error::internal(format!("an event of '{id}' cannot be written without its secret"))
        })?;
        found.tree = clean_tree(repo, found.tree, values)?;
    }
    let before = Chain::read(repo, &found.parents)?;
    let state = (!found.parents.is_empty()).then(|| before.fold().agent);
    let after = fold::fold(before.events.iter().chain(&events)).agent;
    let by = trailers::paragraph(&found.message).and_then(trailers::by).unwrap_or_default().to_owned();
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
        Value::String(text) => *text = secret::without(text, values),
        Value::Array(all) => all.iter_mut().for_each(|one| clean_value(one, values)),
        Value::Object(all) => all.values_mut().for_each(|one| clean_value(one, values)),
        _ => {}
    }
}

fn clean_tree(repo: &Repo, tree: Oid, values: &[String]) -> Result<Oid> {
    let mut entries = repo.entries_of(tree)?;
    for entry in &mut entries {
        let text = String::from_utf8_lossy(&repo.read_blob(entry.id)?).into_owned();
        let without = secret::without(&text, values);
        if without != text {
            entry.id = repo.write_blob(without.as_bytes())?;
        }
    }
    repo.write_entries(entries)
}

/// Notes repeat what events say.
fn clean_notes(repo: &Repo, values: &[String]) -> Result<()> {
    for (topic, tip) in Side::ours(repo)?.notes {
        let new = notes::change(repo, tip, &|text| secret::without(text, values))?;
        if new != tip {
            repo.edit_refs(
                &[Edit { name: layout::notes_ref(&topic), old: Some(tip), new }],
                "orchestra: redact",
            )?;
        }
    }
    Ok(())
}
