//! Sockets of the machine: to connect to one, reading it is enough, and the program behind it acts for anyone who does. Those that are
//! there when a sandbox is made are covered.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::mounts::{Mount, Visible};
use crate::{Code, Error, Result, git::careful};

/// Lists the sockets of this machine, also those of other users.
const LIST: &str = "/proc/net/unix";
/// The number of columns before the path of a socket.
const COLUMNS: usize = 7;
/// Maximum number of sockets that are covered.
const MAX_SOCKETS: usize = 1000;
/// Maximum number of entries of a folder that is searched for something else than sockets.
const MAX_ENTRIES: usize = 100;
/// The minimum age of a socket, in seconds: one that was just made may be gone before the sandbox is there, which then could not be
/// made.
const MIN_AGE: i64 = 10;
/// Folders of programs that have the rights of root. They are hidden, because their sockets may be made later.
const OF_ROOT: &[&str] = &[
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/incus",
    "/var/lib/libvirt",
    "/var/lib/lxd",
    "/var/snap/lxd/common/lxd",
];

/// Returns what covers the sockets of this machine that a sandbox with these mounts shows. Where the agent can write they stay: there it
/// may make its own.
///
/// # Errors
/// There are more than can be covered: the agent could connect to the rest.
pub(super) fn covers(mounts: &[Mount], now: Timestamp) -> Result<Vec<Mount>> {
    let listed = careful::read(LIST).unwrap_or_default();
    let visible = Visible::of(mounts);
    let of_root = OF_ROOT.iter().map(PathBuf::from);
    let mut hidden: BTreeSet<PathBuf> =
        of_root.filter(|path| path.is_dir() && visible.can_only_read(path)).collect();
    let mut sockets = BTreeSet::new();
    for path in paths(&listed).filter_map(|path| path.canonicalize().ok()) {
        if visible.can_only_read(&path) && is_lasting_socket(&path, now) {
            match path.parent().filter(|folder| has_only_sockets(folder)) {
                Some(folder) => hidden.insert(folder.to_owned()),
                None => sockets.insert(path),
            };
        }
    }
    let folders: Vec<PathBuf> = hidden.into_iter().collect();
    let single = sockets.into_iter().filter(|path| !is_below(path, &folders));
    let single: Vec<PathBuf> = single.collect();
    check_count(folders.len() + single.len())?;
    Ok(folders.into_iter().map(Mount::Empty).chain(single.into_iter().map(Mount::Nothing)).collect())
}

/// Checks that all sockets can be covered.
fn check_count(count: usize) -> Result<()> {
    if count <= MAX_SOCKETS {
        return Ok(());
    }
    let message =
        format!("this machine has sockets in {count} places, and a sandbox hides at most {MAX_SOCKETS}");
    Err(Error::new(Code::SandboxUnavailable, message)
        .hint("ss -xl lists them; end the programs that left them"))
}

/// Returns the paths in the kernel's list of sockets. Sockets without a path, or with a relative or an abstract one, have none.
fn paths(listed: &[u8]) -> impl Iterator<Item = PathBuf> {
    let text = String::from_utf8_lossy(listed).into_owned();
    let path = |line: &str| {
        let mut rest = line.trim_start();
        for _ in 0..COLUMNS {
            rest = rest.split_once(char::is_whitespace)?.1.trim_start();
        }
        rest.starts_with('/').then(|| PathBuf::from(rest))
    };
    text.lines().filter_map(path).collect::<Vec<_>>().into_iter()
}

fn is_below(path: &Path, folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

fn is_lasting_socket(path: &Path, now: Timestamp) -> bool {
    let Ok(found) = fs::symlink_metadata(path) else { return false };
    // A time in the future says nothing about the age.
    let age = now.as_second() - found.mtime();
    found.file_type().is_socket() && !(0..MIN_AGE).contains(&age)
}

/// Returns whether a folder is made for sockets: there, one that is made later is hidden as well.
fn has_only_sockets(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut entries = entries.take(MAX_ENTRIES + 1);
    let mut count = 0;
    entries.all(|entry| {
        count += 1;
        count <= MAX_ENTRIES && entry.is_ok_and(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn sockets_that_cannot_be_covered_are_a_reason_to_refuse() {
        assert!(check_count(MAX_SOCKETS).is_ok());
        assert_eq!(check_count(MAX_SOCKETS + 1).unwrap_err().code, Code::SandboxUnavailable);
    }

    #[test]
    fn only_paths_of_the_file_system_are_listed() {
        let text = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                    0000000000000000: 00000002 00000000 00010000 0001 01 15300 /run/a b.sock\n\
                    0000000000000000: 00000003 00000000 00000000 0001 03 15301\n\
                    0000000000000000: 00000002 00000000 00010000 0001 01 15302 @/abstract\n\
                    0000000000000000: 00000002 00000000 00010000 0001 01 15303 relative\n";
        assert_eq!(paths(text.as_bytes()).collect::<Vec<_>>(), [PathBuf::from("/run/a b.sock")]);
    }

    #[test]
    fn a_lasting_socket_is_covered_and_a_folder_made_for_sockets_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let own = root.join("own");
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let make = |below: &str, age: i64| {
            let path = root.join(below);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let listener = UnixListener::bind(&path).unwrap();
            let at = rustix::fs::Timespec { tv_sec: now.as_second() - age, tv_nsec: 0 };
            let times = rustix::fs::Timestamps { last_access: at, last_modification: at };
            let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::utimensat(rustix::fs::CWD, &path, &times, flags).unwrap();
            listener
        };
        let _all = [make("only/a", 10), make("mixed/a", 10), make("mixed/new", 9), make("own/a", 10)];
        fs::write(root.join("mixed/file"), "x").unwrap();
        let covers = covers(&[Mount::read(&root), Mount::write(own)], now).unwrap();
        let here = |mount: &&Mount| match mount {
            Mount::Empty(path) | Mount::Nothing(path) => path.starts_with(&root),
            _ => false,
        };
        let here: Vec<&Mount> = covers.iter().filter(here).collect();
        assert_eq!(here, [&Mount::Empty(root.join("only")), &Mount::Nothing(root.join("mixed/a"))]);
    }
}
