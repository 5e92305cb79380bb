//! Reading refs, and changing them durably by compare-and-swap.
//!
//! Writing follows git's protocol for loose refs: `<ref>.lock` is created exclusively, the present value is read under it, and
//! the new one, which is already on the disk, replaces it. `git::intent` describes how our locks are made and repaired. gix
//! could write refs too, but it locks `packed-refs` for every update (git does not): writers then wait for each other, and a kill
//! at the wrong moment blocks every ref of the repository. Neither of them syncs refs to the disk by default.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    RefError,
    intent::{
        Action, Intent, PACKED, lock_of, locked_error, remove_if_there, repair_all, repair_lock, sync_folder,
    },
    packed,
    ref_names::{BRANCHES, PACKED_REFS, is_ref_name},
};
use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, careful, ref_list, repo::Identity},
};

/// Maximum number of threads that sync refs to the disk.
const MAX_WRITERS: usize = 8;

/// A change of one ref, made only if the ref still has the expected value.
#[derive(Clone, Debug)]
pub struct RefEdit {
    /// Its full name.
    pub name: String,
    /// The expected value; `None`: it must not exist.
    pub old: Option<Oid>,
    /// The new value.
    pub new: Oid,
}

impl Repo {
    /// Returns whether there is any ref below `prefix`, which ends in `/`.
    ///
    /// # Errors
    /// The refs cannot be read at all.
    pub fn has_refs_below(&self, prefix: &str) -> Result<bool> {
        let unreadable = || format!("cannot read the refs below '{prefix}'");
        if ref_list::is_any_loose(self.gix.common_dir(), prefix).context(Kind::External, unreadable)? {
            return Ok(true);
        }
        let Some(packed) = self.packed_buffer().context(Kind::Internal, unreadable)? else {
            return Ok(false);
        };
        Ok(packed.iter_prefixed(prefix.into()).context(Kind::Internal, unreadable)?.next().is_some())
    }

    /// Makes all edits, or none if one of them fails; when it returns, they survive a power failure, and so do the objects that were
    /// written since [`Repo::syncing_together`]. The refs change in the order of `edits`: a reader that sees one of them finds those
    /// before it changed as well. If the process is killed, the next command finishes what was decided, or removes the locks. `why`
    /// goes into the reflogs of branches.
    ///
    /// # Errors
    /// A ref no longer has the expected value (4), is locked by another program (4), a garbage collection deleted the new objects (4),
    /// or a ref cannot be written.
    pub fn edit_refs(&self, edits: &[RefEdit], why: &str) -> Result<(), RefError> {
        if edits.is_empty() {
            return Ok(());
        }
        // A damaged ref may be moved to another name.
        let there: Vec<RefEdit> = edits.iter().filter(|edit| self.has_object(edit.new)).cloned().collect();
        self.replace_refs(edits, why)?;
        // A collection that began before may not have seen the new values.
        if self.is_collecting() && self.pack_new_objects(&there).is_err() || !self.has_new_values(&there) {
            return Err(self.move_back(edits));
        }
        Ok(())
    }

    /// Makes all edits, or none.
    pub(super) fn replace_refs(&self, edits: &[RefEdit], why: &str) -> Result<(), RefError> {
        for edit in edits {
            require_ref_name(&edit.name)?;
        }
        let common = self.gix.common_dir();
        let mut intent =
            Intent::declare(common, edits.iter().map(|edit| (Action::Replace, edit.name.as_str())))?;
        let values = edits.iter().enumerate();
        let values: Vec<_> =
            values.map(|(at, edit)| (at.to_string(), format!("{}\n", edit.new).into_bytes())).collect();
        self.sync_objects_during(|| intent.stage(&values, MAX_WRITERS))?;
        // All writers lock in the same order, so that no two wait for each other.
        let mut by_name: Vec<_> = edits.iter().zip(&values).collect();
        by_name.sort_unstable_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        for (edit, (suffix, _)) in by_name {
            intent.lock(&edit.name, suffix)?;
            self.check_value(&edit.name, edit.old)?;
        }
        for edit in edits {
            self.log_branch(edit, why)?;
        }
        if let [only] = edits {
            let replaced = intent.replace_by_lock(&only.name);
            replaced.context(Kind::External, || format!("cannot write ref '{}'", only.name))?;
        } else {
            intent.decide()?;
            for (done, (edit, (suffix, _))) in edits.iter().zip(&values).enumerate() {
                if let Err(error) = intent.replace(&edit.name, suffix) {
                    intent.revoke();
                    let changed = edits[..done].iter().map(|edit| (edit.name.as_str(), edit.old));
                    restore_values(common, &mut intent, changed);
                    let message = format!("cannot write ref '{}'", edit.name);
                    return Err(Error::new(Kind::External, message).because(error).into());
                }
            }
            intent.release();
        }
        drop(intent);
        Ok(sync_folders(common, edits.iter().map(|edit| edit.name.as_str()))?)
    }

