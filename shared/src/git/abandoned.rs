//! Removing locks that no living process can have made: killed git processes leave them, whether we or an agent started git.
//!
//! A process that makes a lock either keeps it open while it holds it, or is a git program, which closes it and continues. So a
//! lock that no process has open, and that is older than every git process in this repository, is held by nobody. Our own locks
//! are recognized by the intents of their writers; they have a second link and are never removed here.

use std::{
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
    time::Duration,
};

use memchr::memmem;

use crate::world::Clock;

/// Pause between two checks of a lock.
const RECHECK_DELAY: Duration = Duration::from_millis(300);
/// Clock ticks per second in `/proc`.
const TICKS_PER_SECOND: f64 = 100.0;
/// How much younger than the lock a process must be, in seconds, to be certain that it did not make it.
const AGE_MARGIN: f64 = 0.1;

/// Removes the lock of a git file if no living process can have made it. Returns whether the lock was removed.
pub(super) fn remove_if_abandoned(common: &Path, lock: &Path, name: &str) -> bool {
    let Some(first) = LockFile::at(lock).filter(|_| is_own_name(name)) else { return false };
    if !is_abandoned(common, first) {
        return false;
    }
    std::thread::sleep(RECHECK_DELAY);
    LockFile::at(lock) == Some(first) && is_abandoned(common, first) && fs::remove_file(lock).is_ok()
}

/// Returns whether certainly no living process holds a lock, on whatever file. Nothing is changed.
pub(super) fn is_held_by_nobody(common: &Path, lock: &Path) -> bool {
    LockFile::at(lock).is_some_and(|found| is_abandoned(common, found))
}

/// Returns whether a name is a ref of ours, an agent's branch, or `packed-refs`, which git locks whenever it deletes a ref.
pub(super) fn is_own_name(name: &str) -> bool {
    let mut parts = name.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("packed-refs"), None, None) => true,
        (Some("refs"), Some("orchestra" | "orchestra-local"), _) => true,
        (Some("refs"), Some("heads"), Some(prefix)) => prefix.starts_with("orchestra"),
        _ => false,
    }
}

/// The identity of a file, its owner, and its modification time in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
struct LockFile {
    device: u64,
    number: u64,
    length: u64,
    owner: u32,
    written: f64,
}

impl LockFile {
    /// Reads the data of a regular file with exactly one link.
    fn at(path: &Path) -> Option<Self> {
        let found = fs::symlink_metadata(path).ok()?;
        #[expect(clippy::cast_precision_loss, reason = "tenths of a second matter")]
        let written = found.mtime() as f64 + found.mtime_nsec() as f64 / 1e9;
        (found.is_file() && found.nlink() == 1).then(|| Self {
            device: found.dev(),
            number: found.ino(),
            length: found.len(),
            owner: found.uid(),
            written,
        })
    }
}

/// Returns whether certainly no living process holds a lock.
fn is_abandoned(common: &Path, lock: LockFile) -> bool {
    let (Ok(processes), Some(uptime)) = (fs::read_dir("/proc"), uptime()) else { return false };
    #[expect(clippy::cast_precision_loss, reason = "tenths of a second matter")]
    // Times of files and processes are those of the system's clock, whatever clock the caller has.
    let age = Clock::system().milliseconds() as f64 / 1e3 - lock.written;
    let mut any = false;
    for process in processes.flatten() {
        if process.file_name().to_str().is_none_or(|name| name.parse::<u32>().is_err()) {
            continue;
        }
        any = true;
        match may_hold(&process.path(), common, lock, age, uptime) {
            Ok(false) => {}
            Ok(true) => return false,
            // The process has ended, or belongs to another user, who cannot have made a file of this owner.
            Err(error) if means_ended(&error) => {}
            Err(_) if process.metadata().is_ok_and(|found| found.uid() != lock.owner) => {}
            Err(_) => return false,
        }
    }
    any
}

/// Returns whether the files of a process cannot be read because it has ended: they are gone, or if one was open already, reading it
/// fails.
fn means_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// Returns whether a process has a lock open, or is a git process of this repository that may have made it.
fn may_hold(process: &Path, common: &Path, lock: LockFile, age: f64, uptime: f64) -> io::Result<bool> {
    for entry in fs::read_dir(process.join("fd"))? {
        let open = fs::metadata(entry?.path());
        if open.is_ok_and(|open| (open.dev(), open.ino()) == (lock.device, lock.number)) {
            return Ok(true);
        }
    }
    Ok(is_git(process)? && !is_younger(process, age, uptime)? && uses_repository(process, common)?)
}

