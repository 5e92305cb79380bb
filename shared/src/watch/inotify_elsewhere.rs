//! On systems without inotify there is none: watchers look at the times of folders instead.

use std::{
    convert::Infallible,
    io,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use super::{pace::Urgency, places::Place};

/// There is none.
#[derive(Debug)]
pub(super) struct Inotify(Infallible);

impl Inotify {
    pub(super) const fn open(_: &Path) -> Option<Self> {
        None
    }

    pub(super) const fn watch(&mut self, _: &Path, _: &[Place]) -> io::Result<bool> {
        match self.0 {}
    }

    pub(super) const fn read(&mut self) -> io::Result<Option<Urgency>> {
        match self.0 {}
    }
}

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self.0 {}
    }
}
