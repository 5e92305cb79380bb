//! Locks that belong to a process: POSIX record locks. A program that replaces the process keeps them, the processes that it starts do
//! not get them, and the kernel releases them when it ends. They also end as soon as the process closes the file, by whatever descriptor;
//! so a process must not open a file on which it has such a lock.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, fcntl_lock},
    io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_setfd},
};

use crate::{backoff::Backoff, private_files};

/// The lowest number of the descriptor that the program inherits. Scripts use low numbers for files of their own, which would close it.
const LOWEST: i32 = 200;
/// The lowest number where the user's limit does not allow that.
const LOWEST_ALLOWED: i32 = 10;
/// How long to retry while another process tests the lock.
const RETRY_FOR: Duration = Duration::from_secs(2);

/// Takes the lock at `path` for this process, and for a program that replaces it, which inherits the descriptor.
///
/// # Errors
/// Another process has the lock, or the file cannot be opened.
pub(super) fn take(path: &Path) -> io::Result<OwnedFd> {
    let file = open(path, true)?;
    let descriptor =
        fcntl_dupfd_cloexec(&file, LOWEST).or_else(|_| fcntl_dupfd_cloexec(&file, LOWEST_ALLOWED))?;
    // Before the lock, which would end with it.
    drop(file);
    let deadline = Instant::now() + RETRY_FOR;
    let mut backoff = Backoff::millis(1, 20);
    while let Err(error) = lock(&descriptor, FlockOperation::NonBlockingLockExclusive) {
        if !is_refusal(error) || Instant::now() >= deadline {
            return Err(error.into());
        }
        backoff.sleep();
    }
    fcntl_setfd(&descriptor, FdFlags::empty())?;
    Ok(descriptor)
}

/// Returns whether another process has the lock at `path`. Takes a shared lock for an instant.
pub(super) fn is_held(path: &Path) -> bool {
    let Ok(file) = open(path, false) else { return false };
    lock(&file, FlockOperation::NonBlockingLockShared).is_err_and(is_refusal)
}

fn open(path: &Path, create: bool) -> io::Result<File> {
    private_files::options().read(true).write(true).create(create).truncate(false).open(path)
}

fn lock(file: &impl AsFd, operation: FlockOperation) -> Result<(), Errno> {
    fcntl_lock(file, operation)
}

/// Whether the kernel says that another process has the lock.
fn is_refusal(error: Errno) -> bool {
    matches!(error, Errno::AGAIN | Errno::ACCESS)
}
