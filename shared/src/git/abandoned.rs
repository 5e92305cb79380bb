//! Locks that no living process can have made: git children of ours, and git programs of agents, that were killed leave them.
//!
//! Whoever makes a lock either has it open as long as it holds it, or is a git program, which closes it and goes on. So a lock
//! that nobody has open, and that is older than every git program alive in this repository, is held by nobody. Our own locks are
//! told by the intents of their writers, and are never looked at here: they have a second name.

use std::{
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
    time::Duration,
};

use memchr::memmem;

use crate::world::Clock;

/// What lies between two looks at a lock.
const BETWEEN: Duration = Duration::from_millis(300);
/// Clock ticks of a second in `/proc`.
const TICKS: f64 = 100.0;
/// How much younger than a lock a process must be, in seconds, to be certain that it did not make it.
const MARGIN: f64 = 0.1;

/// Removes the lock of a file of git if nobody alive can have made it. `true`: it is gone.
pub(super) fn remove(common: &Path, lock: &Path, name: &str) -> bool {
    let Some(first) = File::at(lock).filter(|_| is_ours(name)) else { return false };
    if !is_nobodys(common, first) {
        return false;
    }
    std::thread::sleep(BETWEEN);
    File::at(lock) == Some(first) && is_nobodys(common, first) && fs::remove_file(lock).is_ok()
}

/// Refs of ours, branches of agents, and the packed refs, which every git locks that deletes a ref.
fn is_ours(name: &str) -> bool {
    let mut parts = name.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("packed-refs"), None, None) => true,
        (Some("refs"), Some("orchestra" | "orchestra-local"), _) => true,
        (Some("refs"), Some("heads"), Some(prefix)) => prefix.starts_with("orchestra"),
        _ => false,
    }
}

/// A file, as the system tells it from others, with its owner and when it was written, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
struct File {
    device: u64,
    number: u64,
    length: u64,
    owner: u32,
    written: f64,
}

impl File {
    /// A file with one name.
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

/// Whether it is certain that no living process holds a lock.
fn is_nobodys(common: &Path, lock: File) -> bool {
    let (Ok(processes), Some(uptime)) = (fs::read_dir("/proc"), uptime()) else { return false };
    #[expect(clippy::cast_precision_loss, reason = "tenths of a second matter")]
    // The system stamps files and processes by its own clock.
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
            // Gone meanwhile, or of somebody who cannot have made a file of this owner.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) if process.metadata().is_ok_and(|found| found.uid() != lock.owner) => {}
            Err(_) => return false,
        }
    }
    any
}

/// Whether a process has a lock open, or is a git program of this repository that may have made it.
fn may_hold(process: &Path, common: &Path, lock: File, age: f64, uptime: f64) -> io::Result<bool> {
    for entry in fs::read_dir(process.join("fd"))? {
        let open = fs::metadata(entry?.path());
        if open.is_ok_and(|open| (open.dev(), open.ino()) == (lock.device, lock.number)) {
            return Ok(true);
        }
    }
    Ok(is_git(process)? && !is_younger(process, age, uptime)? && works_in(process, common)?)
}

/// Whether a process is a git program. Ours make no locks of this kind, nor does the git that waits for one of them.
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
    // Behind the name, which may hold anything: the start is the 22nd field of all.
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let started = behind.split_whitespace().nth(19).and_then(|ticks| ticks.parse::<f64>().ok());
    Ok(started.is_some_and(|ticks| uptime - ticks / TICKS + MARGIN < age))
}

/// Whether a process stands in the repository, or names it.
fn works_in(process: &Path, common: &Path) -> io::Result<bool> {
    let above = common.parent().unwrap_or(common);
    let stands = fs::read_link(process.join("cwd"))?;
    if stands.starts_with(above) || stands.as_os_str().as_bytes().starts_with(above.as_os_str().as_bytes()) {
        return Ok(true);
    }
    let names = |file: &str| -> io::Result<bool> {
        Ok(memmem::find(&fs::read(process.join(file))?, above.as_os_str().as_bytes()).is_some())
    };
    Ok(names("cmdline")? || names("environ")?)
}

/// Seconds since the machine started.
fn uptime() -> Option<f64> {
    fs::read_to_string("/proc/uptime").ok()?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_nobody_can_have_made_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (common, lock) = (folder.path(), folder.path().join("x.lock"));
        let name = &["refs", "orchestra", "heads", "x"].join("/");
        for text in ["", "1\n"] {
            let open = fs::File::create(&lock).unwrap();
            fs::write(&lock, text).unwrap();
            assert!(!remove(common, &lock, name), "this process has it open");
            drop(open);
            assert!(!remove(common, &lock, "refs/heads/main"), "a ref of the user's");
            fs::hard_link(&lock, folder.path().join("second")).unwrap();
            assert!(!remove(common, &lock, name), "a lock of ours has a second name");
            fs::remove_file(folder.path().join("second")).unwrap();
            assert!(remove(common, &lock, name) && !lock.exists());
            assert!(!remove(common, &lock, name), "there is none");
        }
    }

    #[test]
    fn locks_of_the_user_are_none_of_ours() {
        for (name, ours) in [
            ("packed-refs", true),
            ("refs/heads/orchestra/a-00000", true),
            ("refs/heads/orchestra-agents/a-00000", true),
            ("refs/heads/main", false),
            ("refs/stash", false),
            ("HEAD", false),
            ("index", false),
        ] {
            assert_eq!(is_ours(name), ours, "{name}");
        }
    }
}
