//! The entries of an index, and whether their files may differ from them.

use std::{collections::HashSet, ops::Range, path::Path};

use gix::{
    bstr::ByteSlice,
    index::entry::{Flags, Mode, Stage, Stat, stat::Options},
    status::tree_index::TrackRenames,
};

use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::{
        Oid, Repo, careful,
        file_stat::{FileKind, FileStat},
        index::read_index,
        unchanged::IndexTime,
    },
};

/// The type of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IndexEntryMode {
    /// A file; `true`: it is executable.
    File(bool),
    /// A symbolic link.
    Link,
    /// The gitlink of a submodule.
    Submodule,
    /// A folder that a sparse checkout leaves out as a whole.
    SparseFolder,
}

/// How a file compares with its entry, by its file system data alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileDifference {
    /// Unchanged: it was not touched since the index was written.
    Unchanged,
    /// Unknown: its content must be compared.
    Unknown,
    /// The file differs.
    Different,
}

/// An index in memory, with the rules for comparing its entries with files.
pub struct IndexEntries {
    file: gix::index::File,
    written: IndexTime,
    options: Options,
    trust_mode: bool,
    /// Whether links are checked out as links, and not as files with their targets.
    has_links: bool,
}

impl IndexEntries {
    /// Reads the index at `path` by the configuration of `repo`, an isolated git directory.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(repo: &Repo, path: &Path) -> Result<Self> {
        Self::read_copy(repo, path, path)
    }

    /// Like [`IndexEntries::read`], from a copy that has the modification time of the index at `original`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read_copy(repo: &Repo, path: &Path, original: &Path) -> Result<Self> {
        let options =
            repo.gix.stat_options().context(Kind::Internal, || "cannot read the isolated settings".into())?;
        let settings = repo.gix.config_snapshot();
        let trust_mode = settings.boolean("core.fileMode").unwrap_or(true);
        let has_links = settings.boolean("core.symlinks").unwrap_or(true);
        let file = read_index(path)?;
        Ok(Self { written: IndexTime::of(&file, original), file, options, trust_mode, has_links })
    }

    /// Returns the paths whose entries differ from `tree`, at most `most` of them.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn staged_since(&self, repo: &Repo, tree: Oid, most: usize) -> Result<HashSet<Vec<u8>>> {
        let mut paths = HashSet::new();
        repo.gix
            .tree_index_status(&tree.gix(), &self.file, None, TrackRenames::Disabled, |change, _, _| {
                paths.insert(change.fields().0.to_vec());
                let keep_going = paths.len() < most;
                Ok(if keep_going {
                    std::ops::ControlFlow::Continue(())
                } else {
                    std::ops::ControlFlow::Break(())
                })
            })
            .context(Kind::Internal, || "cannot compare an index with its commit".into())?;
        Ok(paths)
    }

    /// Returns whether the index makes git skip any file.
    pub fn hides_files(&self) -> bool {
        (0..self.len()).any(|at| self.is_hidden(at))
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.file.entries().len()
    }

    /// Returns whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the path of an entry, relative to the worktree.
    pub fn path(&self, at: usize) -> &[u8] {
        self.file.entries()[at].path(&self.file).as_bytes()
    }

    /// Returns the entries of a path: one, or up to three of an unresolved conflict.
    pub fn of_path(&self, path: &[u8]) -> Option<Range<usize>> {
        self.file.entry_range(path.as_bstr())
    }

    /// Returns whether there is an entry below a folder. `folder` ends in `/`.
    pub fn has_below(&self, folder: &[u8]) -> bool {
        let entries = self.file.entries();
        let at = entries.partition_point(|entry| entry.path(&self.file).as_bytes() < folder);
        entries.get(at).is_some_and(|entry| entry.path(&self.file).starts_with(folder))
    }

    /// Returns the object of an entry.
    pub fn id(&self, at: usize) -> Oid {
        self.file.entries()[at].id.into()
    }

    /// Returns the type of an entry.
    pub fn mode(&self, at: usize) -> IndexEntryMode {
        match self.file.entries()[at].mode {
            Mode::SYMLINK => IndexEntryMode::Link,
            Mode::COMMIT => IndexEntryMode::Submodule,
            Mode::DIR => IndexEntryMode::SparseFolder,
            mode => IndexEntryMode::File(mode == Mode::FILE_EXECUTABLE),
        }
    }

    /// Returns whether `repo` has the content of every entry; that of a submodule is in another repository.
    pub fn objects_exist(&self, repo: &Repo) -> bool {
        let mut entries = self.file.entries().iter().filter(|entry| entry.mode != Mode::COMMIT);
        entries.all(|entry| repo.has_object(entry.id.into()))
    }

    /// Returns the mode of an entry as git writes it, such as `100644`.
    pub fn octal_mode(&self, at: usize) -> String {
        format!("{:06o}", self.file.entries()[at].mode.bits())
    }

    /// Returns whether an entry is one side of an unresolved conflict.
    pub fn is_unmerged(&self, at: usize) -> bool {
        self.file.entries()[at].stage() != Stage::Unconflicted
    }

    /// Returns whether an entry is our side of a conflict.
    pub fn is_ours(&self, at: usize) -> bool {
        self.file.entries()[at].stage() == Stage::Ours
    }

    /// Returns whether a sparse checkout leaves out the file of an entry.
    pub fn is_skipped(&self, at: usize) -> bool {
        self.file.entries()[at].flags.contains(Flags::SKIP_WORKTREE)
    }

    /// Returns whether the flags of an entry make git skip its file.
    pub fn is_hidden(&self, at: usize) -> bool {
        self.file.entries()[at].flags.intersects(Flags::SKIP_WORKTREE | Flags::ASSUME_VALID)
    }

    /// Returns the size of the file when it was staged, in bytes modulo 4 GiB; 0 if the entry does not record it.
    pub fn size(&self, at: usize) -> u64 {
        self.file.entries()[at].stat.size.into()
    }

    /// Compares an entry with the file that is at its path now.
    pub fn difference(&self, at: usize, found: &FileStat) -> FileDifference {
        let entry = &self.file.entries()[at];
        let is_same_type = match (self.mode(at), found.kind) {
            (IndexEntryMode::File(could_run), FileKind::Regular(can_run)) => {
                !self.trust_mode || could_run == can_run
            }
            (IndexEntryMode::Link, FileKind::Link) => true,
            (IndexEntryMode::Link, FileKind::Regular(_)) => !self.has_links,
            _ => false,
        };
        let unknown = entry.stat == Stat::default();
        if !is_same_type || entry.flags.contains(Flags::INTENT_TO_ADD) {
            FileDifference::Different
        } else if self.written.proves_unchanged(&entry.stat, found, self.options) {
            FileDifference::Unchanged
        } else if unknown || entry.stat.size == found.stat.size {
            FileDifference::Unknown
        } else {
            FileDifference::Different
        }
    }
}

