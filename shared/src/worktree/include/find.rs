//! Finding the files to copy: those that git ignores in the user's checkout, and that a pattern matches.

use std::{
    ffi::OsStr,
    io,
    os::{fd::BorrowedFd, unix::ffi::OsStrExt},
    path::Path,
    time::{Duration, Instant},
};

use super::{
    Wanted,
    item::{Item, ItemKind},
    place::Source,
    shown,
    skipped::Skipped,
};
use crate::{
    Code, Error, Kind, Result,
    git::{
        careful,
        file_stat::{FileKind, FileStat},
        ignore::IgnoreRules,
    },
    worktree::root::{self, ListedFolder},
};

/// The most files that are copied.
const MAX_ITEMS: usize = 100_000;
/// The most names that are looked at.
const MAX_NAMES: usize = 2_000_000;
/// How long the search may take.
const MAX_TIME: Duration = Duration::from_secs(120);
/// The most folders in each other.
const MAX_DEPTH: usize = 100;
/// Maximum size of a `.gitignore`, in bytes.
const MAX_RULES_BYTES: u64 = 4 << 20;

/// What there is to copy.
#[derive(Default)]
pub(super) struct Found {
    /// Folders come before what is in them.
    pub(super) items: Vec<Item>,
    pub(super) skipped: Vec<Skipped>,
    /// The sizes of all files together.
    pub(super) bytes: u64,
}

/// What is known of a folder from the folders above it.
#[derive(Clone, Copy)]
struct Above {
    is_ignored: bool,
    is_wanted: bool,
    depth: usize,
}

struct Search<'a> {
    source: &'a Source<'a>,
    disposable: &'a [String],
    rules: IgnoreRules,
    found: Found,
    names: usize,
    deadline: Instant,
}

/// Finds what is wanted in the checkout.
///
/// # Errors
/// The checkout cannot be read, or there are too many files (2).
pub(super) fn find(source: &Source<'_>, wanted: &Wanted<'_>) -> Result<Found> {
    let cannot = |error| Error::new(Kind::External, "cannot read the checkout").because(error);
    let mut search = Search {
        source,
        disposable: wanted.disposable,
        rules: IgnoreRules::of(source.repo),
        found: Found::default(),
        names: 0,
        deadline: Instant::now() + MAX_TIME,
    };
    let top = source.root.top().and_then(|top| ListedFolder::open(top, b".")).map_err(cannot)?;
    let above = Above { is_ignored: false, is_wanted: false, depth: 0 };
    search.folder(&top, above, &mut Vec::new())?;
    Ok(search.found)
}

impl Search<'_> {
    /// Looks at what is in a folder. `path` is its path with a slash at its end; empty for the checkout itself.
    fn folder(&mut self, listed: &ListedFolder, above: Above, path: &mut Vec<u8>) -> Result<()> {
        let Ok(folder) = listed.handle() else { return Ok(()) };
        self.names += listed.names().len();
        if self.names > MAX_NAMES || self.found.items.len() > MAX_ITEMS || Instant::now() > self.deadline {
            return Err(self.too_many());
        }
        let own = if above.is_ignored { None } else { own_rules(folder) };
        if let Some(own) = &own {
            self.rules.enter(Path::new(OsStr::from_bytes(path)), own);
        }
        let length = path.len();
        for (name, is_folder) in listed.names() {
            if name.eq_ignore_ascii_case(b".git") {
                continue;
            }
            path.extend_from_slice(name);
            let kind = match is_folder {
                Some(true) => Some(FileKind::Folder),
                _ => FileStat::at(folder, name).ok().map(|found| found.kind),
            };
            match kind {
                Some(FileKind::Folder) => self.enter(folder, name, above, path)?,
                Some(kind) => self.file(folder, name, kind, above, path),
                // It vanished at this moment.
                None => {}
            }
            path.truncate(length);
        }
        if own.is_some() {
            self.rules.leave();
        }
        Ok(())
    }

    fn file(&mut self, folder: BorrowedFd<'_>, name: &[u8], kind: FileKind, above: Above, path: &[u8]) {
        let is_wanted = above.is_wanted || self.source.wanted.ignores(path, false);
        let is_ignored = || above.is_ignored || self.rules.ignores(path, false);
        if !is_wanted || self.source.tracked.of_path(path).is_some() || !is_ignored() {
            return;
        }
        let kind = match kind {
            FileKind::Regular(_) => {
                self.found.bytes += FileStat::at(folder, name).map_or(0, |found| found.size);
                ItemKind::File
            }
            FileKind::Link => ItemKind::Link,
            FileKind::Special(what) => return self.found.skipped.push(Skipped::new(path, what)),
            FileKind::Folder => return,
        };
        self.found.items.push(Item { path: path.to_vec(), kind });
    }

    fn enter(&mut self, folder: BorrowedFd<'_>, name: &[u8], above: Above, path: &mut Vec<u8>) -> Result<()> {
        let is_ignored = above.is_ignored || self.rules.ignores(path, true);
        let is_wanted = above.is_wanted || self.source.wanted.ignores(path, true);
        let is_disposable = self.disposable.iter().any(|known| known.as_bytes() == name);
        if is_ignored && !is_wanted && is_disposable {
            return Ok(());
        }
        let listed = match ListedFolder::open(folder, name) {
            Ok(listed) => listed,
            Err(error) => {
                if is_wanted && is_ignored && error.kind() != io::ErrorKind::NotFound {
                    self.found
                        .skipped
                        .push(Skipped::new(path, &crate::worktree::survey::cannot_be_read(&error)));
                }
                return Ok(());
            }
        };
        path.push(b'/');
        let is_tracked = self.source.tracked.has_below(path);
        if !is_tracked && listed.names().iter().any(|(name, _)| name == b".git") {
            if is_wanted {
                self.found.skipped.push(Skipped::new(path, "a repository of its own"));
            }
            return Ok(());
        }
        if above.depth >= MAX_DEPTH {
            if is_wanted {
                self.found.skipped.push(Skipped::new(path, "too deep"));
            }
            return Ok(());
        }
        if is_wanted && is_ignored && !is_tracked {
            let folder = path[..path.len() - 1].to_vec();
            self.found.items.push(Item { path: folder, kind: ItemKind::Folder });
        }
        self.folder(&listed, Above { is_ignored, is_wanted, depth: above.depth + 1 }, path)
    }

    fn too_many(&self) -> Error {
        let first = self.found.items.first().map(|item| shown(&item.path)).unwrap_or_default();
        Error::new(
            Code::LimitExceeded,
            format!(
                "'{}' and orchestra.include name too many files to copy ({} so far, such as '{first}')",
                super::FILE,
                self.found.items.len()
            ),
        )
        .hint(
            "git orchestra config set orchestra.setup 'npm ci' installs dependencies instead of copying them",
        )
    }
}

fn own_rules(folder: BorrowedFd<'_>) -> Option<Vec<u8>> {
    let (file, _) = root::open_file(folder, b".gitignore").ok()?;
    careful::read_up_to(file, MAX_RULES_BYTES).ok()?
}
