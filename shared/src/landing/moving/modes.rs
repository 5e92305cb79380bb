//! Permissions of files of which git records no more than whether a file is executable. Git deletes a file that it changes, and makes
//! it again with the permissions of a new file: what only the owner could read, everybody could.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    git::{Oid, Repo, careful},
};

/// The permission bits that are kept. Those that give a program another user or group are not given to new content.
const KEPT_BITS: u32 = 0o777;
/// Who may read and write.
const READ_AND_WRITE: u32 = 0o666;
/// Who may read.
const READ: u32 = 0o444;
/// Who may execute.
const EXECUTE: u32 = 0o111;
/// The permissions that git gives with the masks in use.
const USUAL: [u32; 4] = [0o644, 0o755, 0o664, 0o775];

/// The permissions of the files in a checkout that a move changes or removes, if they are unusual.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct FileModes(Vec<FileMode>);

/// The permissions of one file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct FileMode {
    /// Its path in the checkout, which need not be UTF-8.
    path: Vec<u8>,
    mode: u32,
}

impl FileModes {
    /// Reads the permissions of the files in a checkout that differ between two commits.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub(in crate::landing) fn read(repo: &Repo, checkout: &Path, old: Oid, new: Oid) -> Result<Self> {
        let paths = repo.paths_between(Some(repo.tree_of(old)?), Some(repo.tree_of(new)?))?;
        let mode_of = |path: Vec<u8>| {
            let found = fs::symlink_metadata(checkout.join(OsStr::from_bytes(&path))).ok()?;
            let mode = found.permissions().mode() & KEPT_BITS;
            (found.is_file() && !USUAL.contains(&mode)).then_some(FileMode { path, mode })
        };
        Ok(Self(paths.into_iter().filter_map(mode_of).collect()))
    }

    /// Gives the files that are there now the permissions that they had, and returns whether any changed. A file that cannot get
    /// them stays as it is.
    pub(in crate::landing) fn restore(&self, checkout: &Path) -> bool {
        let mut changed = false;
        for FileMode { path, mode } in &self.0 {
            let Some(file) = file_in(checkout, path) else { continue };
            let Ok(file) = careful::open_regular(&file) else { continue };
            let Ok(found) = file.metadata() else { continue };
            let written = found.permissions().mode() & KEPT_BITS;
            let wanted = with_content(*mode, written);
            if wanted != written {
                changed |= file.set_permissions(Permissions::from_mode(wanted)).is_ok();
            }
        }
        changed
    }

    /// Returns whether there is nothing to restore.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Returns the permissions of a file that had `before` and whose new content was `written` with others: whether it is executable is
/// decided by the commit, and for whom by who may read it.
fn with_content(before: u32, written: u32) -> u32 {
    let execute = if written & EXECUTE == 0 { 0 } else { (before & READ) >> 2 };
    before & READ_AND_WRITE | execute
}

/// Returns the path of a file, unless it leads out of the checkout.
fn file_in(checkout: &Path, path: &[u8]) -> Option<PathBuf> {
    let path = Path::new(OsStr::from_bytes(path));
    let mut folders = path.ancestors().skip(1).map(|folder| checkout.join(folder));
    let is_folder = |folder: PathBuf| fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
    (is_below && folders.all(is_folder)).then(|| checkout.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_decides_whether_a_file_is_executable() {
        for (before, written, wanted) in [
            (0o600, 0o644, 0o600),
            (0o700, 0o755, 0o700),
            (0o600, 0o755, 0o700),
            (0o700, 0o644, 0o600),
            (0o640, 0o755, 0o750),
            (0o444, 0o644, 0o444),
            (0o666, 0o644, 0o666),
        ] {
            assert_eq!(with_content(before, written), wanted, "{before:o} {written:o}");
        }
    }

    #[test]
    fn no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (checkout, outside) = (dir.path().join("checkout"), dir.path().join("outside"));
        for folder in [&checkout, &outside] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(outside.join("file"), "").unwrap();
        let mode = || fs::metadata(outside.join("file")).unwrap().permissions().mode();
        let before = mode();
        std::os::unix::fs::symlink(&outside, checkout.join("folder")).unwrap();
        std::os::unix::fs::symlink(outside.join("file"), checkout.join("link")).unwrap();
        let modes = [b"folder/file".as_slice(), b"link", b"../outside/file"];
        FileModes(modes.map(|path| FileMode { path: path.to_vec(), mode: 0o600 }).to_vec())
            .restore(&checkout);
        assert_eq!(mode(), before);
    }
}
