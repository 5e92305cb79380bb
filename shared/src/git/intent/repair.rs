//! Finishing or reverting what a killed writer left locked. [`super`] explains what proves that a lock is ours.

use std::{
    collections::{BTreeSet, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::files::{
    self, Action, COMMIT, EMPTY, PACKED, inode, lock_of, remove_if_there, rename_over, replace_file,
};
use crate::{
    git::{abandoned, careful, ref_names::PACKED_REFS},
    lock::Lock,
};

/// Removes the lock of one file if a dead writer left it. `own_nonce` is the nonce of the writer that wants the lock. Returns whether
/// that lock is gone.
pub(in crate::git) fn lock(common: &Path, name: &str, own_nonce: Option<&str>) -> bool {
    let path = lock_of(common, name);
    let Some(left) = inode(&path) else { return true };
    let folder = files::intents_dir(common);
    let entries = entries(&folder);
    let linked = entries.iter().filter(|entry| inode(&folder.join(entry)) == Some(left));
    let nonces: BTreeSet<&str> = linked.map(|entry| nonce(entry)).collect();
    for nonce in nonces {
        let _ = repair_writer(common, nonce, Some(name));
    }
    inode(&path) != Some(left)
        || !is_declared(common, name, own_nonce) && abandoned::remove_if_abandoned(common, &path, name)
}

/// Returns whether another writer of ours declares that it locks a file: on a file system without hard links its lock may be
/// empty.
fn is_declared(common: &Path, name: &str, own_nonce: Option<&str>) -> bool {
    let folder = files::intents_dir(common);
    let is_other = |entry: &&String| nonce(entry) == entry.as_str() && Some(entry.as_str()) != own_nonce;
    entries(&folder).iter().filter(is_other).any(|entry| {
        let text = careful::read(folder.join(entry)).unwrap_or_default();
        Declaration::parse(&String::from_utf8_lossy(&text)).changes.iter().any(|(_, changed)| changed == name)
    })
}

/// Removes all locks that dead writers of ours left.
pub(in crate::git) fn all(common: &Path) {
    for entry in entries(&files::intents_dir(common)) {
        if nonce(&entry) == entry {
            // What cannot be repaired now, the next command tries again.
            let _ = repair_writer(common, &entry, None);
        }
    }
    // It blocks every writer, and a killed git of an agent may leave it as well.
    if lock_of(common, PACKED_REFS).exists() {
        lock(common, PACKED_REFS, None);
    }
}

/// A writer of ours that was killed, or is being killed at this moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeadIntent {
    /// The files that it changes, below the common git directory.
    pub files: Vec<String>,
    /// The inodes of its staged files, which its locks have as well.
    pub(in crate::git) inodes: Vec<u64>,
}

/// Returns the writers that were killed, and the inodes of the staged files of those that live. Nothing is changed.
pub(in crate::git) fn observe(common: &Path) -> (Vec<DeadIntent>, HashSet<u64>) {
    let folder = files::intents_dir(common);
    let all = entries(&folder);
    let (mut dead, mut live) = (Vec::new(), HashSet::new());
    for intent in all.iter().filter(|entry| nonce(entry) == entry.as_str()) {
        let staged = all.iter().filter(|entry| nonce(entry) == intent && *entry != intent);
        let inodes: Vec<u64> = staged.filter_map(|entry| inode(&folder.join(entry))).collect();
        if Lock::is_held(&folder.join(intent)) {
            live.extend(inodes);
        } else if let Ok(text) = careful::read(folder.join(intent)) {
            let declared = Declaration::parse(&String::from_utf8_lossy(&text));
            let files = declared.changes.into_iter().map(|(_, name)| name).collect();
            dead.push(DeadIntent { files, inodes });
        }
    }
    (dead, live)
}

fn entries(folder: &Path) -> Vec<String> {
    let Ok(found) = fs::read_dir(folder) else { return Vec::new() };
    found.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Returns the nonce of the writer to which a file in the folder belongs.
fn nonce(entry: &str) -> &str {
    entry.split_once('.').map_or(entry, |(nonce, _)| nonce)
}

/// The content of an intent.
#[derive(Debug, Default, Eq, PartialEq)]
struct Declaration {
    changes: Vec<(Action, String)>,
    decided: bool,
}

impl Declaration {
    /// Parses an intent. A truncated line, or one that leads out of the git directory, is ignored.
    fn parse(text: &str) -> Self {
        let decided = text.ends_with(COMMIT);
        let lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let changes = lines.filter_map(|line| {
            let (word, name) = line.split_once(' ')?;
            let stays_inside = !name.starts_with('/') && !name.split('/').any(|part| part == "..");
            Some((Action::parse(word)?, name.to_owned())).filter(|_| stays_inside)
        });
        Self { changes: changes.collect(), decided }
    }
}

/// Repairs what one writer left, if it is dead. `also` is a file whose lock was found to belong to this writer: after a power
/// failure the intent may be empty.
fn repair_writer(common: &Path, nonce: &str, also: Option<&str>) -> io::Result<()> {
    let folder = files::intents_dir(common);
    // If several processes repair at once, one does; the others, and those that check a living writer, find it locked.
    let Some(_lock) = Lock::take_existing(&folder.join(nonce))? else { return Ok(()) };
    let text = careful::read(folder.join(nonce))?;
    let declared = Declaration::parse(&String::from_utf8_lossy(&text));
    let dead = DeadWriter { common, folder: &folder, nonce };
    if declared.decided {
        dead.finish(&declared.changes)?;
    }
    let staged = dead.staged();
    let inodes: HashSet<u64> = staged.iter().filter_map(|path| inode(path)).collect();
    for name in declared.changes.iter().map(|(_, name)| name.as_str()).chain(also) {
        let lock = lock_of(common, name);
        // Under the lock on the intent nobody else removes staged files, so no other file has their inodes.
        if inode(&lock).is_some_and(|left| inodes.contains(&left)) {
            fs::remove_file(&lock)?;
        }
    }
    for path in staged {
        fs::remove_file(path)?;
    }
    fs::remove_file(folder.join(nonce))
}

/// A writer that was killed.
struct DeadWriter<'a> {
    common: &'a Path,
    folder: &'a Path,
    nonce: &'a str,
}

impl DeadWriter<'_> {
    fn file(&self, suffix: &str) -> PathBuf {
        self.folder.join(format!("{}.{suffix}", self.nonce))
    }

    fn staged(&self) -> Vec<PathBuf> {
        let prefix = format!("{}.", self.nonce);
        let names = entries(self.folder).into_iter().filter(|entry| entry.starts_with(&prefix));
        names.map(|entry| self.folder.join(entry)).collect()
    }

    /// Makes the changes on which the writer had decided: what it still has locked is as it was then.
    fn finish(&self, changes: &[(Action, String)]) -> io::Result<()> {
        let empty: HashSet<u64> = self
            .staged()
            .iter()
            .filter(|path| path.extension().is_some_and(|end| end.to_string_lossy().starts_with(EMPTY)))
            .filter_map(|path| inode(path))
            .collect();
        let mut folders = BTreeSet::new();
        for (at, (action, name)) in changes.iter().enumerate() {
            let (Some(left), target) = (inode(&lock_of(self.common, name)), self.common.join(name)) else {
                continue;
            };
            let is_ours = match action {
                Action::Replace => inode(&self.file(&at.to_string())) == Some(left),
                Action::Delete | Action::Hold => empty.contains(&left),
            };
            if !is_ours {
                continue;
            }
            match action {
                Action::Replace => replace_file(&self.file(&at.to_string()), &target)?,
                Action::Hold if self.file(PACKED).exists() => rename_over(&self.file(PACKED), &target)?,
                Action::Hold => continue,
                Action::Delete => {
                    remove_if_there(&target)?;
                    remove_if_there(&self.common.join("logs").join(name))?;
                }
            }
            folders.extend(target.parent().map(Path::to_owned));
        }
        for folder in folders {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_of_an_intent_count() {
        let change = |action, name: &str| (action, name.to_owned());
        for (text, changes, decided) in [
            ("", vec![], false),
            ("replace refs/a\ndelete refs/b", vec![change(Action::Replace, "refs/a")], false),
            (
                "delete refs/a\nhold packed-refs\ncommit\n",
                vec![change(Action::Delete, "refs/a"), change(Action::Hold, "packed-refs")],
                true,
            ),
            ("replace refs/a\ncommit", vec![change(Action::Replace, "refs/a")], false),
            ("replace ../x\nreplace /etc/x\nreplace a/../b\nodd refs/a\n", vec![], false),
        ] {
            assert_eq!(Declaration::parse(text), Declaration { changes, decided }, "{text:?}");
        }
    }
}
