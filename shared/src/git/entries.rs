//! The entries of an index, and whether their files may differ from them.

use std::{collections::HashSet, ops::Range, path::Path};

use gix::{
    bstr::ByteSlice,
    index::entry::{Flags, Mode, Stage, Stat, stat::Options},
    status::tree_index::TrackRenames,
};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::{
        Oid, Repo, careful,
        file_stat::{FileKind, FileStat},
        index::read_index,
    },
};

/// What an entry stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EntryMode {
    /// A file; `true`: it can be run.
    File(bool),
    /// A symbolic link.
    Link,
    /// A submodule.
    Submodule,
    /// A folder that a sparse checkout leaves out as a whole.
    SparseFolder,
}

/// What a look at a file tells of it beside its entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Difference {
    /// None: it was not touched since the index was written.
    None,
    /// Only its content can tell.
    Perhaps,
    /// It differs.
    Certain,
}

/// An index, read into memory, with the rules by which its entries are compared with files.
pub struct Entries {
    file: gix::index::File,
    options: Options,
    trust_mode: bool,
}

impl Entries {
    /// Reads the index at `path` by the configuration of `repo`, a shadow.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(repo: &Repo, path: &Path) -> Result<Self> {
        let options = repo
            .gix
            .stat_options()
            .context(Kind::Internal, || "cannot read the settings of the shadow".into())?;
        let trust_mode = repo.gix.config_snapshot().boolean("core.fileMode").unwrap_or(true);
        Ok(Self { file: read_index(path)?, options, trust_mode })
    }

    /// Paths that are staged otherwise than `tree` has them; at most so many.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn staged_since(&self, repo: &Repo, tree: Oid, most: usize) -> Result<HashSet<Vec<u8>>> {
        let mut paths = HashSet::new();
        repo.gix
            .tree_index_status(&tree.gix(), &self.file, None, TrackRenames::Disabled, |change, _, _| {
                paths.insert(change.fields().0.to_vec());
                let go_on = paths.len() < most;
                Ok(if go_on { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) })
            })
            .context(Kind::Internal, || "cannot compare an index with its commit".into())?;
        Ok(paths)
    }

    /// Whether git is told not to look at any file.
    pub fn hides_files(&self) -> bool {
        (0..self.len()).any(|at| self.is_hidden(at))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.file.entries().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The path of an entry, relative to the worktree.
    pub fn path(&self, at: usize) -> &[u8] {
        self.file.entries()[at].path(&self.file).as_bytes()
    }

    /// The entries of a path: one, or up to three of an unresolved conflict.
    pub fn of_path(&self, path: &[u8]) -> Option<Range<usize>> {
        self.file.entry_range(path.as_bstr())
    }

    /// Whether an entry lies below a folder; its path ends in `/`.
    pub fn has_below(&self, folder: &[u8]) -> bool {
        let entries = self.file.entries();
        let at = entries.partition_point(|entry| entry.path(&self.file).as_bytes() < folder);
        entries.get(at).is_some_and(|entry| entry.path(&self.file).starts_with(folder))
    }

    /// The object of an entry.
    pub fn id(&self, at: usize) -> Oid {
        self.file.entries()[at].id.into()
    }

    /// What an entry stands for.
    pub fn mode(&self, at: usize) -> EntryMode {
        match self.file.entries()[at].mode {
            Mode::SYMLINK => EntryMode::Link,
            Mode::COMMIT => EntryMode::Submodule,
            Mode::DIR => EntryMode::SparseFolder,
            mode => EntryMode::File(mode == Mode::FILE_EXECUTABLE),
        }
    }

    /// The mode of an entry as git writes it, such as `100644`.
    pub fn octal_mode(&self, at: usize) -> String {
        format!("{:06o}", self.file.entries()[at].mode.bits())
    }

    /// Whether an entry is one side of a conflict that is not resolved.
    pub fn is_unmerged(&self, at: usize) -> bool {
        self.file.entries()[at].stage() != Stage::Unconflicted
    }

    /// Whether an entry is this branch's own side of a conflict.
    pub fn is_ours(&self, at: usize) -> bool {
        self.file.entries()[at].stage() == Stage::Ours
    }

    /// Whether a sparse checkout leaves the file of an entry out.
    pub fn is_skipped(&self, at: usize) -> bool {
        self.file.entries()[at].flags.contains(Flags::SKIP_WORKTREE)
    }

    /// Whether git is told not to look at the file of an entry.
    pub fn is_hidden(&self, at: usize) -> bool {
        self.file.entries()[at].flags.intersects(Flags::SKIP_WORKTREE | Flags::ASSUME_VALID)
    }

    /// How large the file of an entry was when it was staged, as far as the entry knows; up to 4 GiB.
    pub fn size(&self, at: usize) -> u64 {
        self.file.entries()[at].stat.size.into()
    }

    /// Compares an entry with what lies at its path now.
    pub fn difference(&self, at: usize, found: &FileStat) -> Difference {
        let entry = &self.file.entries()[at];
        let fits = match (self.mode(at), found.kind) {
            (EntryMode::File(could_run), FileKind::Regular(can_run)) => {
                !self.trust_mode || could_run == can_run
            }
            (EntryMode::Link, FileKind::Link) => true,
            _ => false,
        };
        let unknown = entry.stat == Stat::default();
        if !fits || entry.flags.contains(Flags::INTENT_TO_ADD) {
            Difference::Certain
        } else if entry.stat.matches(&found.stat, self.options)
            && !entry.stat.is_racy(self.file.timestamp(), self.options)
        {
            Difference::None
        } else if unknown || entry.stat.size == found.stat.size {
            Difference::Perhaps
        } else {
            Difference::Certain
        }
    }
}

