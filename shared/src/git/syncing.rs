//! When written objects are synced to the disk: each at once, or many together. A disk syncs many files, requested by several
//! threads, hardly slower than one.

use std::{
    collections::BTreeSet,
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use crate::{Kind, Result, error::ErrorContext, git::Oid, parallel};

/// Maximum number of threads that sync objects.
const MAX_SYNCING: usize = 8;

/// When written objects are synced to the disk.
#[derive(Clone, Debug)]
pub(super) enum Syncing {
    /// Before the call that writes them returns.
    AtOnce,
    /// By `Repo::sync_objects`, or before the next edit of a ref; until then they are listed here.
    Together(Arc<Mutex<BTreeSet<Oid>>>),
    /// Never, because they stay in memory.
    Never,
}

/// Syncs loose objects below the folder `objects` and their folders, all in one round. Returns those that are not there.
///
/// # Errors
/// An object cannot be synced.
pub(super) fn sync_loose(objects: &Path, ids: impl IntoIterator<Item = Oid>) -> Result<Vec<Oid>> {
    let paths: Vec<(Oid, PathBuf)> = ids.into_iter().map(|id| (id, loose_path(objects, id))).collect();
    let folders: BTreeSet<&Path> = paths.iter().filter_map(|(_, path)| path.parent()).collect();
    let all: Vec<&Path> = paths.iter().map(|(_, path)| path.as_path()).chain(folders).collect();
    let sync_one = |(): &mut (), path: &&Path| {
        let name = path.file_name().unwrap_or_default().display();
        sync(path).context(Kind::External, || format!("cannot fsync '{name}' in the folder of objects"))
    };
    let is_there = parallel::try_map_with(&all, MAX_SYNCING, || Ok(()), sync_one)?;
    Ok(paths.iter().zip(is_there).filter(|(_, is_there)| !is_there).map(|((id, _), _)| *id).collect())
}

fn loose_path(objects: &Path, id: Oid) -> PathBuf {
    let hex = id.to_string();
    objects.join(&hex[..2]).join(&hex[2..])
}

/// Syncs a file or folder. Returns whether it exists.
fn sync(path: &Path) -> std::io::Result<bool> {
    match File::open(path).and_then(|file| file.sync_all()) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        other => other.map(|()| true),
    }
}
