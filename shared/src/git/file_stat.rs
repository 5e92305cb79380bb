//! The file system's data of one file, as an index records it.

use std::{fs::File, io, os::fd::AsFd};

use gix::index::entry::{Stat, stat::Time};
use rustix::fs::{AtFlags, FileType};

/// The kind of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileKind {
    /// A regular file; `true`: its owner may execute it.
    Regular(bool),
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// A file without content of its own; the text says which.
    Special(&'static str),
}

/// The data of a file at one moment; links are not followed.
#[derive(Clone, Copy, Debug)]
pub struct FileStat {
    /// Its kind.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size: u64,
    /// Device and inode: together they identify a file while it exists.
    pub identity: (u64, u64),
    pub(super) stat: Stat,
}

impl FileStat {
    /// Reads the data of `name` in an open folder.
    ///
    /// # Errors
    /// It is missing, or the folder cannot be searched.
    pub fn at(folder: impl AsFd, name: &[u8]) -> io::Result<Self> {
        Ok(Self::from(&rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Reads the data of an open file.
    ///
    /// # Errors
    /// The file system fails.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(Self::from(&rustix::fs::fstat(file)?))
    }
}

impl From<&rustix::fs::Stat> for FileStat {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::unnecessary_cast,
        reason = "an index keeps the low 32 bits, as git does; the types differ between systems"
    )]
    fn from(found: &rustix::fs::Stat) -> Self {
        let time = |secs: i64, nsecs: u64| Time { secs: secs as u32, nsecs: nsecs as u32 };
        let kind = match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => FileKind::Regular(found.st_mode & 0o100 != 0),
            FileType::Symlink => FileKind::Link,
            FileType::Directory => FileKind::Folder,
            FileType::Fifo => FileKind::Special("a named pipe"),
            FileType::Socket => FileKind::Special("a socket"),
            FileType::CharacterDevice | FileType::BlockDevice => FileKind::Special("a device"),
            FileType::Unknown => FileKind::Special("of a kind that git does not know"),
        };
        let stat = Stat {
            mtime: time(found.st_mtime as i64, found.st_mtime_nsec as u64),
            ctime: time(found.st_ctime as i64, found.st_ctime_nsec as u64),
            dev: found.st_dev as u32,
            ino: found.st_ino as u32,
            uid: found.st_uid,
            gid: found.st_gid,
            size: found.st_size as u32,
        };
        let identity = (found.st_dev as u64, found.st_ino as u64);
        Self { kind, size: found.st_size as u64, identity, stat }
    }
}
