//! Rewrites event commits and notes without what looks like a secret.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    Error, Result,
    git::{Oid, Repo, objects::Commit, refs::RefEdit},
    model::{
        canonical,
        event::Event,
        facts::EventFact,
        secret,
        subject::{FactOf, Folded as _, Subject as _, SubjectId},
        trailers,
    },
    store::{chain::Chain, commit, layout},
    sync::{notes, ref_snapshot::RefSnapshot},
};

/// The shortest beginning of an event's id that a person may name.
pub(super) const MIN_EVENT_ID: usize = 4;

/// Returns the tracking refs whose names end with `ending`: each remote with the object.
pub(super) fn tracked(repo: &Repo, ending: &str) -> Result<Vec<(String, Oid)>> {
    let below = layout::tracking_all();
    let refs = repo.refs_below(below)?.into_iter();
    Ok(refs
        .filter_map(|(name, tip)| Some((name.strip_prefix(below)?.strip_suffix(ending)?.to_owned(), tip)))
        .collect())
}

/// Rewrites the log of one subject.
pub(super) struct Rewriter<'a, I> {
    repo: &'a Repo,
    id: &'a I,
    /// The values of secret variables.
    values: &'a [String],
    /// The new ids of rewritten events by the old ones, both whole and shortened: other events name them in either way.
    renamed: HashMap<String, String>,
}

impl<'a, I: SubjectId> Rewriter<'a, I> {
    pub(super) fn new(repo: &'a Repo, id: &'a I, values: &'a [String]) -> Self {
        Self { repo, id, values, renamed: HashMap::new() }
    }

    /// Rewrites one commit without what looks like a secret, and all commits after it because their parents change. Returns the new
    /// tip.
    pub(super) fn rewrite(mut self, tip: Oid, changed: Oid) -> Result<Oid> {
        let mut new: HashMap<Oid, Oid> = HashMap::new();
        let mut open = vec![tip];
        while let Some(at) = open.last().copied() {
            let mut found = self.repo.read_commit(at)?;
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
            let written =
                if at == changed || moved { self.rewrite_commit(found, at == changed)? } else { at };
            new.insert(at, written);
        }
        Ok(new[&tip])
    }

    /// Writes a commit again with its new parents and the state that results from its events; if `cleans`, without secrets.
    fn rewrite_commit(&mut self, mut found: Commit, cleans: bool) -> Result<Oid> {
        let mut events = commit::parse::<FactOf<I>>(&found.message).events;
        if events.is_empty() {
            found.parents.sort_unstable();
            return self.repo.write_commit(&found);
        }
        for event in &mut events {
            let new = self.clean(event, cleans).ok_or_else(|| {
                Error::internal(format!("cannot rewrite an event of '{}' without its secret", self.id))
            })?;
            if new.id != event.id {
                self.renamed.insert(event.id.short(), new.id.short());
                self.renamed.insert(event.id.hex(), new.id.hex());
            }
            *event = new;
        }
        if cleans {
            found.tree = self.clean_tree(found.tree)?;
        }
        let before = Chain::<I::Subject>::read(self.repo, &found.parents)?;
        let state = (!found.parents.is_empty()).then(|| before.fold().into_state());
        let after = I::Subject::fold(before.events.iter().chain(&events)).into_state();
        let by = trailers::paragraph(&found.message)
            .and_then(trailers::vouching_writer)
            .unwrap_or_default()
            .to_owned();
        found.message = commit::message(self.id, state.as_ref(), &events, &after, &by);
        self.repo.write_commit(&found)
    }

    /// Returns an event that names others by their new ids; if `cleans`, without secrets.
    fn clean(&self, event: &Event<FactOf<I>>, cleans: bool) -> Option<Event<FactOf<I>>> {
        let mut value: Value = serde_json::from_str(&event.line).ok()?;
        let words = event.fact.as_ref().map(EventFact::words).unwrap_or_default();
        for_texts(&mut value, &mut |text| {
            if let Some(new) = self.renamed.get(text.as_str()) {
                new.clone_into(text);
            } else if cleans && words.contains(&text.as_str()) {
                *text = secret::redact_words(text, self.values);
            } else if cleans {
                *text = secret::redact(text, self.values);
            }
        });
        Event::read(&canonical::write(&value)?)
    }

    fn clean_tree(&self, tree: Oid) -> Result<Oid> {
        let mut entries = self.repo.entries_of(tree)?;
        for entry in &mut entries {
            let text = String::from_utf8_lossy(&self.repo.read_blob(entry.id)?).into_owned();
            let is_words =
                <FactOf<I> as EventFact>::LONG_TEXTS.iter().any(|name| name.as_bytes() == entry.name);
            let without = if is_words {
                secret::redact_words(&text, self.values)
            } else {
                secret::redact(&text, self.values)
            };
            if without != text {
                entry.id = self.repo.write_blob(without.as_bytes())?;
            }
        }
        self.repo.write_entries(entries)
    }
}

/// Changes every text in a JSON value.
fn for_texts(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(all) => all.iter_mut().for_each(|one| for_texts(one, change)),
        Value::Object(all) => all.values_mut().for_each(|one| for_texts(one, change)),
        _ => {}
    }
}

/// Removes secrets from the notes, which repeat texts of events.
pub(super) fn clean_notes(repo: &Repo, values: &[String]) -> Result<()> {
    for (topic, tip) in RefSnapshot::ours(repo)?.notes {
        let new = notes::rewrite(repo, tip, &|text| clean_note(text, values))?;
        if new != tip {
            repo.edit_refs(
                &[RefEdit { name: layout::notes_ref(&topic), old: Some(tip), new }],
                "orchestra: redact",
            )?;
        }
    }
    Ok(())
}

/// Removes secrets from a note: what a person wrote in it is the text of a verdict and its comments.
fn clean_note(note: &str, values: &[String]) -> String {
    let mut clean = String::with_capacity(note.len());
    for line in note.split_inclusive('\n') {
        let written = canonical::read(line.trim_end_matches('\n')).and_then(|mut value| {
            let mut changed = false;
            for name in ["text", "comments"] {
                let Some(part) = value.get_mut(name) else { continue };
                for_texts(part, &mut |text| {
                    let without = secret::redact_words(text, values);
                    changed |= without != *text;
                    *text = without;
                });
            }
            if changed { canonical::write(&value) } else { None }
        });
        match written {
            Some(written) => clean.extend([written.as_str(), "\n"]),
            None => clean.push_str(line),
        }
    }
    secret::redact(&clean, values)
}