    /// Deletes refs, all or none, each only if it still has the expected value. The reflog of a branch is deleted too. If
    /// interrupted, it is finished or reverted like [`Repo::edit_refs`].
    ///
    /// # Errors
    /// A ref no longer has the expected value (4), is locked (4), or cannot be removed.
    pub fn delete_refs(&self, refs: &[(String, Oid)]) -> Result<(), RefError> {
        if refs.is_empty() {
            return Ok(());
        }
        let mut sorted: Vec<&(String, Oid)> = refs.iter().collect();
        sorted.sort_unstable();
        let names: Vec<&str> = sorted.iter().map(|(name, _)| name.as_str()).collect();
        for name in &names {
            require_ref_name(name)?;
        }
        let common = self.gix.common_dir();
        let deletes = names.iter().map(|name| (Action::Delete, *name));
        let mut intent = Intent::declare(common, deletes.chain([(Action::Hold, PACKED_REFS)]))?;
        for (at, (name, old)) in sorted.iter().enumerate() {
            let suffix = intent.stage_empty(at)?;
            intent.lock(name, &suffix)?;
            self.check_value(name, Some(*old))?;
        }
        // Locked even if no line is removed: otherwise a git that packs refs at this moment would restore them.
        let suffix = intent.stage_empty(sorted.len())?;
        intent.lock(PACKED_REFS, &suffix)?;
        let packed = packed::without_refs(&common.join(PACKED_REFS), &names)?;
        if let Some(packed) = &packed {
            intent.stage(&[(PACKED.to_owned(), packed.bytes.clone())], MAX_WRITERS)?;
            packed.set_time(&intent.staged(PACKED))?;
        }
        intent.decide()?;
        if let Err(error) = remove_values(common, &intent, packed.is_some(), &names) {
            intent.revoke();
            restore_values(common, &mut intent, sorted.iter().map(|(name, old)| (name.as_str(), Some(*old))));
            return Err(Error::new(Kind::External, "cannot delete refs").because(error).into());
        }
        for name in names.iter().filter(|name| name.starts_with(BRANCHES)) {
            let _ = fs::remove_file(common.join("logs").join(name));
        }
        intent.release();
        drop(intent);
        sync_folders(common, names.iter().copied().chain([PACKED_REFS]))?;
        for name in &names {
            remove_empty_folders(common, name);
        }
        Ok(())
    }

    /// Returns whether a ref is locked at this moment, by any program.
    pub fn is_locked(&self, name: &str) -> bool {
        lock_of(self.gix.common_dir(), name).exists()
    }

    /// Fails immediately if another program has a ref locked: for callers that hold something for which others wait.
    ///
    /// # Errors
    /// The ref is locked (4), and the lock was not left by a killed command of ours.
    pub fn require_unlocked(&self, name: &str) -> Result<(), RefError> {
        let common = self.gix.common_dir();
        if repair_lock(common, name, None) { Ok(()) } else { Err(locked_error(name, &lock_of(common, name))) }
    }

    /// Removes the ref locks that killed commands of ours left, and finishes what they had decided. Called at the start of every
    /// command that changes something; later, a command repairs a single lock when it finds it.
    pub fn repair_locks(&self) {
        repair_all(self.gix.common_dir());
    }

    fn check_value(&self, name: &str, expected: Option<Oid>) -> Result<(), RefError> {
        if self.find_ref(name)? == expected {
            return Ok(());
        }
        Err(RefError::Changed { name: name.to_owned() })
    }

    /// Removes the lock of a ref that a killed process of ours left. The caller must know that, or pass the value that only we
    /// would have written into the lock. Returns whether the lock was removed.
    pub fn break_stale_lock(&self, name: &str, expected: Option<Oid>) -> bool {
        let lock = self.gix.common_dir().join(format!("{name}.lock"));
        let proven = match expected {
            None => lock.exists(),
            Some(value) => {
                careful::text(&lock).is_ok_and(|content| Oid::parse(content.trim()) == Some(value))
            }
        };
        proven && fs::remove_file(&lock).is_ok()
    }

