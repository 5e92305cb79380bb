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
    /// By `Repo::sync_objects`; until then they are listed here.
    Together(Arc<Mutex<BTreeSet<Oid>>>),
    /// Never, because they stay in memory.
    Never,
}

/// Syncs loose objects below the folder `objects`, and then their folders. Returns those that are not there.
///
/// # Errors
/// An object cannot be synced.
pub(super) fn sync_loose(objects: &Path, ids: impl IntoIterator<Item = Oid>) -> Result<Vec<Oid>> {
    let paths: Vec<(Oid, PathBuf)> = ids.into_iter().map(|id| (id, loose_path(objects, id))).collect();
    let is_loose = parallel::try_map_with(
        &paths,
        MAX_SYNCING,
        || Ok(()),
        |(), (id, path)| {
            let cannot = || format!("cannot fsync object {}", id.short());
            sync(path).context(Kind::External, cannot)
        },
    )?;
    let folders: BTreeSet<&Path> = paths.iter().filter_map(|(_, path)| path.parent()).collect();
    let folders: Vec<&Path> = folders.into_iter().collect();
    let cannot = || "cannot fsync the folders of objects".to_owned();
    let synced = parallel::try_map_with(&folders, MAX_SYNCING, || Ok(()), |(), folder| sync(folder));
    synced.context(Kind::External, cannot)?;
    Ok(paths.iter().zip(is_loose).filter(|(_, is_loose)| !is_loose).map(|((id, _), _)| *id).collect())
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
