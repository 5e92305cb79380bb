//! A folder that is held open, so that it can be found after it or one of its parents was renamed.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::supervise::tree;

/// Where a folder is now, compared with where it was last found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FolderLocation {
    /// It has the same path.
    Here,
    /// It was renamed and has this path now.
    Moved(PathBuf),
    /// It exists, but has no known path at the moment.
    Away,
    /// It was deleted.
    Deleted,
}

/// A folder that is held open.
#[derive(Debug)]
pub struct TrackedFolder {
    handle: File,
    path: PathBuf,
}

impl TrackedFolder {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// The folder cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { handle: File::open(path)?, path: path.to_owned() })
    }

    /// Finds the folder and remembers its new path. If it was not moved, this takes two `stat` calls.
    pub fn locate(&mut self) -> FolderLocation {
        let Ok(own) = self.handle.metadata() else { return FolderLocation::Away };
        if own.nlink() == 0 {
            return FolderLocation::Deleted;
        }
        if is_at(&self.path, &own) {
            return FolderLocation::Here;
        }
        // A path from the kernel may be out of date, or belong to another root folder: it counts only if it is this folder.
        match tree::path_of(&self.handle).filter(|path| is_at(path, &own)) {
            Some(path) => {
                self.path.clone_from(&path);
                FolderLocation::Moved(path)
            }
            None => FolderLocation::Away,
        }
    }
}

fn is_at(path: &Path, own: &Metadata) -> bool {
    path.metadata().is_ok_and(|found| (found.dev(), found.ino()) == (own.dev(), own.ino()))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_is_followed_through_renames_until_it_is_deleted() {
        let world = tempfile::tempdir().unwrap();
        let world = world.path().canonicalize().unwrap();
        let at = |path: &str| world.join(path);
        fs::create_dir_all(at("parent/folder")).unwrap();
        let mut folder = TrackedFolder::open(&at("parent/folder")).unwrap();
        assert_eq!(folder.locate(), FolderLocation::Here);
        fs::rename(at("parent/folder"), at("parent/renamed")).unwrap();
        // Another folder at the old path is not the same one.
        fs::create_dir(at("parent/folder")).unwrap();
        assert_eq!(folder.locate(), FolderLocation::Moved(at("parent/renamed")));
        assert_eq!(folder.locate(), FolderLocation::Here);
        fs::rename(at("parent"), at("elsewhere")).unwrap();
        assert_eq!(folder.locate(), FolderLocation::Moved(at("elsewhere/renamed")));
        fs::remove_dir(at("elsewhere/renamed")).unwrap();
        fs::create_dir(at("elsewhere/renamed")).unwrap();
        assert_eq!(folder.locate(), FolderLocation::Deleted);
    }
}
