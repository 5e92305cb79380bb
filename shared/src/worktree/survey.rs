//! Finding what differs in a worktree from its index, what is new, and what cannot be captured. Nothing is opened that could
//! block; a file that cannot be read is skipped alone.

mod submodule_changes;

use std::{
    ffi::OsStr,
    io,
    os::{fd::BorrowedFd, unix::ffi::OsStrExt},
    path::Path,
    time::Instant,
};

use crate::{
    Error, Kind, Result,
    git::{
        Oid, Repo, careful,
        file_stat::{FileKind, FileStat},
        ignore::IgnoreRules,
        index_entries::{FileDifference, IndexEntries, IndexEntryMode, blob_id},
        submodule,
    },
    model::{ByteSize, event::LeftOut, text},
    worktree::{
        exclusions,
        root::{self, ListedFolder, WorktreeRoot},
    },
};

/// Maximum depth of folders: each needs an open file, and every system allows this many.
const MAX_DEPTH: usize = 200;
/// Maximum length of a path, in bytes. The staging area adds its own path, and the system's limit is 4096.
const MAX_PATH_BYTES: usize = 3000;
/// Maximum size of a `.gitignore`, in bytes.
const MAX_IGNORE_FILE_BYTES: u64 = 4 << 20;
/// Maximum width of a path listed as left out, in columns.
pub const PATH_WIDTH: usize = 200;

/// The findings. Paths are relative to the worktree.
#[derive(Debug, Default)]
pub struct Survey {
    /// Regular files that are new, differ from the index, or may differ.
    pub files: Vec<Vec<u8>>,
    /// Links that are new or differ, with their targets.
    pub links: Vec<(Vec<u8>, Vec<u8>)>,
    /// Submodules whose checked-out commit differs from the index.
    pub submodules: Vec<(Vec<u8>, Oid)>,
    /// Paths of the index that no longer exist.
    pub removed: Vec<Vec<u8>>,
    /// Files that were touched but have the content in the index, with their current file system data.
    pub touched: Vec<(Vec<u8>, FileStat)>,
    /// What is not captured, and why.
    pub left_out: Vec<LeftOut>,
    /// Paths with conflicts in the index.
    pub unmerged: Vec<Vec<u8>>,
    /// Those conflicts whose file is not captured.
    pub unmerged_left_out: Vec<Vec<u8>>,
    /// Files and folders that git ignores; folders end in `/`.
    pub ignored: Vec<Vec<u8>>,
}

/// What a survey is based on, and its limits.
pub struct SurveyOptions<'a> {
    /// The worktree's repository, opened through the isolated git directory.
    pub repo: &'a Repo,
    /// The index that the files are compared with.
    pub entries: &'a IndexEntries,
    /// The maximum size of a captured file.
    pub max_file: ByteSize,
    /// When the survey must be finished.
    pub deadline: Instant,
}

/// Surveys a worktree.
///
/// # Errors
/// The worktree's own folder cannot be read, or the deadline passed (124).
pub fn survey_worktree(root: &WorktreeRoot, options: &SurveyOptions<'_>) -> Result<Survey> {
    survey_at_depth(root, options, 0)
}

/// Surveys a worktree, or a submodule that is `depth` repositories deep in one.
fn survey_at_depth(root: &WorktreeRoot, options: &SurveyOptions<'_>, depth: usize) -> Result<Survey> {
    let cannot = |error| {
        Error::new(Kind::External, format!("cannot read the worktree '{}'", root.path().display()))
            .because(error)
    };
    let mut walk = Walk {
        root,
        options,
        rules: IgnoreRules::of(options.repo),
        seen: vec![false; options.entries.len()],
        unvisited: Vec::new(),
        found: Survey::default(),
        depth,
    };
    let top = root.top().and_then(|top| ListedFolder::open(top, b".")).map_err(cannot)?;
    let folder = top.handle().map_err(cannot)?;
    let top = WalkFolder { folder, names: top.names(), ignored: false, depth: 0 };
    walk.folder(&top, &mut Vec::new())?;
    walk.record_missing();
    Ok(walk.found)
}

impl Survey {
    /// Iterates over the files and links that differ from the index, missing ones included.
    pub fn changes(&self) -> impl Iterator<Item = &[u8]> {
        let links = self.links.iter().map(|(path, _)| path);
        self.files.iter().chain(&self.removed).chain(links).map(Vec::as_slice)
    }