    /// Removes the locks of refs below `prefix` that a killed process left. The caller must know that nobody writes there.
    pub fn break_stale_locks_below(&self, prefix: &str) {
        let mut open = vec![self.gix.common_dir().join(prefix)];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    open.push(path);
                } else if path.extension().is_some_and(|ending| ending == "lock") {
                    let _ = fs::remove_file(path);
                }
            }
        }
    }

    /// Writes the reflog of a branch, unless the user does not want reflogs; our own refs have none.
    fn log_branch(&self, edit: &RefEdit, why: &str) -> Result<()> {
        if !edit.name.starts_with(BRANCHES) {
            return Ok(());
        }
        self.write_reflog(&self.gix.common_dir().join("logs").join(&edit.name), edit.old, edit.new, why)
    }

    /// Adds an entry to a reflog, unless the user does not want reflogs.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_reflog(&self, path: &Path, old: Option<Oid>, new: Oid, why: &str) -> Result<()> {
        if !self.gix.config_snapshot().boolean("core.logAllRefUpdates").unwrap_or(!self.gix.is_bare()) {
            return Ok(());
        }
        let cannot = || format!("cannot write '{}'", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context(Kind::External, cannot)?;
        }
        let Identity { name, email } = self.identity_or_none();
        let old = old.map_or_else(|| "0".repeat(40), |old| old.to_string());
        let line = format!("{old} {new} {name} <{email}> {} +0000\t{why}\n", self.now().as_second());
        let mut file = careful::open_for_appending(path).context(Kind::External, cannot)?;
        file.write_all(line.as_bytes()).context(Kind::External, cannot)
    }
}

fn require_ref_name(name: &str) -> Result<()> {
    if is_ref_name(name) { Ok(()) } else { Err(Error::internal(format!("'{name}' is not a ref name"))) }
}

/// Removes the values of refs: first the packed ones, which would reappear if only the loose one were gone.
fn remove_values(common: &Path, intent: &Intent, packed: bool, names: &[&str]) -> io::Result<()> {
    if packed {
        intent.move_in_place(PACKED_REFS, PACKED)?;
    }
    names.iter().try_for_each(|name| remove_if_there(&common.join(name)))
}

/// Restores the old values of refs that are still locked, after an error in the middle.
fn restore_values<'a>(
    common: &Path,
    intent: &mut Intent,
    changed: impl Iterator<Item = (&'a str, Option<Oid>)>,
) {
    for (at, (name, old)) in changed.enumerate() {
        let Some(old) = old else {
            let _ = fs::remove_file(common.join(name));
            continue;
        };
        let suffix = format!("{at}.old");
        if intent.stage(&[(suffix.clone(), format!("{old}\n").into_bytes())], MAX_WRITERS).is_ok() {
            let _ = intent.replace(name, &suffix);
        }
    }
}

/// Syncs the folders of some git files to the disk.
fn sync_folders<'a>(common: &Path, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let folders: BTreeSet<PathBuf> =
        names.filter_map(|name| common.join(name).parent().map(Path::to_owned)).collect();
    folders.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| sync_folder(folder))
}

/// Removes the folders that became empty with a ref, as git does; those with two components, such as `refs/heads`, stay.
fn remove_empty_folders(common: &Path, name: &str) {
    for top in [common.to_owned(), common.join("logs")] {
        let inside = Path::new(name).ancestors().skip(1).take_while(|path| path.components().count() > 2);
        for path in inside {
            if fs::remove_dir(top.join(path)).is_err() {
                break;
            }
        }
    }
}

/// Detects cheaply, without opening a repository, whether a ref may have changed since the last call. A supervisor calls it every
/// second.
#[derive(Debug, Default)]
pub struct RefWatch {
    last: Option<RefPlace>,
}

/// What holds the value of a ref. While it is the same, the value is.
#[derive(Debug, Eq, PartialEq)]
enum RefPlace {
    /// The content of its own file.
    Loose(Vec<u8>),
    /// `packed-refs`, which is never changed in place: its inode, length, and time.
    Packed(u64, u64, SystemTime),
}

impl RefPlace {
    fn of(common_dir: &Path, name: &str) -> Option<Self> {
        match careful::read(common_dir.join(name)) {
            Ok(content) => Some(Self::Loose(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let packed = fs::metadata(common_dir.join(PACKED_REFS)).ok()?;
                Some(Self::Packed(packed.ino(), packed.len(), packed.modified().ok()?))
            }
            Err(_) => None,
        }
    }
}

impl RefWatch {
    /// Returns whether the ref may have changed since the last call. A ref that cannot be found always counts as changed.
    pub fn changed(&mut self, common_dir: &Path, name: &str) -> bool {
        let now = RefPlace::of(common_dir, name);
        let is_same = now.is_some() && now == self.last;
        self.last = now;
        !is_same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_ref_changes_only_with_the_packed_refs() {
        let folder = tempfile::tempdir().unwrap();
        let common = folder.path();
        let write = |name: &str, text: &str| {
            let path = common.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            // As git does, a file is replaced and never changed in place.
            fs::write(common.join("new"), text).unwrap();
            fs::rename(common.join("new"), path).unwrap();
        };
        let mut watch = RefWatch::default();
        let mut changed = || watch.changed(common, "refs/a");
        assert!(changed() && changed(), "a ref that cannot be found");
        write(PACKED_REFS, "1 refs/a\n");
        assert!(changed() && !changed());
        write(PACKED_REFS, "22 refs/a\n");
        assert!(changed() && !changed());
        write("refs/a", "3\n");
        assert!(changed() && !changed());
        fs::remove_file(common.join("refs/a")).unwrap();
        assert!(changed() && !changed());
    }
}
