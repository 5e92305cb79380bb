//! Reading and writing objects. Written objects are on the disk when the call returns.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::Write,
    path::Path,
    sync::{Arc, PoisonError},
};

use gix::objs::{Find, tree::EntryKind};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{
        Oid, Repo, careful, command,
        repo::Identity,
        syncing::{self, Syncing},
    },
    parallel,
};

/// Maximum size of a file that is read into memory, in bytes; larger ones go through git, which streams them.
const MAX_IN_MEMORY_BYTES: u64 = 64 << 20;

/// The parts of a commit that our own commits need.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Commit {
    /// Its tree.
    pub tree: Oid,
    /// Its parents.
    pub parents: Vec<Oid>,
    /// The name of author and committer.
    pub name: String,
    /// The e-mail address of author and committer.
    pub email: String,
    /// The time in seconds since 1970, UTC.
    pub seconds: i64,
    /// The subject, a blank line, and the body.
    pub message: String,
}

impl Commit {
    /// Creates a commit by `identity` at `seconds`.
    pub fn by(identity: &Identity, seconds: i64, tree: Oid, parents: Vec<Oid>, message: String) -> Self {
        Self { tree, parents, name: identity.name.clone(), email: identity.email.clone(), seconds, message }
    }
}

/// The type of a tree entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TreeEntryKind {
    /// A file.
    File,
    /// An executable file.
    Executable,
    /// A symbolic link.
    Link,
    /// A subtree.
    Tree,
}

impl TreeEntryKind {
    const fn mode(self) -> EntryKind {
        match self {
            Self::File => EntryKind::Blob,
            Self::Executable => EntryKind::BlobExecutable,
            Self::Link => EntryKind::Link,
            Self::Tree => EntryKind::Tree,
        }
    }

    const fn of(kind: EntryKind) -> Option<Self> {
        match kind {
            EntryKind::Blob => Some(Self::File),
            EntryKind::BlobExecutable => Some(Self::Executable),
            EntryKind::Link => Some(Self::Link),
            EntryKind::Tree => Some(Self::Tree),
            EntryKind::Commit => None,
        }
    }
}

/// One entry of a tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TreeEntry {
    /// Its name, one component of a path.
    pub name: Vec<u8>,
    /// Its type.
    pub kind: TreeEntryKind,
    /// Its object.
    pub id: Oid,
}

impl TreeEntry {
    /// Creates an entry.
    pub fn new(name: impl Into<Vec<u8>>, kind: TreeEntryKind, id: Oid) -> Self {
        Self { name: name.into(), kind, id }
    }
}

/// Reads many small commits with one buffer.
pub struct CommitReader<'repo> {
    repo: &'repo Repo,
    buffer: Vec<u8>,
}

impl CommitReader<'_> {
    /// Returns the message of a commit; `None` if there is no such commit or it is not UTF-8.
    pub fn message(&mut self, id: Oid) -> Option<&str> {
        let data = self.repo.gix.objects.try_find(&id.gix(), &mut self.buffer).ok()??;
        if data.kind != gix::objs::Kind::Commit {
            return None;
        }
        let text = std::str::from_utf8(data.data).ok()?;
        text.split_once("\n\n").map(|(_, message)| message)
    }
}

