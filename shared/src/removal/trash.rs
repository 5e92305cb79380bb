//! Folders that were moved away. Their files stay next to the old path until the disk is idle; what was stored of them stays in
//! the operation until it expires (`orchestra.undoExpire`).

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use crate::{
    Code, Result,
    error::ErrorContext,
    git::{Repo, careful},
    lock::Lock,
    private_files, process,
    store::{
        layout::{self, PrivateDir},
        operations::{self, Operation, Stage},
        trash_clock,
    },
    worktree::removed_folders::{self, LOCK_TIMEOUT, TRASH_DIR},
};

/// Starts a background process that deletes what was moved away, at the lowest priority.
///
/// # Errors
/// The process cannot be started.
pub fn delete_in_background(repo: &Repo) -> Result<()> {
    let program = "git-orchestra-cleanup";
    let mut command = process::background_command(repo.environment(), program);
    command
        .arg("--empty-trash")
        .current_dir(repo.common_dir()?)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    process::spawn(&mut command)
        .map(|_| ())
        .context(Code::ProgramFailed, || format!("cannot start '{program}'"))
}

/// Deletes the files that were moved away, at the lowest priority. Every byte worth keeping is in the operation.
///
/// # Errors
/// The operations cannot be read.
pub fn empty(repo: &Repo) -> Result<()> {
    let _ = rustix::process::nice(19);
    let private = PrivateDir::new(repo.private_dir()?);
    let Some(_emptying) = Lock::take(&private.trash_lock(), Duration::ZERO)? else { return Ok(()) };
    let mut emptied = BTreeSet::new();
    let folders = deletable_folders(repo)?;
    for folder in &folders {
        if removed_folders::delete_folder(folder) {
            emptied.extend(folder.parent().map(Path::to_owned));
        }
    }
    record_undeletable(&private, &folders);
    // The trash folder is removed when it is empty, the folder of worktrees with the last worktree.
    let _lock = Lock::require(&private.worktrees_lock(), LOCK_TIMEOUT)?;
    for trash in emptied.iter().filter(|folder| folder.ends_with(TRASH_DIR)) {
        let _ = fs::remove_dir(trash);
        let _ = trash.parent().map(fs::remove_dir);
    }
    Ok(())
}

/// Lists the folders in the trash that may be deleted: those of operations that are complete. While a cleanup is open, its
/// folders may hold what was written after they were stored; then they move back ([`super::recover`]).
fn deletable_folders(repo: &Repo) -> Result<Vec<PathBuf>> {
    let all = operations::all(repo)?;
    let mut folders = Vec::new();
    for operation in all.iter().filter(|one| one.stage != Stage::Open) {
        // An undo has its unfinished copies under its own id.
        let undone = all.iter().find(|one| operation.undoes() == Some(one.id.as_str()));
        for removal in operation.removals().iter().chain(undone.into_iter().flat_map(Operation::removals)) {
            folders.extend(
                removed_folders::folder_moves(repo, &operation.id, removal)?
                    .into_iter()
                    .map(|(_, folder)| folder),
            );
        }
    }
    Ok(folders)
}

/// Lists folders of earlier operations that could not be deleted, such as those with files of another user.
///
/// # Errors
/// The private folder cannot be found.
pub fn undeletable_folders(repo: &Repo) -> Result<Vec<PathBuf>> {
    let listed = careful::read(PrivateDir::new(repo.private_dir()?).stuck_trash()).unwrap_or_default();
    let folders = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    let mut folders: Vec<PathBuf> = folders.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
    folders.retain(|folder| fs::symlink_metadata(folder).is_ok());
    Ok(folders)
}

/// Records what could not be deleted, so that the next command warns about it. A failure to do so is ignored.
fn record_undeletable(private: &PrivateDir, folders: &[PathBuf]) {
    let remaining = folders.iter().filter(|folder| fs::symlink_metadata(folder).is_ok());
    let list: Vec<&[u8]> = remaining.map(|folder| folder.as_os_str().as_bytes()).collect();
    let _ = private_files::replace(&private.stuck_trash(), list.join(&0));
}

/// Deletes operations older than `keep` by the trash clock, whose time is `now`, and returns how many. Git then collects the
/// objects that only they kept.
///
/// # Errors
/// A ref cannot be deleted.
pub fn delete_expired(repo: &Repo, keep: Duration, now: u64) -> Result<usize> {
    let mut refs = Vec::new();
    let all = operations::all(repo)?;
    let due = all.iter().enumerate().filter(|(later, operation)| {
        operation.stage != Stage::Open && trash_clock::is_due(operation.clock, now, keep.as_secs(), *later)
    });
    for (_, operation) in due {
        let name = layout::operation_ref(&operation.id);
        refs.extend(repo.find_ref(&name)?.map(|tip| (name, tip)));
    }
    repo.delete_refs(&refs)?;
    Ok(refs.len())
}