/// Returns whether a process is a git program. Programs of this suite create no such locks, and neither does a git that only
/// waits for such a program.
fn is_git(process: &Path) -> io::Result<bool> {
    let name = fs::read_to_string(process.join("comm"))?;
    if name.trim_end() != "git" {
        return Ok(name.starts_with("git-") && !name.starts_with("git-orchestra"));
    }
    let words = fs::read(process.join("cmdline"))?;
    Ok(!words.split(|byte| *byte == 0).any(|word| word == b"orchestra"))
}

fn is_younger(process: &Path, age: f64, uptime: f64) -> io::Result<bool> {
    let stat = fs::read_to_string(process.join("stat"))?;
    // The name may contain anything, so count from behind it: the start time is the 22nd field of the line.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let started = fields.split_whitespace().nth(19).and_then(|ticks| ticks.parse::<f64>().ok());
    Ok(started.is_some_and(|ticks| uptime - ticks / TICKS_PER_SECOND + AGE_MARGIN < age))
}

/// Returns whether the working directory, arguments or environment of a process are in the repository.
fn uses_repository(process: &Path, common: &Path) -> io::Result<bool> {
    let above = common.parent().unwrap_or(common);
    let cwd = fs::read_link(process.join("cwd"))?;
    if cwd.starts_with(above) || cwd.as_os_str().as_bytes().starts_with(above.as_os_str().as_bytes()) {
        return Ok(true);
    }
    let names = |file: &str| -> io::Result<bool> {
        Ok(memmem::find(&fs::read(process.join(file))?, above.as_os_str().as_bytes()).is_some())
    };
    Ok(names("cmdline")? || names("environ")?)
}

/// Returns the seconds since the machine started.
fn uptime() -> Option<f64> {
    fs::read_to_string("/proc/uptime").ok()?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_no_process_can_have_made_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (common, lock) = (folder.path(), folder.path().join("x.lock"));
        let name = &["refs", "orchestra", "heads", "x"].join("/");
        for text in ["", "1\n"] {
            let open = fs::File::create(&lock).unwrap();
            fs::write(&lock, text).unwrap();
            assert!(!remove_if_abandoned(common, &lock, name), "this process has it open");
            drop(open);
            assert!(!remove_if_abandoned(common, &lock, "refs/heads/main"), "a ref of the user");
            fs::hard_link(&lock, folder.path().join("second")).unwrap();
            assert!(!remove_if_abandoned(common, &lock, name), "a lock of ours has a second name");
            fs::remove_file(folder.path().join("second")).unwrap();
            // A process that another test just started has the file open as well until it runs its program.
            assert!((0..200).any(|_| remove_if_abandoned(common, &lock, name)) && !lock.exists());
            assert!(!remove_if_abandoned(common, &lock, name), "there is none");
        }
    }

    #[test]
    fn a_process_that_ends_while_it_is_looked_at_holds_no_lock() {
        let environment = crate::world::Environment::of_this_process();
        let mut child =
            crate::process::spawn(crate::process::command(&environment, "sleep").arg("60")).unwrap();
        let process = Path::new("/proc").join(child.id().to_string());
        let mut open = fs::File::open(process.join("stat")).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let while_open = io::Read::read(&mut open, &mut [0; 16]).unwrap_err();
        assert!(means_ended(&while_open), "{while_open}");
        assert!(means_ended(&fs::read(process.join("stat")).unwrap_err()));
        assert!(!means_ended(&io::Error::from(io::ErrorKind::PermissionDenied)));
    }

    #[test]
    fn locks_of_the_user_are_not_ours() {
        for (name, ours) in [
            ("packed-refs", true),
            ("refs/heads/orchestra/a-00000", true),
            ("refs/heads/orchestra-agents/a-00000", true),
            ("refs/heads/main", false),
            ("refs/stash", false),
            ("HEAD", false),
            ("index", false),
        ] {
            assert_eq!(is_own_name(name), ours, "{name}");
        }
    }
}
