//! Folders for the objects that git makes in trial merges: many small files that nobody reads later. They are made in memory where
//! there is a private or shared folder with enough room for that, else in the folder for temporary files.
//!
//! What a killed process left in memory is removed by the next one: each folder has a lock beside it, which the kernel releases
//! however its holder dies.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{Kind, Result, error::ErrorContext, lock::Lock, private_files, world, world::Environment};

/// The beginning of the name of a folder, and the end of the name of its lock.
const NAME: (&str, &str) = ("git-orchestra-trials-", ".lock");
/// The folder of shared memory that every user can write.
const SHARED_MEMORY: &str = "/dev/shm";
/// The free space that a file system in memory must have, in bytes and in files.
const MIN_FREE_BYTES: u64 = 512 << 20;
const MIN_FREE_FILES: u64 = 50_000;

/// A folder in memory below which folders for objects are made. It is removed when dropped.
pub(super) struct QuickFolder {
    path: PathBuf,
    lock_path: PathBuf,
    _lock: Lock,
}

impl QuickFolder {
    /// Makes the folder; `None` if there is no place for it. Removes those that killed processes left there.
    pub(super) fn make(environment: &Environment) -> Option<Self> {
        let runtime = environment.variable("XDG_RUNTIME_DIR").map(PathBuf::from);
        let runtime = runtime.filter(|folder| folder.is_absolute() && is_private(folder));
        let places = runtime.into_iter().chain([PathBuf::from(SHARED_MEMORY)]);
        places.filter(|folder| is_roomy(folder)).find_map(|folder| Self::make_in(&folder).ok().flatten())
    }

    fn make_in(parent: &Path) -> Result<Option<Self>> {
        remove_abandoned(parent);
        let name = format!("{}{}", NAME.0, world::random_hex::<8>()?);
        let (path, lock_path) = (parent.join(&name), parent.join(format!("{name}{}", NAME.1)));
        // The lock comes first: a folder without one would never be removed.
        let Some(lock) = Lock::take(&lock_path, std::time::Duration::ZERO)? else { return Ok(None) };
        let made = Self { path, lock_path, _lock: lock };
        let cannot = || format!("cannot make '{}'", made.path.display());
        private_files::create_dir(&made.path).context(Kind::External, cannot)?;
        Ok(Some(made))
    }
}

impl Drop for QuickFolder {
    fn drop(&mut self) {
        remove(&self.path, &self.lock_path);
    }
}

/// Makes a folder for the objects of one git process: below `quick`, if there is one and it works.
///
/// # Errors
/// No temporary folder can be made.
pub(super) fn make(quick: Option<&QuickFolder>) -> Result<TempDir> {
    if let Some(made) = quick.and_then(|quick| private_files::temporary_dir(&quick.path).ok()) {
        return Ok(made);
    }
    tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())
}

/// Removes the folders whose locks nobody holds. What cannot be removed is left for the next time.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(NAME.0)) else { continue };
        let Some(folder) = name.strip_suffix(NAME.1) else { continue };
        // Others may write into the parent: only a file of our own is opened.
        let is_ours = entry.metadata().is_ok_and(|found| found.is_file() && found.uid() == own_user());
        if let Ok(Some(_lock)) = Lock::take_existing(&entry.path()).map(|lock| lock.filter(|_| is_ours)) {
            remove(&parent.join(folder), &entry.path());
        }
    }
}

/// Removes a folder, and its lock once the folder is gone.
fn remove(folder: &Path, lock: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {}
        _ => drop(fs::remove_file(lock)),
    }
}

/// Returns whether only this user can write or read a folder.
fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder)
        .is_ok_and(|found| found.is_dir() && found.uid() == own_user() && found.mode() & 0o077 == 0)
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Returns whether a file system in memory has room: one that fills up would slow down the machine.
fn is_roomy(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|found| {
        found.f_bavail.saturating_mul(found.f_frsize) >= MIN_FREE_BYTES
            && (found.f_files == 0 || found.f_favail >= MIN_FREE_FILES)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(folder).unwrap().map(name).collect()
    }

    #[test]
    fn a_folder_is_private_and_goes_away_with_its_lock() {
        let parent = private_files::temporary_dir(&std::env::temp_dir()).unwrap();
        let quick = QuickFolder::make_in(parent.path()).unwrap().unwrap();
        assert!(is_private(&quick.path) && is_private(parent.path()));
        let scratch = make(Some(&quick)).unwrap();
        assert!(scratch.path().starts_with(&quick.path));
        fs::write(scratch.path().join("object"), "x").unwrap();
        let other = QuickFolder::make_in(parent.path()).unwrap().unwrap();
        assert_eq!(names(parent.path()).len(), 4, "a folder in use stays");
        drop((scratch, quick, other));
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn what_a_killed_process_left_is_removed_by_the_next_one() {
        let parent = private_files::temporary_dir(&std::env::temp_dir()).unwrap();
        let abandoned = parent.path().join(format!("{}dead", NAME.0));
        fs::create_dir_all(abandoned.join("ab/object")).unwrap();
        fs::write(parent.path().join(format!("{}dead{}", NAME.0, NAME.1)), "").unwrap();
        for foreign in [format!("{}other", NAME.0), "other.lock".to_owned()] {
            fs::write(parent.path().join(foreign), "").unwrap();
        }
        drop(QuickFolder::make_in(parent.path()).unwrap());
        let mut left = names(parent.path());
        left.sort();
        assert_eq!(left, [format!("{}other", NAME.0), "other.lock".to_owned()]);
    }

    #[test]
    fn without_a_place_in_memory_the_folder_for_temporary_files_is_used() {
        let parent = private_files::temporary_dir(&std::env::temp_dir()).unwrap();
        let quick = QuickFolder::make_in(parent.path()).unwrap().unwrap();
        fs::remove_dir(&quick.path).unwrap();
        assert!(make(Some(&quick)).unwrap().path().exists());
        assert!(make(None).unwrap().path().exists());
    }
}
