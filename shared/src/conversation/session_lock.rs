//! The lock of a session that is resumed through git orchestra. It belongs to a process, can survive its `exec`, and is released
//! however the process dies. Child processes do not inherit it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use rustix::{
    fs::FlockOperation,
    io::{Errno, FdFlags},
    process::{Flock, FlockType},
};

use super::{folders::cache, is_id, open::open};
use crate::world::Environment;

/// Maximum number of lock files that are checked.
const MAX_LOCKS: usize = 10_000;

/// The lock of a session that this process resumes. Opening and closing the lock's file again in the same process releases it, so
/// [`held_sessions`] must be called before.
#[derive(Debug)]
pub struct SessionLock {
    file: File,
}

impl SessionLock {
    /// Keeps the lock across `exec`, so that the program that this process becomes holds it as long as it lives.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn outlive_exec(&self) -> io::Result<()> {
        Ok(rustix::io::fcntl_setfd(&self.file, FdFlags::empty())?)
    }
}

/// Takes the lock of a session; returns `None` if another process holds it.
///
/// # Errors
/// The lock's file cannot be made.
pub fn acquire(environment: &Environment, id: &str) -> io::Result<Option<SessionLock>> {
    let folder = folder(environment).filter(|_| is_id(id)).ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(&folder)?;
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(folder.join(id))?;
    match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::AGAIN | Errno::ACCESS) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    Ok(Some(SessionLock { file }))
}

/// Returns the sessions that processes hold, each with the id of the process.
pub fn held_sessions(environment: &Environment) -> Vec<(String, i32)> {
    let entries = folder(environment).and_then(|folder| fs::read_dir(folder).ok());
    let names = entries.into_iter().flatten().flatten().take(MAX_LOCKS);
    names
        .filter_map(|entry| {
            let file = open(&entry.path()).ok()?;
            let asked = Flock::from(FlockType::WriteLock);
            let holder = rustix::process::fcntl_getlk(&file, &asked).ok()??;
            Some((entry.file_name().into_string().ok()?, holder.pid?.as_raw_nonzero().get()))
        })
        .collect()
}

fn folder(environment: &Environment) -> Option<PathBuf> {
    Some(cache(environment)?.join("held"))
}