/// Writes the file system's data of some files into an index, so that git knows without reading them that they are unchanged.
/// Everything else in the index stays, byte for byte.
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
    let offsets = entry_offsets(&file, &bytes).ok_or_else(malformed)?;
    for (path, found) in stats {
        if let Some(range) = file.entry_range(path.as_bstr()).filter(|range| range.len() == 1) {
            let offset = offsets[range.start];
            let fields = stat_fields(&found.stat);
            // The mode, between the inode and the owner, is not only the file system's.
            bytes[offset..offset + 24].copy_from_slice(&fields[..24]);
            bytes[offset + 28..offset + 40].copy_from_slice(&fields[24..]);
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

/// Returns the offset of each entry.
fn entry_offsets(file: &gix::index::File, bytes: &[u8]) -> Option<Vec<usize>> {
    const HEADER: usize = 12;
    const FIXED: usize = 62;
    let version = *bytes.get(7)?;
    let mut offsets = Vec::with_capacity(file.entries().len());
    let mut at = HEADER;
    for entry in file.entries() {
        offsets.push(at);
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
    (at <= bytes.len()).then_some(offsets)
}

fn stat_fields(stat: &Stat) -> Vec<u8> {
    let Stat { mtime, ctime, dev, ino, uid, gid, size } = *stat;
    let fields = [ctime.secs, ctime.nsecs, mtime.secs, mtime.nsecs, dev, ino, uid, gid, size];
    fields.iter().flat_map(|field| field.to_be_bytes()).collect()
}

/// Computes the id that bytes have as a blob.
///
/// # Errors
/// They are a known SHA-1 collision attack.
pub fn blob_id(bytes: &[u8]) -> Result<Oid> {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, bytes)
        .map(Oid::from)
        .context(Kind::Internal, || "cannot hash a blob".into())
}
