//! What a sandbox shows of the file system, as arguments of bubblewrap.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// One part of the file system in a sandbox. Later ones cover earlier ones.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Mount {
    /// A file or folder of the machine, at a path in the sandbox, which the agent can only read.
    Read(PathBuf, PathBuf),
    /// The same, which the agent can also write.
    Write(PathBuf, PathBuf),
    /// An empty folder, which is gone when the sandbox ends.
    Empty(PathBuf),
    /// An empty file.
    Nothing(PathBuf),
    /// What is at a path cannot be written any more; what is mounted below it can.
    Sealed(PathBuf),
}

impl Mount {
    /// Shows a path where it is.
    pub(super) fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::Read(path.clone(), path)
    }

    /// Lets the agent write a path where it is.
    pub(super) fn write(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::Write(path.clone(), path)
    }

    fn arguments(&self) -> Vec<OsString> {
        let option = |name: &str, paths: &[&Path]| {
            [OsString::from(name)]
                .into_iter()
                .chain(paths.iter().map(|path| path.as_os_str().to_owned()))
                .collect()
        };
        match self {
            Self::Read(from, to) => option("--ro-bind", &[from, to]),
            Self::Write(from, to) => option("--bind", &[from, to]),
            Self::Empty(path) => option("--tmpfs", &[path]),
            Self::Sealed(path) => option("--remount-ro", &[path]),
            Self::Nothing(path) => option("--ro-bind", &[Path::new("/dev/null"), path]),
        }
    }
}

/// The arguments of bubblewrap that every sandbox has: private processes and System V IPC, no rights of root, and a file system
/// that cannot be written.
pub(super) const COMMON: &[&str] = &[
    "--unshare-pid",
    "--unshare-ipc",
    "--cap-drop",
    "ALL",
    "--ro-bind",
    "/",
    "/",
    "--dev",
    "/dev",
    "--proc",
    "/proc",
    // Without any rights, root could still change settings of the kernel that name programs: each is a file that root may write.
    "--ro-bind-try",
    "/proc/sys",
    "/proc/sys",
    "--ro-bind-try",
    "/proc/irq",
    "/proc/irq",
    "--ro-bind-try",
    "/proc/bus",
    "/proc/bus",
    "--ro-bind-try",
    "/proc/fs",
    "/proc/fs",
    "--ro-bind-try",
    "/proc/mtrr",
    "/proc/mtrr",
    "--tmpfs",
    "/run",
];

/// The argument for a network of its own, with nothing but loopback.
pub(super) const OWN_NETWORK: &str = "--unshare-net";

/// Returns the arguments of bubblewrap before the program. `more` are some that a sandbox may have besides those that all have.
pub(super) fn arguments(mounts: &[Mount], folder: &Path, more: &[&str]) -> Vec<OsString> {
    COMMON
        .iter()
        .chain(more)
        .copied()
        .map(OsString::from)
        .chain(mounts.iter().flat_map(Mount::arguments))
        .chain(["--chdir".into(), folder.as_os_str().to_owned(), "--".into()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_mounts_cover_earlier_ones() {
        let mounts = [
            Mount::Write("/s/tmp".into(), "/tmp".into()),
            Mount::Empty("/r/.git".into()),
            Mount::read("/r/.git/objects"),
            Mount::write("/w"),
            Mount::Nothing("/home/kim/.netrc".into()),
            Mount::Sealed("/r/.git".into()),
        ];
        let words = arguments(&mounts, Path::new("/w"), &[]);
        let words: Vec<&str> = words[COMMON.len()..].iter().filter_map(|word| word.to_str()).collect();
        assert_eq!(
            words.join(" "),
            "--bind /s/tmp /tmp --tmpfs /r/.git --ro-bind /r/.git/objects /r/.git/objects --bind /w /w \
             --ro-bind /dev/null /home/kim/.netrc --remount-ro /r/.git --chdir /w --"
        );
        assert!(arguments(&[], Path::new("/w"), &[OWN_NETWORK]).contains(&OWN_NETWORK.into()));
    }
}
