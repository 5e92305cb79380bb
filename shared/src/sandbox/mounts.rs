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

    /// Returns the path in the sandbox.
    fn target(&self) -> &Path {
        match self {
            Self::Read(_, path) | Self::Write(_, path) => path,
            Self::Empty(path) | Self::Nothing(path) | Self::Sealed(path) => path,
        }
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

/// What a sandbox shows of the machine, by its mounts.
pub(super) struct Visible<'a> {
    /// The mounts with their paths, without links.
    mounts: Vec<(PathBuf, &'a Mount)>,
}

impl<'a> Visible<'a> {
    /// Follows the links in the paths of mounts.
    pub(super) fn of(mounts: &'a [Mount]) -> Self {
        let path =
            |mount: &Mount| mount.target().canonicalize().unwrap_or_else(|_| mount.target().to_owned());
        Self { mounts: mounts.iter().map(|mount| (path(mount), mount)).collect() }
    }

    /// Returns whether a path without links is the same in the sandbox as on the machine, and the agent can only read it.
    pub(super) fn can_only_read(&self, path: &Path) -> bool {
        match self.mounts.iter().rev().find(|(target, _)| path.starts_with(target)) {
            Some((_, Mount::Read(from, to))) => from == to,
            Some(_) => false,
            None => !OWN.iter().any(|own| path.starts_with(own)),
        }
    }
}

/// Folders that every sandbox has for itself.
const OWN: &[&str] = &["/dev", "/proc", "/run"];

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
    fn the_last_mount_of_a_path_says_what_is_visible() {
        let mounts = [
            Mount::Write("/s/home".into(), "/nosuch/kim".into()),
            Mount::read("/nosuch/kim/src"),
            Mount::write("/nosuch/kim/src/tree"),
            Mount::Empty("/nosuch/kim/src/.git".into()),
        ];
        let visible = Visible::of(&mounts);
        for (path, is_visible) in [
            ("/var/lib/x.sock", true),
            ("/run/x.sock", false),
            ("/nosuch/kim/x.sock", false),
            ("/nosuch/kim/src/x.sock", true),
            ("/nosuch/kim/src/tree/x.sock", false),
            ("/nosuch/kim/src/.git/x.sock", false),
        ] {
            assert_eq!(visible.can_only_read(Path::new(path)), is_visible, "{path}");
        }
    }

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
