//! Writing a stored folder back to the disk.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File, Permissions},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{
        Oid, Repo,
        objects::{TreeEntry, TreeEntryKind},
    },
    lock::Lock,
    model::quote,
    store::layout::PrivateDir,
    worktree::{
        folder_objects::{FILES, MANIFEST},
        manifest,
        removed_folders::{self, LOCK_TIMEOUT},
    },
};

/// Writes a stored folder to `place`, which must not exist. It is first written to `temporary`, on the same disk, and then
/// renamed. Replaces what an interrupted attempt left at `temporary`.
///
/// # Errors
/// `place` exists or cannot be written; then nothing is left behind.
pub fn restore_folder(repo: &Repo, stored: Oid, temporary: &Path, place: &Path) -> Result<()> {
    let shown = place.display();
    if fs::symlink_metadata(place).is_ok() {
        return Err(Error::new(Code::PathTaken, format!("'{shown}' is taken"))
            .hint(format!("{} SOMEWHERE-ELSE, and try again", quote::command(&[&"mv", &place]))));
    }
    let cannot = || format!("cannot write '{shown}'");
    make_folder(repo, temporary, place).context(Kind::External, cannot)?;
    let written = write_content(repo, stored, temporary);
    let done = written.and_then(|()| fs::rename(temporary, place).context(Kind::External, cannot));
    if done.is_err() {
        removed_folders::delete_folder(temporary);
    }
    done
}

/// Runs under the lock on worktrees, because emptying the trash removes empty folders of trash and of worktrees.
fn make_folder(repo: &Repo, temporary: &Path, place: &Path) -> Result<()> {
    let _lock = Lock::require(&PrivateDir::new(repo.private_dir()?).worktrees_lock(), LOCK_TIMEOUT)?;
    removed_folders::delete_folder(temporary);
    for parent in [place.parent(), temporary.parent()].into_iter().flatten() {
        fs::create_dir_all(parent)
            .context(Kind::External, || format!("cannot make the folder '{}'", parent.display()))?;
    }
    fs::create_dir(temporary).context(Kind::External, || format!("cannot make '{}'", temporary.display()))
}

/// Writes what a folder lacks of a stored one. What it has stays as it is. Returns the number of files and folders that were written.
///
/// # Errors
/// Something cannot be written; the rest may be missing then.
pub fn fill_folder(repo: &Repo, stored: Oid, folder: &Path) -> Result<usize> {
    Writer { only_missing: true, ..Writer::of(repo, stored)? }.write_all(folder)
}

fn write_content(repo: &Repo, stored: Oid, folder: &Path) -> Result<()> {
    let mut writer = Writer::of(repo, stored)?;
    writer.folders.push((folder.to_owned(), Vec::new()));
    writer.write_all(folder).map(drop)
}

/// Reads a stored folder. Returns the tree of its files, and its manifest.
fn read_stored(repo: &Repo, stored: Oid) -> Result<(Oid, HashMap<Vec<u8>, manifest::ManifestEntry>)> {
    let entries = repo.entries_of(stored)?;
    let part = |name: &str| {
        entries.iter().find(|entry| entry.name == name.as_bytes()).map(|entry| entry.id).ok_or_else(|| {
            Error::new(
                Code::StateDamaged,
                format!("'{name}' of the stored folder {} is missing", stored.short()),
            )
        })
    };
    Ok((part(FILES)?, manifest::parse_manifest(&repo.read_blob(part(MANIFEST)?)?)))
}

struct Writer<'a> {
    repo: &'a Repo,
    lines: HashMap<Vec<u8>, manifest::ManifestEntry>,
    /// The path of each folder, on the disk and in the manifest: modes and times are set when its content is complete.
    folders: Vec<(PathBuf, Vec<u8>)>,
    files: Oid,
    /// Whether what is there already stays.
    only_missing: bool,
    written: usize,
}

impl<'a> Writer<'a> {
    fn of(repo: &'a Repo, stored: Oid) -> Result<Self> {
        let (files, lines) = read_stored(repo, stored)?;
        Ok(Self { repo, lines, folders: Vec::new(), files, only_missing: false, written: 0 })
    }

    /// Returns the number of files and folders that were written.
    fn write_all(mut self, folder: &Path) -> Result<usize> {
        self.write_content(folder, &[], self.files)?;
        self.set_folder_metadata()?;
        Ok(self.written)
    }

    fn write_content(&mut self, folder: &Path, below: &[u8], tree: Oid) -> Result<()> {
        for TreeEntry { name, kind, id } in self.repo.entries_of(tree)? {
            let name = manifest::from_tree(&name);
            if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
                return Err(Error::new(
                    Code::StateDamaged,
                    format!("tree {} contains an invalid file name", tree.short()),
                ));
            }
            let path = if below.is_empty() { name.to_vec() } else { [below, b"/", name].concat() };
            let full = folder.join(OsStr::from_bytes(name));
            self.write_entry(&full, &path, kind, id)?;
        }
        Ok(())
    }

    fn write_entry(&mut self, full: &Path, path: &[u8], kind: TreeEntryKind, id: Oid) -> Result<()> {
        let cannot = || format!("cannot write '{}'", full.display());
        if self.only_missing
            && let Ok(found) = fs::symlink_metadata(full)
        {
            let goes_in = kind == TreeEntryKind::Tree && found.is_dir();
            return if goes_in { self.write_content(full, path, id) } else { Ok(()) };
        }
        self.written += 1;
        match kind {
            TreeEntryKind::Tree => {
                fs::create_dir(full).context(Kind::External, cannot)?;
                self.folders.push((full.to_owned(), path.to_vec()));
                self.write_content(full, path, id)
            }
            TreeEntryKind::Link => {
                let target = self.repo.read_blob(id)?;
                std::os::unix::fs::symlink(OsStr::from_bytes(&target), full).context(Kind::External, cannot)
            }
            TreeEntryKind::File | TreeEntryKind::Executable => {
                let mut file = File::create_new(full).context(Kind::External, cannot)?;
                self.repo.copy_blob(id, &mut file)?;
                let plain = manifest::ManifestEntry {
                    mode: if kind == TreeEntryKind::File { 0o644 } else { 0o755 },
                    changed: (0, 0),
                };
                set_metadata(&file, self.lines.get(path).copied().unwrap_or(plain))
                    .context(Kind::External, cannot)
            }
        }
    }

    /// Starts with the innermost: in a folder that was made read-only nothing can be changed.
    fn set_folder_metadata(&self) -> Result<()> {
        for (full, path) in self.folders.iter().rev() {
            let cannot = || format!("cannot write '{}'", full.display());
            let Some(entry) = self.lines.get(path) else { continue };
            let folder = File::open(full).context(Kind::External, cannot)?;
            set_metadata(&folder, *entry).context(Kind::External, cannot)?;
        }
        Ok(())
    }
}

fn set_metadata(file: &File, entry: manifest::ManifestEntry) -> std::io::Result<()> {
    let (seconds, nanoseconds) = entry.changed;
    let span = Duration::new(seconds.unsigned_abs(), 0);
    let at = if seconds < 0 { SystemTime::UNIX_EPOCH - span } else { SystemTime::UNIX_EPOCH + span };
    file.set_modified(at + Duration::from_nanos(u64::from(nanoseconds)))?;
    file.set_permissions(Permissions::from_mode(entry.mode))
}
