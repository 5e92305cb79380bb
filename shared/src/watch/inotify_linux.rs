//! Watching folders with inotify. The `rustix` crate, which the library needs anyway, offers it without `unsafe` code of ours, and
//! a few of its calls are enough: the crates `inotify` and `notify` would bring streams, threads, and other systems.

use std::{
    collections::HashMap,
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags},
    io::Errno,
};

use super::{
    folders::{FileEvent, FolderKind, WatchedFolder},
    noticed::Noticed,
    schedule::Urgency,
};

/// The size of the buffer for events, in bytes.
const BUFFER: usize = 16 * 1024;
/// File systems that can change without an event of the kernel, because other machines write to them: NFS, the three kinds of SMB,
/// 9P, AFS, Ceph, Lustre, and everything that a program serves (FUSE). The numbers are those of statfs(2).
const SHARED_WITH_OTHERS: [u32; 9] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x0102_1997,
    0x5346_414f,
    0x00c3_6400,
    0x0bd0_0bd0,
    0x6573_5546,
];

/// The folders that the kernel watches.
#[derive(Debug)]
pub(super) struct Inotify {
    handle: OwnedFd,
    by_number: HashMap<i32, (PathBuf, FolderKind)>,
    by_path: HashMap<PathBuf, i32>,
    buffer: Vec<MaybeUninit<u8>>,
}

impl Inotify {
    /// Opens a set of watches. Returns `None` if the kernel would miss changes below `folder`, if the user has too many sets already,
    /// or if the kernel was built without inotify.
    pub(super) fn open(folder: &Path) -> Option<Self> {
        let kind = u32::try_from(rustix::fs::statfs(folder).ok()?.f_type);
        if kind.is_ok_and(|kind| SHARED_WITH_OTHERS.contains(&kind)) {
            return None;
        }
        let handle = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
        Some(Self {
            handle,
            by_number: HashMap::new(),
            by_path: HashMap::new(),
            buffer: vec![MaybeUninit::uninit(); BUFFER],
        })
    }

    /// Watches the existing folders that are not watched yet. Returns whether there were any: what was read from such a folder before
    /// may be out of date.
    ///
    /// # Errors
    /// The user's limit is reached, or the file system cannot be watched.
    pub(super) fn watch(&mut self, common: &Path, folders: &[WatchedFolder]) -> io::Result<bool> {
        let mut is_new = false;
        for place in folders {
            if self.by_path.contains_key(&place.path) {
                continue;
            }
            match inotify::add_watch(&self.handle, common.join(&place.path), flags(place.kind)) {
                Ok(number) => {
                    self.by_path.insert(place.path.clone(), number);
                    self.by_number.insert(number, (place.path.clone(), place.kind));
                    is_new = true;
                }
                // It does not exist yet; the watch on its parent reports when it is created.
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(is_new)
    }

    /// Reads all pending events, and returns what may have changed.
    ///
    /// # Errors
    /// The events cannot be read.
    pub(super) fn read(&mut self) -> io::Result<Noticed> {
        let mut noticed = Noticed::default();
        let mut lost = Vec::new();
        let mut reader = Reader::new(&self.handle, &mut self.buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let (number, flags) = (event.wd(), event.events());
                    // The folder itself was removed or moved: the next look watches the one that is at its path then.
                    if flags.intersects(ReadFlags::IGNORED | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT) {
                        lost.push((number, flags.contains(ReadFlags::MOVE_SELF)));
                        noticed.add(Noticed::anything(Urgency::State));
                    } else if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                        // The dropped events may include the removal of folders.
                        lost.extend(self.by_number.keys().map(|number| (*number, false)));
                        noticed.add(Noticed::anything(Urgency::State));
                    } else if let Some((_, folder)) = self.by_number.get(&number) {
                        let name = event.file_name().map(|name| name.to_string_lossy());
                        let name = name.as_deref().unwrap_or_default();
                        noticed.add(folder.noticed(name, meaning(flags)));
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for (number, is_there) in lost {
            if let Some((path, _)) = self.by_number.remove(&number) {
                self.by_path.remove(&path);
            }
            if is_there {
                let _ = inotify::remove_watch(&self.handle, number);
            }
        }
        Ok(noticed)
    }
}

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

fn flags(folder: FolderKind) -> WatchFlags {
    let names = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO;
    let own = WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
    match folder {
        // A ref or the configuration may be written in place, without a rename.
        FolderKind::Repository | FolderKind::Refs | FolderKind::AgentRefs => {
            names | own | WatchFlags::CLOSE_WRITE
        }
        FolderKind::Private | FolderKind::Agents => names | own,
        FolderKind::Agent => names | own | WatchFlags::CLOSE_WRITE | WatchFlags::MODIFY,
    }
}

const fn meaning(flags: ReadFlags) -> FileEvent {
    if flags.contains(ReadFlags::CLOSE_WRITE) {
        FileEvent::Closed
    } else if flags.contains(ReadFlags::MODIFY) {
        FileEvent::Bytes
    } else {
        FileEvent::Name
    }
}
