//! Nothing that looks like a secret is sent: what a push would bring that the remote does not have yet is read before.

mod work;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    Error, Result,
    git::{Git, Oid, Repo, command, objects::Sort, remotes::Push},
    model::{Event, secret},
    store::commit,
    sync::side::Side,
    world,
};

/// Where the user says that something is none.
const NONE: &str = "orchestra.notSecret";
/// Shortest value of the environment that is looked for.
const SHORTEST: usize = 8;
/// Largest blob that is read.
const LARGEST: u64 = 256 * 1024 * 1024;

/// What was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The ref that would have sent it.
    pub name: String,
    /// The event, by the beginning of its id, or the object.
    pub event: String,
    /// It stands in a commit of the work.
    pub in_work: bool,
    /// What it looks like.
    pub what: String,
}

/// Nothing was sent, and what to do about it.
pub fn refusal(found: &Found) -> Error {
    let Found { name, event, what, in_work } = found;
    let place = if *in_work { "commit" } else { "event" };
    let error =
        Error::refused(format!("{place} {event} of '{name}' holds what looks like {what}; nothing was sent"));
    let error = if *in_work {
        error
            .hint("in the agent's worktree, git commit --amend or git rebase takes it out")
            .hint("then git orchestra collect AGENT takes the work again")
    } else {
        error.hint(format!("git orchestra sync --redact {event} takes it out"))
    };
    error.hint(format!("git config --add orchestra.notSecret {event} says that it is none"))
}

/// Values of the environment that are secrets by their names.
pub struct Environment(Vec<(String, String)>);

impl Environment {
    /// That of this process.
    pub fn read() -> Self {
        let secret = |name: &str| {
            let parts = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"];
            parts.iter().any(|part| name.to_ascii_uppercase().contains(part))
        };
        let telling = |value: &str| {
            value.len() >= SHORTEST
                && !value.contains('/')
                && value.bytes().any(|byte| !byte.is_ascii_digit())
        };
        Self(world::variables().into_iter().filter(|(name, value)| secret(name) && telling(value)).collect())
    }

    fn look(&self, text: &str) -> Option<String> {
        let named = self.0.iter().find(|(_, value)| text.contains(value.as_str()));
        let named = named.map(|(name, _)| format!("the value of ${name}"));
        named.or_else(|| secret::look(text).map(str::to_owned))
    }

    /// The values.
    pub fn values(&self) -> Vec<String> {
        self.0.iter().map(|(_, value)| value.clone()).collect()
    }
}

/// Looks at everything that the pushes bring and the remote does not have: events, tasks, notes, and of the work what agents
/// added. What stands on branches of the user is the user's affair.
///
/// # Errors
/// What we would send cannot be read.
pub fn look(repo: &Repo, sends: &[Push], theirs: &Side) -> Result<Option<Found>> {
    let known = repo.config_all(NONE);
    let environment = Environment::read();
    let is_known = |event: &str| known.iter().any(|one| !one.is_empty() && event.starts_with(one.as_str()));
    let (lives, others): (Vec<&Push>, Vec<&Push>) =
        sends.iter().filter(|push| push.new.is_some()).partition(|push| is_life(&push.name));
    let (work, notes): (Vec<&Push>, Vec<&Push>) = others
        .into_iter()
        .partition(|push| push.name.contains("/heads/") || push.name.contains("/snapshots/"));
    let found = match in_lives(repo, &lives, theirs, &environment, &is_known)? {
        None => work::look(repo, &work, theirs, &environment, &is_known)?,
        found => found,
    };
    if found.is_some() {
        return Ok(found);
    }
    for push in notes {
        let topic = push.name.rsplit('/').next().unwrap_or_default();
        let before = theirs.notes.get(topic).map(|tip| blobs(repo, *tip)).transpose()?.unwrap_or_default();
        let tip = push.new.unwrap_or(Oid::EMPTY_TREE);
        for blob in blobs(repo, tip)?.difference(&before) {
            let text = read(repo, *blob);
            if let Some(what) = environment.look(&text).filter(|_| !is_known(&blob.to_string())) {
                return Ok(Some(Found {
                    name: push.name.clone(),
                    event: blob.short(),
                    in_work: false,
                    what,
                }));
            }
        }
    }
    Ok(None)
}

fn is_life(name: &str) -> bool {
    name.contains("/agents/") || name.contains("/archive/")
}

fn in_lives(
    repo: &Repo,
    lives: &[&Push],
    theirs: &Side,
    environment: &Environment,
    is_known: &dyn Fn(&str) -> bool,
) -> Result<Option<Found>> {
    if lives.is_empty() {
        return Ok(None);
    }
    let mut orders: String = lives.iter().filter_map(|push| push.new).map(|new| format!("{new}\n")).collect();
    let there = theirs.agents.values().chain(theirs.archives.values()).chain(theirs.heads.values());
    orders.extend(there.filter(|tip| repo.has_commit(**tip)).map(|tip| format!("^{tip}\n")));
    let git = Git::new(&repo.common_dir()?, "rev-list").arg("--stdin").input(orders.into_bytes());
    let listed = git.limit(command::LONG).line()?;
    for id in listed.lines().filter_map(Oid::parse) {
        let found = repo.read_commit(id)?;
        let ours = commit::parse(&found.message);
        if ours.events.is_empty() && !found.message.contains("\nOrchestra-") {
            continue;
        }
        let name = || {
            let push =
                lives.iter().find(|push| push.new.is_some_and(|new| repo.contains(new, id).unwrap_or(false)));
            push.map(|push| push.name.clone()).unwrap_or_default()
        };
        for event in &ours.events {
            let short = event.id.short();
            if let Some(what) = in_event(event, environment).filter(|_| !is_known(&short)) {
                return Ok(Some(Found { name: name(), event: short, in_work: false, what }));
            }
        }
        let attached = if found.tree == Oid::EMPTY_TREE { Vec::new() } else { repo.blobs_of(id)? };
        let made = ours.events.first().map(|event| event.id.short());
        for (_, blob) in attached {
            let event = made.clone().unwrap_or_else(|| id.short());
            if let Some(what) = environment.look(&read(repo, blob)).filter(|_| !is_known(&event)) {
                return Ok(Some(Found { name: name(), event, in_work: false, what }));
            }
        }
    }
    Ok(None)
}

/// In JSON, a text is spelled otherwise than it is meant.
fn in_event(event: &Event, environment: &Environment) -> Option<String> {
    let value: Value = serde_json::from_str(&event.line).ok()?;
    in_value(&value, environment)
}

fn in_value(value: &Value, environment: &Environment) -> Option<String> {
    match value {
        Value::String(text) => environment.look(text),
        Value::Array(all) => all.iter().find_map(|one| in_value(one, environment)),
        Value::Object(all) => all.values().find_map(|one| in_value(one, environment)),
        _ => None,
    }
}

fn read(repo: &Repo, blob: Oid) -> String {
    let fits = repo.blob_size(blob).is_some_and(|size| size <= LARGEST);
    let bytes = if fits { repo.read_blob(blob).unwrap_or_default() } else { Vec::new() };
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The notes in a tree of notes.
fn blobs(repo: &Repo, tip: Oid) -> Result<BTreeSet<Oid>> {
    let (mut all, mut open) = (BTreeSet::new(), vec![repo.tree_of(tip)?]);
    while let Some(tree) = open.pop() {
        for entry in repo.entries_of(tree)? {
            match entry.sort {
                Sort::Folder => open.push(entry.id),
                _ => drop(all.insert(entry.id)),
            }
        }
    }
    Ok(all)
}