    /// Returns whether the files are those of the index, which has no conflicts.
    pub fn is_unchanged(&self) -> bool {
        self.changes().next().is_none()
            && self.submodules.is_empty()
            && self.unmerged.is_empty()
            && self.unmerged_left_out.is_empty()
    }

    /// Takes the list of what is not captured, sorted by path.
    #[must_use]
    pub fn sorted_left_out(&mut self) -> Vec<LeftOut> {
        let mut left_out = std::mem::take(&mut self.left_out);
        left_out.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        left_out
    }

    /// Adds a path to what is not captured.
    pub fn leave_out(&mut self, path: &[u8], why: impl Into<String>) {
        let path = text::one_line(&String::from_utf8_lossy(path), PATH_WIDTH);
        self.left_out.push(LeftOut { path, why: why.into() });
    }
}

struct Walk<'a> {
    root: &'a WorktreeRoot,
    options: &'a SurveyOptions<'a>,
    rules: IgnoreRules,
    /// Whether the path of each index entry was found.
    seen: Vec<bool>,
    /// Folders that could not be entered: the index entries below them stay as they are.
    unvisited: Vec<Vec<u8>>,
    found: Survey,
    /// The number of repositories around this one.
    depth: usize,
}

/// A folder during the walk.
struct WalkFolder<'a> {
    folder: BorrowedFd<'a>,
    names: &'a [(Vec<u8>, Option<bool>)],
    /// Whether git ignores it; then only paths in the index matter.
    ignored: bool,
    depth: usize,
}

