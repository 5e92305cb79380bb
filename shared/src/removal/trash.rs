//! What was moved away: files lie beside their old place until nothing waits for the disk, what was kept of them in the operation
//! until its time is over.

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
    error::Context,
    git::{Repo, careful},
    lock::Lock,
    private_files, process,
    store::{
        layout::{self, PrivateDir},
        operations::{self, Operation, Stage},
        trash_clock,
    },
    worktree::away::{self, FOLDER, WAIT},
};

/// Has a process of its own delete what was moved away, at the lowest priority, while the user goes on.
///
/// # Errors
/// It cannot be started.
pub fn empty_when_idle(repo: &Repo) -> Result<()> {
    let program = process::sibling_binary("git-orchestra-cleanup");
    let mut command = process::own(repo.environment(), &program);
    command
        .arg("--empty-trash")
        .current_dir(repo.common_dir()?)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    process::spawn(&mut command)
        .map(|_| ())
        .context(Code::ProgramFailed, || format!("cannot start '{}'", program.display()))
}

/// Deletes the files that were moved away; every byte of them that counts is in the operation. At the lowest priority.
///
/// # Errors
/// The operations cannot be read.
pub fn empty(repo: &Repo) -> Result<()> {
    let _ = rustix::process::nice(19);
    let private = PrivateDir::new(repo.private_dir()?);
    let Some(_emptying) = Lock::take(&private.trash_lock(), Duration::ZERO)? else { return Ok(()) };
    let mut emptied = BTreeSet::new();
    let folders = disposable(repo)?;
    for folder in &folders {
        if away::delete(folder) {
            emptied.extend(folder.parent().map(Path::to_owned));
        }
    }
    note_stuck(&private, &folders);
    // The folder of trash goes with the last that was in it, that of worktrees with the last worktree.
    let _lock = Lock::require(&private.worktrees_lock(), WAIT)?;
    for trash in emptied.iter().filter(|folder| folder.ends_with(FOLDER)) {
        let _ = fs::remove_dir(trash);
        let _ = trash.parent().map(fs::remove_dir);
    }
    Ok(())
}

/// The folders in the trash that may be deleted: those of operations that are over. Of a cleanup that is open, under way or cut
/// off, the folders may hold what was written after they were kept: they move back ([`super::recover`]).
fn disposable(repo: &Repo) -> Result<Vec<PathBuf>> {
    let all = operations::all(repo)?;
    let mut folders = Vec::new();
    for operation in all.iter().filter(|one| one.stage != Stage::Open) {
        // An undo has its unfinished copies under its own name.
        let undone = all.iter().find(|one| operation.undoes() == Some(one.id.as_str()));
        for removal in operation.removals().iter().chain(undone.into_iter().flat_map(Operation::removals)) {
            folders.extend(away::moves(repo, &operation.id, removal)?.into_iter().map(|(_, folder)| folder));
        }
    }
    Ok(folders)
}

/// Folders of earlier operations that could not be deleted, such as those with files of another user.
///
/// # Errors
/// The private folder cannot be found.
pub fn stuck(repo: &Repo) -> Result<Vec<PathBuf>> {
    let listed = careful::read(PrivateDir::new(repo.private_dir()?).stuck_trash()).unwrap_or_default();
    let folders = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    let mut folders: Vec<PathBuf> = folders.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
    folders.retain(|folder| fs::symlink_metadata(folder).is_ok());
    Ok(folders)
}

/// Writes down what could not be deleted, for the next command to say so; a failure costs only that.
fn note_stuck(private: &PrivateDir, folders: &[PathBuf]) {
    let left = folders.iter().filter(|folder| fs::symlink_metadata(folder).is_ok());
    let list: Vec<&[u8]> = left.map(|folder| folder.as_os_str().as_bytes()).collect();
    let _ = private_files::write(&private.stuck_trash(), list.join(&0));
}

/// Forgets operations that were kept for `keep`, by the clock of the trash, which says `now`; git collects what they alone kept.
/// Gives how many.
///
/// # Errors
/// A ref cannot be deleted.
pub fn forget(repo: &Repo, keep: Duration, now: u64) -> Result<usize> {
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
