//! What was moved away: files lie beside their old place until nothing waits for the disk, what was kept of them in the operation
//! until its time is over.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::Repo,
    lock::Lock,
    model::AgentId,
    process,
    store::{
        layout::{self, Private},
        operations::{self, Removal, Stage},
        trash_clock,
    },
};

/// How long to wait for others of ours that register worktrees.
const WAIT: Duration = Duration::from_secs(120);

/// The folder beside a worktree.
const FOLDER: &str = ".trash";

/// Where the files of a worktree go: on the same disk, so that moving them is one step.
pub fn place(worktree: &Path, operation: &str, agent: &AgentId) -> Option<PathBuf> {
    Some(worktree.parent()?.join(FOLDER).join(format!("{operation}-{agent}")))
}

/// Where its registration goes.
pub fn registration_place(private: &Private, operation: &str, agent: &AgentId) -> PathBuf {
    private.gone().join(format!("{operation}-{agent}"))
}

/// Has a process of its own delete what was moved away, at the lowest priority, while the user goes on.
///
/// # Errors
/// It cannot be started.
pub fn empty_when_idle(repo: &Repo) -> Result<()> {
    let program = process::beside_us("git-orchestra-cleanup");
    process::command(&program)
        .arg("--empty-trash")
        .current_dir(repo.common_dir()?)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map(|_| ())
        .context(Kind::External, || format!("cannot start '{}'", program.display()))
}

/// Deletes the files that were moved away; every byte of them that counts is in the operation. At the lowest priority.
///
/// # Errors
/// The operations cannot be read.
pub fn empty(repo: &Repo) -> Result<()> {
    let _ = rustix::process::nice(19);
    let private = Private::new(repo.private_dir()?);
    let all = operations::all(repo)?;
    // Whoever works on one that is open may want to put a folder back; one that was cut off nobody works on.
    let nobody_works = Lock::take(&private.operations_lock(), Duration::ZERO)?.is_some();
    let mut emptied = BTreeSet::new();
    for operation in all.iter().filter(|one| one.stage != Stage::Open || nobody_works) {
        for removal in &operation.removals {
            for (_, folder) in moves(repo, &operation.id, removal)? {
                if delete(&folder) {
                    emptied.extend(folder.parent().map(Path::to_owned));
                }
            }
        }
    }
    // The folder of trash goes with the last that was in it, that of worktrees with the last worktree.
    let _lock = Lock::require(&private.worktrees_lock(), WAIT)?;
    for trash in emptied.iter().filter(|folder| folder.ends_with(FOLDER)) {
        let _ = fs::remove_dir(trash);
        let _ = trash.parent().map(fs::remove_dir);
    }
    Ok(())
}

/// As far as it can be: what stays is tried again next time. Folders that nobody may write into are opened first. `true`: there was
/// something.
fn delete(folder: &Path) -> bool {
    if fs::symlink_metadata(folder).is_err() {
        return false;
    }
    if fs::remove_dir_all(folder).is_ok() {
        return true;
    }
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        open.extend(folders.map(|entry| entry.path()));
    }
    let _ = fs::remove_dir_all(folder);
    true
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

/// Moves a folder; `back` after something went wrong.
pub(super) fn move_folder(from: &Path, to: &Path) -> Result<()> {
    let cannot = || format!("cannot move '{}' to '{}'", from.display(), to.display());
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).context(Kind::External, cannot)?;
    }
    fs::rename(from, to).map_err(|error| {
        let hint = format!("ls -ld '{}'", from.parent().unwrap_or(from).display());
        Error::new(Kind::Refused, cannot()).because(error).hint(hint)
    })
}

/// The paths that a removal moves, from and to.
pub(super) fn moves(repo: &Repo, operation: &str, removal: &Removal) -> Result<Vec<(PathBuf, PathBuf)>> {
    let agent = AgentId::parse(&removal.agent)?;
    let private = Private::new(repo.private_dir()?);
    let mut moves = Vec::new();
    if let Some(worktree) = &removal.worktree
        && let Some(to) = place(worktree, operation, &agent)
    {
        moves.push((worktree.clone(), to));
    }
    if let Some(name) = &removal.registration {
        let from = repo.common_dir()?.join("worktrees").join(name);
        moves.push((from, registration_place(&private, operation, &agent)));
    }
    Ok(moves)
}