impl Walk<'_> {
    /// Walks a folder. `path` is its path with a slash at its end; empty for the worktree itself.
    fn folder(&mut self, current: &WalkFolder<'_>, path: &mut Vec<u8>) -> Result<()> {
        if Instant::now() > self.options.deadline {
            return Err(Error::new(
                Kind::Timeout,
                format!("reading the worktree '{}' took too long", self.root.path().display()),
            ));
        }
        let rules = if current.ignored { None } else { self.own_rules(current, path) };
        if let Some(rules) = &rules {
            self.rules.enter(Path::new(OsStr::from_bytes(path)), rules);
        }
        let length = path.len();
        let mut folders: Vec<&[u8]> = Vec::new();
        for (name, is_folder) in current.names {
            path.extend_from_slice(name);
            if is_reserved_name(name) {
                self.record_reserved_name(path, length == 0);
            } else if path.len() > MAX_PATH_BYTES {
                self.found.leave_out(path, "its path is too long");
                self.keep_below(path);
            } else if self.is_folder(current, name, *is_folder, path) {
                folders.push(name);
            }
            path.truncate(length);
        }
        for name in folders {
            path.extend_from_slice(name);
            path.push(b'/');
            self.enter(current, name, path)?;
            path.truncate(length);
        }
        if rules.is_some() {
            self.rules.leave();
        }
        Ok(())
    }

    /// Reads the folder's own `.gitignore`. If it cannot be read, the staged version is used: it may keep secrets out.
    fn own_rules(&self, current: &WalkFolder<'_>, path: &[u8]) -> Option<Vec<u8>> {
        const NAME: &[u8] = b".gitignore";
        current.names.binary_search_by(|(name, _)| name.as_slice().cmp(NAME)).ok()?;
        let read = || {
            careful::read_up_to(root::open_file(current.folder, NAME).ok()?.0, MAX_IGNORE_FILE_BYTES).ok()?
        };
        read().or_else(|| {
            let staged = self.options.entries.of_path(&[path, NAME].concat())?.start;
            self.options.repo.read_blob(self.options.entries.id(staged)).ok()
        })
    }

    /// Records what is at a path, and returns whether it is a folder to enter.
    fn is_folder(
        &mut self,
        current: &WalkFolder<'_>,
        name: &[u8],
        is_folder: Option<bool>,
        path: &[u8],
    ) -> bool {
        let tracked = self.options.entries.of_path(path);
        if tracked.is_none() && is_folder == Some(true) {
            return true;
        }
        let found = match FileStat::at(current.folder, name) {
            Ok(found) => found,
            // It was removed or replaced at this moment.
            Err(error) if is_gone(&error) => return false,
            Err(error) => {
                if let Some(range) = tracked {
                    range.for_each(|at| self.seen[at] = true);
                }
                self.found.leave_out(path, cannot_be_read(&error));
                return false;
            }
        };
        match tracked {
            Some(range) => self.tracked(current, name, path, range, &found),
            None if found.kind == FileKind::Folder => true,
            None => {
                self.untracked(current, name, path, &found);
                false
            }
        }
    }

    fn untracked(&mut self, current: &WalkFolder<'_>, name: &[u8], path: &[u8], found: &FileStat) {
        if current.ignored || self.rules.ignores(path, false) {
            self.found.ignored.push(path.to_vec());
            return;
        }
        let shown = String::from_utf8_lossy(path);
        match found.kind {
            FileKind::Special(what) => self.found.leave_out(path, what),
            _ if exclusions::exclusion_reason(&shown, Some(found.size), self.options.max_file).is_some() => {
                let why = exclusions::exclusion_reason(&shown, Some(found.size), self.options.max_file)
                    .unwrap_or_default();
                self.found.leave_out(path, why);
            }
            FileKind::Link => self.link(current, name, path, None),
            FileKind::Regular(_) => self.found.files.push(path.to_vec()),
            FileKind::Folder => {}
        }
    }

    fn tracked(
        &mut self,
        current: &WalkFolder<'_>,
        name: &[u8],
        path: &[u8],
        range: std::ops::Range<usize>,
        found: &FileStat,
    ) -> bool {
        range.clone().for_each(|at| self.seen[at] = true);
        let entries = self.options.entries;
        let at = range.start;
        let unmerged = entries.is_unmerged(at);
        if unmerged {
            self.found.unmerged.push(path.to_vec());
        }
        let largest = range.map(|at| entries.size(at)).max().unwrap_or(0).saturating_mul(2);
        let largest = largest.max(self.options.max_file.as_bytes());
        let result = match (found.kind, entries.mode(at)) {
            (FileKind::Folder, IndexEntryMode::Submodule) => {
                self.submodule(path, at);
                return false;
            }
            (FileKind::Folder, _) => {
                self.found.removed.push(path.to_vec());
                return true;
            }
            (FileKind::Special(what), _) => Err(what.to_owned()),
            (FileKind::Link, _) => {
                let known = (!unmerged).then(|| entries.id(at));
                self.link(current, name, path, known);
                Ok(())
            }
            (FileKind::Regular(_), _) => match entries.difference(at, found) {
                FileDifference::Unchanged if !unmerged => Ok(()),
                FileDifference::Unknown if !unmerged => self.compare(current, name, path, at, largest),
                _ if found.size > largest => Err(exclusions::TOO_LARGE.to_owned()),
                _ => {
                    self.found.files.push(path.to_vec());
                    Ok(())
                }
            },
        };
        if let Err(why) = result {
            self.found.leave_out(path, why);
            if unmerged {
                self.found.unmerged_left_out.push(path.to_vec());
            }
        }
        false
    }

    /// Compares the content of a file that was touched, or may have been changed in the instant in which the index was written.
    fn compare(
        &mut self,
        current: &WalkFolder<'_>,
        name: &[u8],
        path: &[u8],
        at: usize,
        largest: u64,
    ) -> Result<(), String> {
        let read = root::open_file(current.folder, name)
            .and_then(|(file, found)| Ok((careful::read_up_to(file, largest)?, found)));
        match read {
            Ok((Some(bytes), found)) if blob_id(&bytes).is_ok_and(|id| id == self.options.entries.id(at)) => {
                self.found.touched.push((path.to_vec(), found));
                Ok(())
            }
            Ok((Some(_), _)) => {
                self.found.files.push(path.to_vec());
                Ok(())
            }
            Ok((None, _)) => Err(exclusions::TOO_LARGE.to_owned()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(cannot_be_read(&error)),
        }
    }

    fn link(&mut self, current: &WalkFolder<'_>, name: &[u8], path: &[u8], known: Option<Oid>) {
        match root::read_link(current.folder, name) {
            Ok(target) if known.is_some() && blob_id(&target).ok() == known && self.is_link(path) => {}
            Ok(target) => self.found.links.push((path.to_vec(), target)),
            Err(error) if is_gone(&error) => {}
            Err(error) => self.found.leave_out(path, cannot_be_read(&error)),
        }
    }

    fn is_link(&self, path: &[u8]) -> bool {
        let entries = self.options.entries;
        entries.of_path(path).is_some_and(|range| entries.mode(range.start) == IndexEntryMode::Link)
    }

    fn submodule(&mut self, path: &[u8], at: usize) {
        let full = self.root.path().join(OsStr::from_bytes(path));
        let now = submodule::checked_out_commit(&full);
        if let Some(now) = now.filter(|now| *now != self.options.entries.id(at)) {
            self.found.submodules.push((path.to_vec(), now));
        }
        if now.is_some()
            && let Some(why) = submodule_changes::why_left_out(&full, self.options, self.depth + 1)
        {
            self.found.leave_out(&[path, b"/"].concat(), why);
        }
    }

    /// Enters a folder, unless nothing in it is tracked and it is ignored. `path` ends in `/`.
    fn enter(&mut self, current: &WalkFolder<'_>, name: &[u8], path: &mut Vec<u8>) -> Result<()> {
        let tracked = self.options.entries.has_below(path);
        let ignored = current.ignored || self.rules.ignores(&path[..path.len() - 1], true);
        if ignored && !tracked {
            self.found.ignored.push(path.clone());
            return Ok(());
        }
        let listed = match ListedFolder::open(current.folder, name) {
            Ok(listed) => listed,
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) if is_out_of_handles(&error) => {
                return Err(Error::new(Kind::External, "too many open files").because(error));
            }
            Err(error) => {
                self.found.leave_out(path, cannot_be_read(&error));
                self.keep_below(path);
                return Ok(());
            }
        };
        let folder = listed
            .handle()
            .map_err(|error| Error::new(Kind::External, "cannot read an open folder").because(error))?;
        if !tracked && is_repository(folder) {
            self.found.leave_out(path, exclusions::REPOSITORY);
            return Ok(());
        }
        if current.depth >= MAX_DEPTH {
            self.found.leave_out(path, format!("more than {MAX_DEPTH} folders deep"));
            self.keep_below(path);
            return Ok(());
        }
        let below = WalkFolder { folder, names: listed.names(), ignored, depth: current.depth + 1 };
        self.folder(&below, path)
    }

    /// Records a name that git never adds: its own folder, in any spelling. The one of the worktree itself is not reported.
    fn record_reserved_name(&mut self, path: &[u8], at_the_top: bool) {
        if !(at_the_top && path == b".git") {
            self.found.leave_out(path, "a name that git reserves");
        }
    }

    fn keep_below(&mut self, path: &[u8]) {
        self.unvisited.push(path.to_vec());
    }

    /// Records the paths of the index that do not exist in the worktree.
    fn record_missing(&mut self) {
        let entries = self.options.entries;
        for at in (0..entries.len()).filter(|at| !self.seen[*at]).collect::<Vec<_>>() {
            let path = entries.path(at);
            if entries.mode(at) == IndexEntryMode::SparseFolder || entries.is_skipped(at) {
                continue;
            }
            let first = at == 0 || entries.path(at - 1) != path;
            let unvisited = self.unvisited.iter().any(|folder| path.starts_with(folder));
            if entries.is_unmerged(at) && first {
                self.found.unmerged.push(path.to_vec());
                if unvisited {
                    self.found.unmerged_left_out.push(path.to_vec());
                }
            }
            if first && !unvisited {
                self.found.removed.push(path.to_vec());
            }
        }
    }
}

/// Returns whether git rejects a name because it may stand for its own folder, on this or another system.
fn is_reserved_name(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b".git") || name.eq_ignore_ascii_case(b"git~1")
}

/// Returns whether a folder is the checkout of another repository.
fn is_repository(folder: BorrowedFd<'_>) -> bool {
    match FileStat::at(folder, b".git").map(|found| found.kind) {
        Ok(FileKind::Regular(_)) => true,
        Ok(FileKind::Folder) => FileStat::at(folder, b".git/HEAD").is_ok(),
        _ => false,
    }
}

fn is_gone(error: &io::Error) -> bool {
    let is_link = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    is_link || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Describes why a file that cannot be read is left out.
pub fn cannot_be_read(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        io::ErrorKind::InvalidInput => "cannot be read: no longer a regular file".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// Returns whether the process has too many open files; then the file is not the cause.
fn is_out_of_handles(error: &io::Error) -> bool {
    let too_many = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE].map(rustix::io::Errno::raw_os_error);
    error.raw_os_error().is_some_and(|number| too_many.contains(&number))
}
