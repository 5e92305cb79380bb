//! The private record of what changed around an agent, over all its attempts.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::SurroundingsChange;
use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, objects::Commit, refs::RefEdit},
    model::AgentId,
    store::layout,
};

/// The name of the record's file in its tree.
const FILE: &str = "changes.json";
/// Maximum number of changes recorded for one agent.
const MAX_CHANGES: usize = 300;

#[derive(Default, Deserialize, Serialize)]
struct Record {
    version: u32,
    changes: Vec<SurroundingsChange>,
}

/// Adds changes to an agent's record. Writes nothing if all of them are known.
pub(super) fn add_changes(repo: &Repo, id: &AgentId, new: Vec<SurroundingsChange>) -> Result<()> {
    let name = layout::surroundings_ref(id);
    let old = repo.find_ref(&name)?;
    let mut changes = match old {
        Some(old) => load_changes(repo, old),
        None => Vec::new(),
    };
    let known = changes.len();
    for change in new {
        if changes.len() < MAX_CHANGES && !changes.iter().any(|known| known.what == change.what) {
            changes.push(change);
        }
    }
    if changes.len() == known {
        return Ok(());
    }
    let text = serde_json::to_vec(&Record { version: 1, changes })
        .context(Kind::Internal, || "cannot serialize the record of what changed".into())?;
    let tree = repo.write_tree(&[(FILE, repo.write_blob(&text)?)])?;
    let message = format!("surroundings of agent {id}\n");
    let (at, parents) = (repo.now().as_second(), old.into_iter().collect());
    let commit = repo.write_commit(&Commit::by(&repo.identity()?, at, tree, parents, message))?;
    Ok(repo.edit_refs(&[RefEdit { name, old, new: commit }], "orchestra: surroundings of an agent")?)
}

/// Returns what changed around one agent.
///
/// # Errors
/// The refs cannot be read.
pub fn changes_of_agent(repo: &Repo, id: &AgentId) -> Result<Vec<SurroundingsChange>> {
    Ok(repo
        .find_ref(&layout::surroundings_ref(id))?
        .map(|record| load_changes(repo, record))
        .unwrap_or_default())
}

/// Lists the records by the agents' ids; [`load_changes`] reads one.
///
/// # Errors
/// The refs cannot be read.
pub fn all_records(repo: &Repo) -> Result<HashMap<String, Oid>> {
    let records = repo.refs_below(layout::SURROUNDINGS)?;
    let id = |name: &str| name.strip_prefix(layout::SURROUNDINGS).map(str::to_owned);
    Ok(records.into_iter().filter_map(|(name, record)| Some((id(&name)?, record))).collect())
}

/// Reads the changes of a record. A record that cannot be read yields a warning that says so.
pub fn load_changes(repo: &Repo, record: Oid) -> Vec<SurroundingsChange> {
    let read = || -> Result<Record> {
        let text =
            repo.read_blob_of(record, FILE)?.ok_or_else(|| Error::new(Code::StateDamaged, "it is empty"))?;
        serde_json::from_slice(&text).context(Code::StateDamaged, || "it is malformed".into())
    };
    match read() {
        Ok(record) => record.changes,
        Err(error) => {
            let what = format!("cannot read the record of what changed: {}", error.one_line());
            vec![SurroundingsChange::warning(super::ChangeSubject::Unseen, &what)]
        }
    }
}