impl Repo {
    /// Returns a reader for many commits.
    pub fn commit_reader(&self) -> CommitReader<'_> {
        CommitReader { repo: self, buffer: Vec::new() }
    }

    /// Reads a commit.
    ///
    /// # Errors
    /// It is missing or malformed.
    pub fn read_commit(&self, id: Oid) -> Result<Commit> {
        let broken = || format!("cannot read commit {}", id.short());
        let commit = self.gix.find_commit(id.gix()).context(Code::ObjectUnreadable, broken)?;
        let decoded = commit.decode().context(Code::ObjectUnreadable, broken)?;
        let committer = decoded.committer().context(Code::ObjectUnreadable, broken)?;
        Ok(Commit {
            tree: decoded.tree().into(),
            parents: decoded.parents().map(Into::into).collect(),
            name: committer.name.to_string(),
            email: committer.email.to_string(),
            seconds: committer.seconds(),
            message: decoded.message.to_string(),
        })
    }

    /// Returns the size of a commit in bytes; `None` if the object is missing or not a commit. Reads only its header.
    pub fn commit_size(&self, id: Oid) -> Option<u64> {
        self.size_of(id, gix::objs::Kind::Commit)
    }

    /// Like [`Repo::commit_size`], for a blob.
    pub fn blob_size(&self, id: Oid) -> Option<u64> {
        self.size_of(id, gix::objs::Kind::Blob)
    }

    fn size_of(&self, id: Oid, kind: gix::objs::Kind) -> Option<u64> {
        let header = self.gix.find_header(id.gix()).ok()?;
        (header.kind() == kind).then(|| header.size())
    }

    /// Writes a commit and syncs it to the disk.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn write_commit(&self, commit: &Commit) -> Result<Oid> {
        let signature = gix::actor::Signature {
            name: commit.name.as_str().into(),
            email: commit.email.as_str().into(),
            time: gix::date::Time::new(commit.seconds, 0),
        };
        let object = gix::objs::Commit {
            tree: commit.tree.gix(),
            parents: commit.parents.iter().map(|id| id.gix()).collect(),
            author: signature.clone(),
            committer: signature,
            encoding: None,
            message: commit.message.as_str().into(),
            extra_headers: Vec::new(),
        };
        self.store("cannot write a commit", || self.gix.write_object(&object))
    }

    /// Writes a blob and syncs it to the disk.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<Oid> {
        self.store("cannot write a blob", || self.gix.write_blob(bytes))
    }

    /// Writes a flat tree of blobs and syncs it to the disk.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn write_tree(&self, blobs: &[(&str, Oid)]) -> Result<Oid> {
        let entry = |(name, id): &(&str, Oid)| TreeEntry::new(*name, TreeEntryKind::File, *id);
        self.write_entries(blobs.iter().map(entry).collect())
    }

    /// Writes a tree and syncs it to the disk.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn write_entries(&self, entries: Vec<TreeEntry>) -> Result<Oid> {
        let entry = |one: TreeEntry| gix::objs::tree::Entry {
            mode: one.kind.mode().into(),
            filename: one.name.into(),
            oid: one.id.gix(),
        };
        let mut entries: Vec<_> = entries.into_iter().map(entry).collect();
        entries.sort_unstable();
        let tree = gix::objs::Tree { entries };
        self.store("cannot write a tree", || self.gix.write_object(&tree))
    }

    /// Reads the entries of a tree, except gitlinks.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn entries_of(&self, tree: Oid) -> Result<Vec<TreeEntry>> {
        let broken = || format!("cannot read tree {}", tree.short());
        let found = self.gix.find_tree(tree.gix()).context(Code::ObjectUnreadable, broken)?;
        let mut entries = Vec::new();
        for entry in found.iter() {
            let entry = entry.context(Code::ObjectUnreadable, broken)?;
            let kind = TreeEntryKind::of(entry.mode().kind());
            entries.extend(
                kind.map(|kind| {
                    TreeEntry::new(entry.filename().to_vec(), kind, entry.oid().to_owned().into())
                }),
            );
        }
        Ok(entries)
    }

    /// Checks that all objects of a tree exist, except those in the complete tree `known`. With batched fsync, git succeeds even
    /// if it could not move an object into place.
    ///
    /// # Errors
    /// An object is missing.
    pub fn require_complete(&self, tree: Oid, known: Option<Oid>) -> Result<()> {
        if Some(tree) == known {
            return Ok(());
        }
        let before = known.map(|known| self.entries_of(known)).transpose()?.unwrap_or_default();
        let before: HashMap<Vec<u8>, TreeEntry> =
            before.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        for entry in self.entries_of(tree)? {
            let old = before.get(&entry.name).filter(|old| old.kind == entry.kind).map(|old| old.id);
            match entry.kind {
                TreeEntryKind::Tree => self.require_complete(entry.id, old)?,
                _ if old == Some(entry.id) || self.has_object(entry.id) => {}
                _ => {
                    let message = format!("object {} was not written", entry.id.short());
                    return Err(Error::new(Kind::External, message).hint("try again"));
                }
            }
        }
        Ok(())
    }

    /// Returns whether an object exists.
    pub fn has_object(&self, id: Oid) -> bool {
        self.gix.has_object(id.gix())
    }

    /// Returns whether an object exists and is a commit.
    pub fn has_commit(&self, id: Oid) -> bool {
        self.gix.find_header(id.gix()).is_ok_and(|found| found.kind() == gix::objs::Kind::Commit)
    }

    /// Returns the type of a blob or tree; `None` for commits, tags and missing objects.
    pub fn kind_of(&self, id: Oid) -> Option<TreeEntryKind> {
        match self.gix.find_header(id.gix()).ok()?.kind() {
            gix::objs::Kind::Blob => Some(TreeEntryKind::File),
            gix::objs::Kind::Tree => Some(TreeEntryKind::Tree),
            gix::objs::Kind::Commit | gix::objs::Kind::Tag => None,
        }
    }

    /// Stores a file as a blob, byte for byte. `length` is its approximate length.
    ///
    /// # Errors
    /// It cannot be read, or the disk is full.
    pub fn store_file(&self, path: &Path, length: u64) -> Result<Oid> {
        let cannot = || format!("cannot store '{}'", path.display());
        if length > MAX_IN_MEMORY_BYTES {
            let git = self.git("hash-object")?.args(["-w", "--no-filters", "--"]).arg(path);
            let output = git.limit(command::LONG_LIMIT).line()?;
            return Oid::parse(&output).ok_or_else(|| Error::internal(cannot()));
        }
        let bytes = careful::read(path).context(Kind::External, cannot)?;
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, &bytes)
            .context(Kind::Internal, cannot)?;
        // Most files of a worktree are already in its commit.
        if self.gix.has_object(id) { Ok(id.into()) } else { self.write_blob(&bytes) }
    }

    /// Writes the content of a blob into a file.
    ///
    /// # Errors
    /// It cannot be read, or the disk is full.
    pub fn copy_blob(&self, id: Oid, file: &mut File) -> Result<()> {
        let cannot = || format!("cannot write blob {} into a file", id.short());
        let length = self.gix.find_header(id.gix()).context(Kind::Internal, cannot)?.size();
        if length > MAX_IN_MEMORY_BYTES {
            let git = self.git("cat-file")?.args(["blob", &id.to_string()]);
            return git.limit(command::LONG_LIMIT).stream(file);
        }
        file.write_all(&self.read_blob(id)?).context(Kind::External, cannot)
    }

    /// Reads the content of a blob.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read_blob(&self, id: Oid) -> Result<Vec<u8>> {
        let broken = || format!("cannot read blob {}", id.short());
        Ok(self.gix.find_blob(id.gix()).context(Code::ObjectUnreadable, broken)?.detach().data)
    }

    /// Reads the blob at the path `name` in the tree of a commit; `None` if it does not exist.
    ///
    /// # Errors
    /// Commit or tree cannot be read.
    pub fn read_blob_of(&self, commit: Oid, name: &str) -> Result<Option<Vec<u8>>> {
        let broken = || format!("cannot read the tree of {}", commit.short());
        let commit = self.gix.find_commit(commit.gix()).context(Code::ObjectUnreadable, broken)?;
        let tree = commit.tree().context(Code::ObjectUnreadable, broken)?;
        let Some(entry) = tree.lookup_entry_by_path(name).context(Code::ObjectUnreadable, broken)? else {
            return Ok(None);
        };
        let blob = entry.object().context(Code::ObjectUnreadable, broken)?;
        Ok(Some(blob.detach().data))
    }

    /// Returns names and ids of the blobs at the top of a commit's tree.
    ///
    /// # Errors
    /// Commit or tree cannot be read.
    pub fn blobs_of(&self, commit: Oid) -> Result<Vec<(String, Oid)>> {
        let entries = self
            .entries_of(self.tree_of(commit)?)?
            .into_iter()
            .filter(|entry| entry.kind == TreeEntryKind::File);
        Ok(entries.map(|entry| (String::from_utf8_lossy(&entry.name).into_owned(), entry.id)).collect())
    }

    /// Returns the tree of a commit.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn tree_of(&self, commit: Oid) -> Result<Oid> {
        Ok(self.read_commit(commit)?.tree)
    }

    /// Returns the repository with objects that are synced together, by [`Repo::sync_objects`] or before [`Repo::edit_refs`] moves a
    /// ref. Until then no ref may lead to them.
    #[must_use]
    pub fn syncing_together(&self) -> Self {
        let mut repo = self.with_identity(None);
        if !matches!(repo.syncing, Syncing::Never) {
            repo.syncing = Syncing::Together(Arc::default());
        }
        repo
    }

    /// Syncs all objects that were written since [`Repo::syncing_together`] or the last call.
    ///
    /// # Errors
    /// An object cannot be synced.
    pub fn sync_objects(&self) -> Result<()> {
        self.sync_now(self.take_unsynced())
    }

    /// Takes the objects that are not synced yet.
    fn take_unsynced(&self) -> BTreeSet<Oid> {
        match &self.syncing {
            Syncing::Together(written) => {
                std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner))
            }
            Syncing::AtOnce | Syncing::Never => BTreeSet::new(),
        }
    }

    /// Syncs all objects that are not synced yet while `meanwhile` runs, which also waits for the disk: it syncs both hardly slower than
    /// one.
    ///
    /// # Errors
    /// An object cannot be synced, or `meanwhile` fails.
    pub(super) fn sync_objects_during(&self, meanwhile: impl FnOnce() -> Result<()>) -> Result<()> {
        let (written, objects) = (self.take_unsynced(), self.gix.common_dir().join("objects"));
        if written.is_empty() {
            return meanwhile();
        }
        let (missing, done) = parallel::both(|| syncing::sync_loose(&objects, written), meanwhile);
        done?;
        let missing = missing.context(Kind::Internal, || "cannot fsync objects".into())??;
        self.require_present(missing)
    }

    /// Syncs an object to the disk, or notes that it must be: otherwise it may be empty after a power failure, and stay so.
    pub(super) fn sync_object(&self, id: Oid) -> Result<Oid> {
        match &self.syncing {
            Syncing::Never => {}
            Syncing::AtOnce => self.sync_now([id])?,
            Syncing::Together(written) => {
                written.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
            }
        }
        Ok(id)
    }

    fn sync_now(&self, ids: impl IntoIterator<Item = Oid>) -> Result<()> {
        self.require_present(syncing::sync_loose(&self.gix.common_dir().join("objects"), ids)?)
    }

    fn require_present(&self, missing: Vec<Oid>) -> Result<()> {
        // An object that is not loose existed before, in a pack.
        match missing.into_iter().find(|id| !self.has_object(*id)) {
            // Such as a collection of garbage that began before any ref led to it.
            Some(id) => {
                let what = format!("object {} was deleted by another program", id.short());
                Err(Error::new(Code::RefChanged, what).hint("try again when 'git gc' has ended"))
            }
            None => Ok(()),
        }
    }
}
