//! Copying files between two folders: links stay links, modes and times stay, holes stay holes, and nothing outside is reached.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, Timespec, Timestamps},
    io::Errno,
};

use super::{
    item::{Item, ItemKind},
    record::{self, Copied},
    shown,
    skipped::Skipped,
};
use crate::{
    Code, Error, Result,
    git::file_stat::{FileKind, FileStat},
    worktree::{
        root::{self, WorktreeRoot},
        survey,
    },
};

/// Copies files one after the other.
pub(super) struct Copier<'a> {
    from: &'a WorktreeRoot,
    to: &'a WorktreeRoot,
    copies: Vec<Copied>,
    skipped: Vec<Skipped>,
    /// Folders that were made, with the modes and times that they get at the end.
    folders: Vec<(Vec<u8>, rustix::fs::Stat)>,
}

/// Why one file was not copied.
enum Obstacle {
    /// The file is left out.
    Skip(String),
    /// Nothing more can be copied.
    Full,
}

impl From<io::Error> for Obstacle {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOSPC | Errno::DQUOT) => Self::Full,
            Some(Errno::NOENT) => Self::Skip("it vanished while it was copied".to_owned()),
            _ => Self::Skip(survey::cannot_be_read(&error)),
        }
    }
}

impl From<Errno> for Obstacle {
    fn from(error: Errno) -> Self {
        io::Error::from(error).into()
    }
}

impl<'a> Copier<'a> {
    pub(super) fn new(from: &'a WorktreeRoot, to: &'a WorktreeRoot) -> Self {
        Self { from, to, copies: Vec::new(), skipped: Vec::new(), folders: Vec::new() }
    }

