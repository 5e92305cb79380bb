//! Storing a folder as git objects, byte for byte: without filters or line-ending conversion, and complete except for what the
//! caller skips.

use std::{
    ffi::OsString,
    fs::{self, Metadata},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::manifest;
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{
        Oid, Repo,
        objects::{TreeEntry, TreeEntryKind},
    },
    worktree::list,
};

/// The name of the subtree with the files.
pub const FILES: &str = "files";
/// The name of the blob with the [`manifest`].
pub const MANIFEST: &str = "manifest";

/// A folder that was stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StoredFolder {
    /// The tree with [`FILES`] and [`MANIFEST`].
    pub tree: Oid,
    /// The disk space of everything in the folder in bytes, skipped paths included.
    pub bytes: u64,
}

/// Everything in a folder at one moment, folders before their content.
pub struct FolderListing {
    found: Vec<(PathBuf, Metadata)>,
    /// The disk space in bytes, skipped paths included.
    bytes: u64,
}

impl FolderListing {
    /// Lists a folder. Does not enter the relative paths `skipped`.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn of(root: &Path, skipped: &[PathBuf]) -> Result<Self> {
        let mut listing = Self { found: Vec::new(), bytes: 0 };
        listing.list_folder(root, Path::new(""), skipped)?;
        Ok(listing)
    }

    fn list_folder(&mut self, root: &Path, below: &Path, skipped: &[PathBuf]) -> Result<()> {
        for name in names(&root.join(below))? {
            let path = below.join(name);
            let full = root.join(&path);
            let found = fs::symlink_metadata(&full).context(Kind::External, || cannot_read(&full))?;
            self.bytes += found.blocks() * 512;
            let inner = found.is_dir();
            if skipped.contains(&path) {
                self.bytes += if inner { list::disk_size(&full) } else { 0 };
                continue;
            }
            self.found.push((path.clone(), found));
            if inner {
                self.list_folder(root, &path, skipped)?;
            }
        }
        Ok(())
    }

    /// Returns the size of the files, without the skipped paths, in bytes. A link counts with the length of its target.
    pub fn content_bytes(&self) -> u64 {
        let files = self.found.iter().filter(|(_, found)| !found.is_dir());
        files.map(|(_, found)| found.len()).fold(0, u64::saturating_add)
    }

    /// Returns a hash that is equal only if nothing changed, to the nanosecond.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.manifest()).into()
    }

    /// Returns the listing as a manifest.
    fn manifest(&self) -> Vec<u8> {
        let mut lines = Vec::new();
        for (path, found) in &self.found {
            let kind = found.file_type();
            if kind.is_dir() || kind.is_file() || kind.is_symlink() {
                manifest::write_line(&mut lines, path.as_os_str().as_bytes(), entry_of(found));
            }
        }
        lines
    }
}

/// Stores a folder without the relative paths `skipped`. Links are stored as links; sockets, pipes and devices hold no bytes
/// and are not stored.
///
/// # Errors
/// A file cannot be read, or the disk is full.
pub fn store_folder(repo: &Repo, root: &Path, skipped: &[PathBuf]) -> Result<StoredFolder> {
    let listing = FolderListing::of(root, skipped)?;
    let top = fs::symlink_metadata(root).context(Kind::External, || cannot_read(root))?;
    let mut lines = Vec::new();
    manifest::write_line(&mut lines, b"", entry_of(&top));
    lines.extend(listing.manifest());
    let mut at = 0;
    let files = tree(repo, root, &listing.found, &mut at, Path::new(""))?;
    let lines = repo.write_blob(&lines)?;
    let entries = vec![
        TreeEntry::new(FILES, TreeEntryKind::Tree, files),
        TreeEntry::new(MANIFEST, TreeEntryKind::File, lines),
    ];
    Ok(StoredFolder { tree: repo.write_entries(entries)?, bytes: listing.bytes })
}

/// Returns a stored folder with everything in it, and with what another one has in addition.
///
/// # Errors
/// A tree cannot be read or written.
pub fn with_additions(repo: &Repo, first: Oid, other: Oid) -> Result<Oid> {
    let (of_first, of_other) = (repo.entries_of(first)?, repo.entries_of(other)?);
    let find = |parts: &[TreeEntry], name: &str| {
        parts.iter().find(|part| part.name == name.as_bytes()).map(|part| part.id)
    };
    let both = |name| find(&of_first, name).zip(find(&of_other, name));
    let (Some(files), Some(lines)) = (both(FILES), both(MANIFEST)) else { return Ok(first) };
    // Of two lines for one path the last one counts.
    let lines = [repo.read_blob(lines.1)?, repo.read_blob(lines.0)?].concat();
    let entries = vec![
        TreeEntry::new(FILES, TreeEntryKind::Tree, added_tree(repo, files.0, files.1)?),
        TreeEntry::new(MANIFEST, TreeEntryKind::File, repo.write_blob(&lines)?),
    ];
    repo.write_entries(entries)
}

fn added_tree(repo: &Repo, first: Oid, other: Oid) -> Result<Oid> {
    if first == other {
        return Ok(first);
    }
    let mut entries = repo.entries_of(first)?;
    for entry in repo.entries_of(other)? {
        match entries.iter_mut().find(|known| known.name == entry.name) {
            None => entries.push(entry),
            Some(known) if known.kind == TreeEntryKind::Tree && entry.kind == TreeEntryKind::Tree => {
                known.id = added_tree(repo, known.id, entry.id)?;
            }
            Some(_) => {}
        }
    }
    repo.write_entries(entries)
}

/// Writes the tree of one folder. `at` is the index of its first entry, and afterwards of the first entry behind it.
fn tree(
    repo: &Repo,
    root: &Path,
    found: &[(PathBuf, Metadata)],
    at: &mut usize,
    folder: &Path,
) -> Result<Oid> {
    let mut entries = Vec::new();
    while let Some((path, meta)) = found.get(*at).filter(|(path, _)| path.parent() == Some(folder)) {
        *at += 1;
        let object = if meta.is_dir() {
            Some((TreeEntryKind::Tree, tree(repo, root, found, at, path)?))
        } else {
            object(repo, &root.join(path), meta)?
        };
        if let (Some((kind, id)), Some(name)) = (object, path.file_name()) {
            entries.push(TreeEntry::new(manifest::to_tree(name.as_bytes()), kind, id));
        }
    }
    repo.write_entries(entries)
}

fn object(repo: &Repo, full: &Path, found: &Metadata) -> Result<Option<(TreeEntryKind, Oid)>> {
    let kind = found.file_type();
    Ok(if kind.is_file() {
        let kind = if found.mode() & 0o100 == 0 { TreeEntryKind::File } else { TreeEntryKind::Executable };
        Some((kind, repo.store_file(full, found.len())?))
    } else if kind.is_symlink() {
        let target = fs::read_link(full).context(Kind::External, || cannot_read(full))?;
        Some((TreeEntryKind::Link, repo.write_blob(target.as_os_str().as_bytes())?))
    } else {
        None
    })
}

fn names(folder: &Path) -> Result<Vec<OsString>> {
    let cannot = || cannot_read(folder);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).context(Kind::External, cannot)? {
        names.push(entry.context(Kind::External, cannot)?.file_name());
    }
    names.sort_unstable();
    Ok(names)
}

fn entry_of(found: &Metadata) -> manifest::ManifestEntry {
    let nanoseconds = u32::try_from(found.mtime_nsec()).unwrap_or_default();
    manifest::ManifestEntry { mode: found.mode() & 0o7777, changed: (found.mtime(), nanoseconds) }
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read '{}'", path.display())
}
