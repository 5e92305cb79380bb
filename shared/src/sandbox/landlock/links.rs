//! The private home folder: links in it lead to what a sandbox by bubblewrap would show there. The agent may have written anything into
//! it and may be running, so no link of its own is followed, and nothing that it made is replaced.

use std::{
    ffi::OsStr,
    fs, io,
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, mkdirat, openat, readlinkat, statat, symlinkat, unlinkat},
    io::Errno,
};

use super::{super::mounts::Mount, Stand};

/// The most entries of a folder that get a link each.
const MAX_ENTRIES: usize = 2000;
/// How a folder is opened.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Places the links. `own` is the folder of the sandbox.
///
/// # Errors
/// A folder cannot be read or written.
pub(super) fn place(own: &Path, stands: &[Stand], mounts: &[Mount]) -> io::Result<()> {
    for (link, target) in links(stands, mounts) {
        let Ok(below) = link.strip_prefix(own) else { continue };
        let (Some(folder), Some(name)) = (below.parent(), below.file_name()) else { continue };
        if let Some(folder) = open(own, folder, stands)? {
            make_way(&folder, name, &link, &target, stands)?;
            set(&folder, name, &target)?;
        }
    }
    Ok(())
}

/// Returns the links, each with what it leads to: those of outer folders first.
fn links(stands: &[Stand], mounts: &[Mount]) -> Vec<(PathBuf, PathBuf)> {
    let link = |mount: &Mount| {
        let (from, to) = match mount {
            Mount::Read(from, to) if from == to => (from, to),
            Mount::Write(from, to) => (from, to),
            _ => return None,
        };
        let around = Stand::around(stands, to)?;
        let place = around.at.join(to.strip_prefix(&around.of).ok()?);
        (place != *from).then(|| (place, from.clone()))
    };
    mounts.iter().filter_map(link).collect()
}

/// Opens a folder below `own`, and makes what is missing of it. A link of ours in its path becomes a folder with a link for each entry.
/// Returns `None` where the agent made something else.
fn open(own: &Path, below: &Path, stands: &[Stand]) -> io::Result<Option<OwnedFd>> {
    let mut folder = openat(rustix::fs::CWD, own, FOLDER, Mode::empty())?;
    let mut path = own.to_owned();
    for part in below.components() {
        let Component::Normal(name) = part else { return Ok(None) };
        path.push(name);
        folder = match openat(&folder, name, FOLDER, Mode::empty()) {
            Ok(found) => found,
            Err(Errno::NOENT) => {
                mkdirat(&folder, name, Mode::RWXU)?;
                openat(&folder, name, FOLDER, Mode::empty())?
            }
            Err(Errno::LOOP | Errno::NOTDIR) => {
                let Some(shown) = target(&folder, name).filter(|shown| is_ours(shown, &path, stands)) else {
                    return Ok(None);
                };
                unlinkat(&folder, name, AtFlags::empty())?;
                mkdirat(&folder, name, Mode::RWXU)?;
                let made = openat(&folder, name, FOLDER, Mode::empty())?;
                for entry in fs::read_dir(&shown)?.take(MAX_ENTRIES).flatten() {
                    set(&made, &entry.file_name(), &entry.path())?;
                }
                made
            }
            Err(error) => return Err(error.into()),
        };
    }
    Ok(Some(folder))
}

/// Returns whether a link at `path` that leads to `shown` was placed by us.
fn is_ours(shown: &Path, path: &Path, stands: &[Stand]) -> bool {
    stands.iter().any(|stand| path.strip_prefix(&stand.at).is_ok_and(|rest| stand.of.join(rest) == shown))
}

/// Removes a link of ours that shows what is there outside, where another one belongs: the folder around it became one with a link for
/// each entry.
fn make_way(folder: &OwnedFd, name: &OsStr, path: &Path, to: &Path, stands: &[Stand]) -> io::Result<()> {
    match target(folder, name) {
        Some(shown) if shown != to && is_ours(&shown, path, stands) => {
            Ok(unlinkat(folder, name, AtFlags::empty())?)
        }
        _ => Ok(()),
    }
}

fn target(folder: &OwnedFd, name: &OsStr) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let target = readlinkat(folder, name, Vec::new()).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(target.as_bytes())))
}

/// Makes a link, unless the agent has something there. Empty files and folders are what a sandbox by bubblewrap leaves.
fn set(folder: &OwnedFd, name: &OsStr, to: &Path) -> io::Result<()> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
        Ok(found) => {
            let removed = match FileType::from_raw_mode(found.st_mode) {
                FileType::Directory => unlinkat(folder, name, AtFlags::REMOVEDIR),
                FileType::RegularFile if found.st_size == 0 => unlinkat(folder, name, AtFlags::empty()),
                _ => return Ok(()),
            };
            if removed.is_err() {
                return Ok(());
            }
        }
    }
    match symlinkat(to, folder, name) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Place {
        _folder: tempfile::TempDir,
        own: PathBuf,
        home: PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().canonicalize().unwrap();
            let (own, home) = (root.join("own"), root.join("kim"));
            for path in ["own/home", "own/program-0", "kim/.config/vim", "kim/.config/code", "kim/bin"] {
                fs::create_dir_all(root.join(path)).unwrap();
            }
            fs::write(home.join(".gitconfig"), "x").unwrap();
            Self { _folder: folder, own, home }
        }

        fn place(&self) {
            let mounts = [
                Mount::Write(self.own.join("home"), self.home.clone()),
                Mount::read(self.home.join(".config")),
                Mount::read(self.home.join(".gitconfig")),
                Mount::read(self.home.join("bin")),
                Mount::Write(self.own.join("program-0"), self.home.join(".config/code")),
                Mount::write(self.home.join(".config/code/sessions")),
                Mount::Empty(self.home.join(".config/gh")),
            ];
            place(&self.own, &Stand::all(&self.own, &mounts), &mounts).unwrap();
        }

        fn leads(&self, link: &str) -> Option<PathBuf> {
            fs::read_link(self.own.join(link)).ok()
        }
    }

    #[test]
    fn links_lead_to_what_is_shown_and_an_own_folder_is_between_them() {
        let here = Place::new();
        for _ in 0..2 {
            here.place();
            for (link, to) in [
                ("home/.gitconfig", here.home.join(".gitconfig")),
                ("home/bin", here.home.join("bin")),
                ("home/.config/vim", here.home.join(".config/vim")),
                ("home/.config/code", here.own.join("program-0")),
                ("program-0/sessions", here.home.join(".config/code/sessions")),
            ] {
                assert_eq!(here.leads(link), Some(to), "{link}");
            }
        }
        assert!(fs::symlink_metadata(here.own.join("home/.config")).unwrap().is_dir());
    }

    #[test]
    fn no_link_of_the_agent_is_followed_and_none_of_its_files_is_replaced() {
        let here = Place::new();
        let elsewhere = here.home.join("elsewhere");
        fs::create_dir_all(&elsewhere).unwrap();
        symlink(&elsewhere, here.own.join("home/.config")).unwrap();
        fs::write(here.own.join("home/.gitconfig"), "of the agent").unwrap();
        fs::create_dir(here.own.join("home/bin")).unwrap();
        here.place();
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(here.own.join("home/.gitconfig")).unwrap(), "of the agent");
        assert_eq!(here.leads("home/bin"), Some(here.home.join("bin")));
    }
}
