//! The file from which an agent's program reads its task: a copy next to the worktrees, so that nothing the program sees names the
//! main checkout. It exists while the program runs.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::{Kind, Result, error::ErrorContext, git::careful, model::AgentId};

/// The folder of these files, next to the worktrees.
const FOLDER: &str = ".prompts";
/// How often to retry if another agent removes the folder, with its last file, before ours is in it.
const MAX_TRIES: u32 = 20;

/// Returns the path of the task of the agent in `worktree`.
pub fn path(worktree: &Path, id: &AgentId) -> PathBuf {
    worktree.with_file_name(FOLDER).join(id.as_str())
}

/// Copies the task from `from`. Only the user can read the copy. Returns its path.
///
/// # Errors
/// The task cannot be read, or the copy cannot be written.
pub fn copy(from: &Path, worktree: &Path, id: &AgentId) -> Result<PathBuf> {
    let task = careful::read(from).context(Kind::External, || format!("cannot read '{}'", from.display()))?;
    put(&task, worktree, id)
}

/// Writes what the program is to read instead of the task. Only the user can read it. Returns its path.
///
/// # Errors
/// It cannot be written.
pub fn put(words: &[u8], worktree: &Path, id: &AgentId) -> Result<PathBuf> {
    let path = path(worktree, id);
    let mut tries = 0;
    loop {
        tries += 1;
        match write(&path, words) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < MAX_TRIES => {}
            other => {
                return other
                    .context(Kind::External, || format!("cannot write '{}'", path.display()))
                    .map(|()| path);
            }
        }
    }
}

/// Writes a new file, never through an existing link.
fn write(path: &Path, task: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(task)
}

/// Removes the copy, and with the last one the folder.
pub fn remove(worktree: &Path, id: &AgentId) {
    let path = path(worktree, id);
    if fs::remove_file(&path).is_ok()
        && let Some(folder) = path.parent()
    {
        let _ = fs::remove_dir(folder);
    }
}
