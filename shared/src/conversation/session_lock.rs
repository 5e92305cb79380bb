//! Who goes on with a conversation through us: a lock that belongs to a process, may outlive its exec, and is let go however it
//! dies. What the process starts does not inherit it.

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

/// Conversations that are looked at; nobody goes on with so many.
const MOST: usize = 10_000;

/// A conversation that this process goes on with. Opening the file of the lock and closing it
/// again in the same process lets go of it: [`held_sessions`] is asked before.
#[derive(Debug)]
pub struct SessionLock {
    file: File,
}

impl SessionLock {
    /// The program that this process becomes has it as long as it lives.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn outlive_exec(&self) -> io::Result<()> {
        Ok(rustix::io::fcntl_setfd(&self.file, FdFlags::empty())?)
    }
}

/// Takes a conversation; `None`: another process has it.
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

/// The conversations that processes hold, and those processes.
pub fn held_sessions(environment: &Environment) -> Vec<(String, i32)> {
    let entries = folder(environment).and_then(|folder| fs::read_dir(folder).ok());
    let names = entries.into_iter().flatten().flatten().take(MOST);
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
