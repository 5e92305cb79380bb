//! A folder that is held open, so that it is found again after a rename of it or of a folder above it.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::supervise::tree;

/// Where a folder is now, compared with where it was found last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Whereabouts {
    /// In the same place.
    Here,
    /// Renamed: it has this path now.
    Moved(PathBuf),
    /// It exists, but no path leads to it at the moment.
    Away,
    /// It was deleted.
    Deleted,
}

/// The folder.
#[derive(Debug)]
pub struct TrackedFolder {
    handle: File,
    path: PathBuf,
}

impl TrackedFolder {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { handle: File::open(path)?, path: path.to_owned() })
    }

    /// Looks where the folder is, and remembers its new path. While it is in its place this costs two `stat` calls.
    pub fn follow(&mut self) -> Whereabouts {
        let Ok(own) = self.handle.metadata() else { return Whereabouts::Away };
        if own.nlink() == 0 {
            return Whereabouts::Deleted;
        }
        if is_at(&self.path, &own) {
            return Whereabouts::Here;
        }
        // A path from the kernel may be out of date, or belong to another root folder: it counts only if it leads here.
        match tree::path_of(&self.handle).filter(|path| is_at(path, &own)) {
            Some(path) => {
                self.path.clone_from(&path);
                Whereabouts::Moved(path)
            }
            None => Whereabouts::Away,
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
        assert_eq!(folder.follow(), Whereabouts::Here);
        fs::rename(at("parent/folder"), at("parent/renamed")).unwrap();
        // Another folder in the old place is not the same one.
        fs::create_dir(at("parent/folder")).unwrap();
        assert_eq!(folder.follow(), Whereabouts::Moved(at("parent/renamed")));
        assert_eq!(folder.follow(), Whereabouts::Here);
        fs::rename(at("parent"), at("elsewhere")).unwrap();
        assert_eq!(folder.follow(), Whereabouts::Moved(at("elsewhere/renamed")));
        fs::remove_dir(at("elsewhere/renamed")).unwrap();
        fs::create_dir(at("elsewhere/renamed")).unwrap();
        assert_eq!(folder.follow(), Whereabouts::Deleted);
    }
}