    /// Copies a file, a link, or an empty folder. What cannot be copied is noted.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn copy(&mut self, item: &Item) -> Result<()> {
        match self.try_copy(item) {
            Ok(()) => Ok(()),
            Err(Obstacle::Skip(why)) => {
                self.skipped.push(Skipped::new(&item.path, &why));
                Ok(())
            }
            Err(Obstacle::Full) => {
                let what = shown(&item.path);
                Err(Error::new(
                    Code::DiskFull,
                    format!("the disk is full: cannot copy '{what}' into the worktree"),
                ))
            }
        }
    }

    /// Sets the times of the folders, and returns what was copied and what was not.
    pub(super) fn finish(self) -> (Vec<Copied>, Vec<Skipped>) {
        for (path, stat) in self.folders.iter().rev() {
            if let Ok(folder) = self.to.folder(path) {
                let _ = rustix::fs::fchmod(&folder, mode_of(stat));
                let _ = rustix::fs::futimens(&folder, &times_of(stat));
            }
        }
        (self.copies, self.skipped)
    }

    fn try_copy(&mut self, item: &Item) -> Result<(), Obstacle> {
        let (folder, name) = root::split_path(&item.path);
        let from = self.from.folder(folder)?;
        let to = self.make_folder(folder)?;
        match item.kind {
            ItemKind::Folder => {
                let stat = rustix::fs::statat(&from, name, AtFlags::SYMLINK_NOFOLLOW)?;
                if make_dir(&to, name)? {
                    self.folders.push((item.path.clone(), stat));
                }
            }
            ItemKind::Link => {
                copy_link(&from, &to, name)?;
                self.note(item, &to, name)?;
            }
            ItemKind::File => {
                copy_file(&from, &to, name)?;
                self.note(item, &to, name)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, item: &Item, to: &OwnedFd, name: &[u8]) -> Result<(), Obstacle> {
        self.copies.extend(record::of_copy(&item.path, to, name)?);
        Ok(())
    }

    /// Opens a folder of the worktree, and makes what is missing of it, with the modes and times of the originals.
    fn make_folder(&mut self, path: &[u8]) -> Result<OwnedFd, Obstacle> {
        if let Ok(folder) = self.to.folder(path) {
            return Ok(folder);
        }
        let (mut from, mut to) = (self.from.top()?, self.to.top()?);
        let mut so_far: Vec<u8> = Vec::new();
        for name in path.split(|byte| *byte == b'/') {
            so_far.extend_from_slice(name);
            let stat = rustix::fs::statat(&from, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW)?;
            if make_dir(&to, name)? {
                self.folders.push((so_far.clone(), stat));
            }
            from = root::open_folder(&from, name)?;
            to = root::open_folder(&to, name).map_err(|_| {
                Obstacle::Skip(format!("in the worktree, '{}' is not a folder", shown(&so_far)))
            })?;
            so_far.push(b'/');
        }
        Ok(to)
    }
}

/// Makes a folder, and returns whether it is new.
fn make_dir(to: &OwnedFd, name: &[u8]) -> Result<bool, Obstacle> {
    match rustix::fs::mkdirat(to, OsStr::from_bytes(name), Mode::RWXU) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn copy_link(from: &OwnedFd, to: &OwnedFd, name: &[u8]) -> Result<(), Obstacle> {
    let target = root::read_link(from, name)?;
    let stat = rustix::fs::statat(from, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW)?;
    match rustix::fs::symlinkat(OsStr::from_bytes(&target), to, OsStr::from_bytes(name)) {
        Ok(()) => {}
        Err(Errno::EXIST) if root::read_link(to, name).is_ok_and(|there| there == target) => return Ok(()),
        Err(Errno::EXIST) => return Err(Obstacle::Skip("something else is there already".to_owned())),
        Err(error) => return Err(error.into()),
    }
    let _ = rustix::fs::utimensat(to, OsStr::from_bytes(name), &times_of(&stat), AtFlags::SYMLINK_NOFOLLOW);
    Ok(())
}

fn copy_file(from: &OwnedFd, to: &OwnedFd, name: &[u8]) -> Result<(), Obstacle> {
    let (mut source, _) = root::open_file(from, name)?;
    let stat = rustix::fs::fstat(&source)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(to, OsStr::from_bytes(name), flags, Mode::RUSR | Mode::WUSR);
    let mut target = match opened {
        Ok(opened) => File::from(opened),
        Err(Errno::EXIST) if is_same(to, name, &stat) => return Ok(()),
        Err(Errno::EXIST) => return Err(Obstacle::Skip("something else is there already".to_owned())),
        Err(error) => return Err(error.into()),
    };
    if let Err(error) = copy_content(&mut source, &mut target) {
        let _ = rustix::fs::unlinkat(to, OsStr::from_bytes(name), AtFlags::empty());
        return Err(error.into());
    }
    rustix::fs::fchmod(&target, mode_of(&stat))?;
    rustix::fs::futimens(&target, &times_of(&stat))?;
    Ok(())
}

/// Returns whether a file is there that an interrupted copy has made whole: the times are set last.
fn is_same(to: &OwnedFd, name: &[u8], stat: &rustix::fs::Stat) -> bool {
    let there = rustix::fs::statat(to, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW);
    let is_regular = FileStat::at(to, name).is_ok_and(|found| matches!(found.kind, FileKind::Regular(_)));
    is_regular
        && there.is_ok_and(|there| {
            (there.st_size, there.st_mtime, there.st_mtime_nsec)
                == (stat.st_size, stat.st_mtime, stat.st_mtime_nsec)
        })
}

/// Shares the content where the disk can do that, and copies it otherwise, without what is a hole.
fn copy_content(source: &mut File, target: &mut File) -> io::Result<()> {
    let length = source.metadata()?.len();
    #[cfg(target_os = "linux")]
    if length > 0 && rustix::fs::ioctl_ficlone(&*target, &*source).is_ok() {
        return Ok(());
    }
    let mut at = 0;
    while at < length {
        let Some((begin, end)) = next_data(source, at, length)? else { break };
        source.seek(SeekFrom::Start(begin))?;
        target.seek(SeekFrom::Start(begin))?;
        let copied = io::copy(&mut source.by_ref().take(end - begin), target)?;
        if copied < end - begin {
            // It became shorter meanwhile.
            return target.set_len(begin + copied);
        }
        at = end;
    }
    target.set_len(length)
}

/// Returns the next range with data; `None` if only a hole follows.
#[cfg(target_os = "linux")]
fn next_data(source: &File, at: u64, length: u64) -> io::Result<Option<(u64, u64)>> {
    use rustix::fs::SeekFrom as Seek;
    match rustix::fs::seek(source, Seek::Data(at)) {
        Ok(begin) => {
            let end = rustix::fs::seek(source, Seek::Hole(begin)).unwrap_or(length);
            Ok(Some((begin, end.clamp(begin, length))).filter(|(begin, end)| begin < end))
        }
        Err(Errno::NXIO) => Ok(None),
        // The file system does not know of holes.
        Err(_) => Ok(Some((at, length))),
    }
}

#[cfg(not(target_os = "linux"))]
fn next_data(_source: &File, at: u64, length: u64) -> io::Result<Option<(u64, u64)>> {
    Ok(Some((at, length)))
}

fn mode_of(stat: &rustix::fs::Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode & 0o777)
}

#[expect(clippy::useless_conversion, reason = "the types differ between systems")]
fn times_of(stat: &rustix::fs::Stat) -> Timestamps {
    let time = |seconds, nanoseconds: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds.try_into().unwrap_or_default(),
    };
    Timestamps {
        last_access: time(stat.st_atime.into(), stat.st_atime_nsec.into()),
        last_modification: time(stat.st_mtime.into(), stat.st_mtime_nsec.into()),
    }
}
