//! The permissions of the files that an operation changed in a checkout. They are kept in the journal, for the undo: git records no
//! more of them than whether a file is executable.

use std::collections::BTreeMap;

use crate::{
    Error, Result,
    git::Repo,
    landing::finish::{self, FileModes},
    store::operations::{Change, Journal, Operation},
};

/// The file of an operation with the permissions, by branch.
const FILE: &str = "modes.json";

/// Keeps the permissions of the files that an operation is about to change; [`Journal::write`] makes that permanent. Returns whether
/// there is anything to keep.
///
/// # Errors
/// The files cannot be listed, or the journal cannot be written.
pub(super) fn keep(repo: &Repo, journal: &mut Journal, changes: &[Change]) -> Result<bool> {
    let mut all = BTreeMap::new();
    for change in changes {
        let modes = finish::read_modes(repo, &change.branch, change.old, change.new)?;
        if !modes.is_empty() {
            all.insert(change.branch.clone(), modes);
        }
    }
    if !all.is_empty() {
        let bytes = serde_json::to_vec(&all).map_err(|error| Error::internal(error.to_string()))?;
        journal.put(repo, FILE, &bytes)?;
    }
    Ok(!all.is_empty())
}

/// Gives the files that the undo of an operation made again the permissions that they had before the operation.
///
/// # Errors
/// The journal or the checkouts cannot be read.
pub(super) fn restore(repo: &Repo, operation: &Operation) -> Result<()> {
    let journal = Journal::open(repo, &operation.id)?;
    if !journal.file_names().any(|name| name == FILE) {
        return Ok(());
    }
    let all: BTreeMap<String, FileModes> = journal.get(repo, FILE)?;
    all.iter().try_for_each(|(branch, modes)| finish::restore_modes(repo, branch, modes))
}