/// Writes into an index what the file system said of files when their content was read: git then knows without reading them
/// again that they are unchanged. Everything else in it stays, byte for byte.
///
/// # Errors
/// The index cannot be read or written.
pub fn set_stats(index: &Path, stats: &[(Vec<u8>, FileStat)]) -> Result<()> {
    if stats.is_empty() {
        return Ok(());
    }
    let cannot = || format!("cannot write '{}'", index.display());
    let file = read_index(index)?;
    let mut bytes = careful::read(index).context(Kind::External, cannot)?;
    let malformed = || Error::internal(cannot());
    let places = places(&file, &bytes).ok_or_else(malformed)?;
    for (path, found) in stats {
        if let Some(range) = file.entry_range(path.as_bstr()).filter(|range| range.len() == 1) {
            let place = places[range.start];
            let fields = stat_fields(&found.stat);
            // The mode, between the inode and the owner, is not the file system's alone.
            bytes[place..place + 24].copy_from_slice(&fields[..24]);
            bytes[place + 28..place + 40].copy_from_slice(&fields[24..]);
        }
    }
    let end = bytes.len().checked_sub(20).ok_or_else(malformed)?;
    // Without `index.skipHash` the last bytes are a checksum.
    if bytes[end..].iter().any(|byte| *byte != 0) {
        let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
        hasher.update(&bytes[..end]);
        let checksum = hasher.try_finalize().context(Kind::Internal, cannot)?;
        bytes[end..].copy_from_slice(checksum.as_slice());
    }
    std::fs::write(index, bytes).context(Kind::External, cannot)
}

/// Where each entry begins.
fn places(file: &gix::index::File, bytes: &[u8]) -> Option<Vec<usize>> {
    const HEADER: usize = 12;
    const FIXED: usize = 62;
    let version = *bytes.get(7)?;
    let mut places = Vec::with_capacity(file.entries().len());
    let mut at = HEADER;
    for entry in file.entries() {
        places.push(at);
        let is_extended = bytes.get(at + 60)? & 0x40 != 0;
        let name = at + FIXED + if is_extended { 2 } else { 0 };
        at = if version == 4 {
            let number = bytes.get(name..)?.iter().position(|byte| byte & 0x80 == 0)?;
            let rest = name + number + 1;
            rest + bytes.get(rest..)?.iter().position(|byte| *byte == 0)? + 1
        } else {
            let length = name - at + entry.path(file).len();
            at + (length + 8) / 8 * 8
        };
    }
    (at <= bytes.len()).then_some(places)
}

fn stat_fields(stat: &Stat) -> Vec<u8> {
    let Stat { mtime, ctime, dev, ino, uid, gid, size } = *stat;
    let fields = [ctime.secs, ctime.nsecs, mtime.secs, mtime.nsecs, dev, ino, uid, gid, size];
    fields.iter().flat_map(|field| field.to_be_bytes()).collect()
}

/// The id that bytes have as a blob.
///
/// # Errors
/// They collide with something known to be forged.
pub fn blob_id(bytes: &[u8]) -> Result<Oid> {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, bytes)
        .map(Oid::from)
        .context(Kind::Internal, || "cannot name a blob".into())
}
