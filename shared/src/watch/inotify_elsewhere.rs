//! A substitute for systems without inotify: it can never be opened, and watchers poll the modification times of folders instead.

use std::{
    convert::Infallible,
    io,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use super::{folders::WatchedFolder, noticed::Noticed};

/// A type without values, in the place of the watches of Linux.
#[derive(Debug)]
pub(super) struct Inotify(Infallible);

impl Inotify {
    pub(super) const fn open(_: &Path) -> Option<Self> {
        None
    }

    pub(super) const fn watch(&mut self, _: &Path, _: &[WatchedFolder]) -> io::Result<bool> {
        match self.0 {}
    }

    pub(super) const fn read(&mut self) -> io::Result<Noticed> {
        match self.0 {}
    }
}

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self.0 {}
    }
}
