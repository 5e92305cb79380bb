//! The journal of operations: every command that moves branches or removes agents records an operation before it changes anything,
//! with everything that is needed to undo it.
//!
//! Each operation has a ref to a commit. The tree of the commit holds `operation.json` and further files (the state of a landing,
//! the output of checks); its parents keep every old and new commit reachable.

mod operation;

use std::{collections::BTreeMap, time::Duration};

use serde::de::DeserializeOwned;

use self::operation::VERSION;
pub use self::operation::{Change, Operation, OperationBody, QuarantinedRef, Removal, Stage, UndoEffect};
use crate::{
    Code, Error, Kind, Result,
    context::Wait,
    error::ErrorContext,
    git::{
        Oid, Repo,
        objects::{Commit, TreeEntry, TreeEntryKind},
        refs::RefEdit,
    },
    lock::Lock,
    model::text,
    store::{
        layout::{self, PrivateDir},
        trash_clock::{self, ClockReading},
    },
    world,
};

const FILE: &str = "operation.json";
/// Number of hexadecimal digits of the time with which an id begins.
const DIGITS: usize = 11;
/// The largest time that is taken from a clock, in milliseconds (in the year 2248), so that later ids can have larger numbers.
const LATEST: u64 = 0x7ff_ffff_ffff;

/// An operation being written.
#[derive(Clone, Debug)]
pub struct Journal {
    /// The operation itself.
    pub operation: Operation,
    /// The entries of the commit's tree, by name, without `operation.json`.
    files: BTreeMap<String, (TreeEntryKind, Oid)>,
    /// Commits that are kept reachable in addition to those that the operation names.
    pins: Vec<Oid>,
    tip: Option<Oid>,
}

impl Journal {
    /// Makes an operation whose id is newer than all others; nothing is written yet. The caller must hold [`lock`] until the
    /// operation is written for the first time.
    ///
    /// # Errors
    /// There is no randomness, or the operations cannot be read.
    pub fn new(repo: &Repo, body: OperationBody) -> Result<Self> {
        let known = repo.refs_below(layout::OPERATIONS)?;
        let newest = known.last().and_then(|(name, _)| name.strip_prefix(layout::OPERATIONS));
        let operation = Operation {
            version: VERSION,
            id: format!(
                "{:011x}{}",
                number_after(newest, repo.environment().clock().milliseconds()),
                world::random_hex::<3>()?
            ),
            at: repo.now().to_string(),
            summary: String::new(),
            stage: Stage::Open,
            body,
            clock: advance_trash_clock(repo)?,
            via: repo.environment().via(),
        };
        Ok(Self { operation, files: BTreeMap::new(), pins: Vec::new(), tip: None })
    }

    /// Opens an operation that was written before.
    ///
    /// # Errors
    /// There is no such operation, or it cannot be read.
    pub fn open(repo: &Repo, id: &str) -> Result<Self> {
        let tip = repo.find_ref(&layout::operation_ref(id))?;
        let tip = tip.ok_or_else(|| {
            Error::new(Code::OperationUnknown, format!("no operation '{}'", text::safe(id)))
        })?;
        let mut files = BTreeMap::new();
        for entry in
            repo.entries_of(repo.tree_of(tip)?)?.into_iter().filter(|entry| entry.name != FILE.as_bytes())
        {
            files.insert(String::from_utf8_lossy(&entry.name).into_owned(), (entry.kind, entry.id));
        }
        let pins = repo.read_commit(tip)?.parents;
        Ok(Self { operation: read(repo, tip, FILE)?, files, pins, tip: Some(tip) })
    }

    /// Adds a file; [`Journal::write`] makes it permanent.
    ///
    /// # Errors
    /// The blob cannot be written.
    pub fn put(&mut self, repo: &Repo, name: &str, bytes: &[u8]) -> Result<()> {
        let blob = repo.write_blob(bytes)?;
        self.files.insert(name.to_owned(), (TreeEntryKind::File, blob));
        Ok(())
    }

    /// Adds a tree; [`Journal::write`] makes it permanent.
    pub fn put_tree(&mut self, name: &str, tree: Oid) {
        self.files.insert(name.to_owned(), (TreeEntryKind::Tree, tree));
    }

    /// Returns the names of its files and trees, without `operation.json`, sorted.
    pub fn file_names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Returns the tree of that name.
    pub fn tree(&self, name: &str) -> Option<Oid> {
        self.files.get(name).filter(|(sort, _)| *sort == TreeEntryKind::Tree).map(|(_, id)| *id)
    }

    /// Reads a file as JSON.
    ///
    /// # Errors
    /// The file is missing or malformed.
    pub fn get<T: DeserializeOwned>(&self, repo: &Repo, name: &str) -> Result<T> {
        let tip = self.tip.ok_or_else(|| Error::internal("an operation that was not written yet"))?;
        read(repo, tip, name)
    }

    /// Returns how plain git names a file of the operation: `<ref>:<name>`.
    pub fn spec_of(&self, name: &str) -> String {
        format!("{}:{name}", layout::operation_ref(&self.operation.id))
    }

    /// Writes the operation, which keeps the commits in `pins` reachable, and those of earlier writes.
    ///
    /// # Errors
    /// It cannot be written, or another process wrote it (4).
    pub fn write(&mut self, repo: &Repo, pins: &[Oid]) -> Result<()> {
        let cannot = || "cannot write the operation".to_owned();
        let json = serde_json::to_vec_pretty(&self.operation).context(Kind::Internal, cannot)?;
        let blob = repo.write_blob(&json)?;
        let files = self.files.iter().map(|(name, (sort, id))| TreeEntry::new(name.as_str(), *sort, *id));
        let tree =
            repo.write_entries(files.chain([TreeEntry::new(FILE, TreeEntryKind::File, blob)]).collect())?;
        let mut parents: Vec<Oid> = self.operation.commits().collect();
        self.pins.extend(pins);
        parents.extend(&self.pins);
        let mut seen = std::collections::HashSet::new();
        parents.retain(|id| seen.insert(*id));
        let subject = format!("{}: {}\n", self.operation.command(), self.operation.summary);
        let now = repo.now().as_second();
        let new = repo.write_commit(&Commit::by(&repo.identity()?, now, tree, parents, subject))?;
        let name = layout::operation_ref(&self.operation.id);
        repo.edit_refs(&[RefEdit { name, old: self.tip, new }], "orchestra: operation")?;
        self.tip = Some(new);
        Ok(())
    }
}

/// Returns the number with which a new id begins: the time in milliseconds, or 1 more than that of the newest id if the clock is
/// behind it. So ids sort in the order in which operations were made, even after the clock was set back.
fn number_after(newest: Option<&str>, milliseconds: i64) -> u64 {
    let now = u64::try_from(milliseconds).unwrap_or(0).min(LATEST);
    let before = newest.and_then(|id| u64::from_str_radix(id.get(..DIGITS)?, 16).ok());
    before.map_or(now, |before| now.max(before + 1))
}

fn read<T: DeserializeOwned>(repo: &Repo, commit: Oid, name: &str) -> Result<T> {
    let broken = || format!("'{name}' of operation {} cannot be read", commit.short());
    let bytes = repo.read_blob_of(commit, name)?.ok_or_else(|| Error::new(Code::StateDamaged, broken()))?;
    serde_json::from_slice(&bytes).context(Code::StateDamaged, broken)
}

/// How long [`lock`] waits for another command.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// Takes the lock of the journal. A landing holds it only for a moment, when it begins; a command that removes or restores agents
/// holds it throughout.
///
/// # Errors
/// Another command holds it (4).
pub fn lock(repo: &Repo) -> Result<Lock> {
    lock_within(repo, LOCK_TIMEOUT)
}

/// Takes the lock of the journal, as [`lock`] does, and waits for it as `wait` determines.
///
/// # Errors
/// Another command holds it until the time limit (4), or the wait is cancelled (130).
pub fn lock_within(repo: &Repo, wait: impl Into<Wait>) -> Result<Lock> {
    let lock = PrivateDir::new(repo.private_dir()?).operations_lock();
    let lock = Lock::take(&lock, wait)?.ok_or_else(|| {
        Error::new(Code::OperationRunning, "another cleanup or undo runs in this repository")
            .hint("wait until it ends, and try again")
    })?;
    // Also for the git programs that the command starts, which cannot repair locks.
    repo.repair_locks();
    Ok(lock)
}

/// Returns all operations, the newest first. Operations that cannot be read are skipped.
///
/// # Errors
/// The refs cannot be read.
pub fn all(repo: &Repo) -> Result<Vec<Operation>> {
    let refs = repo.refs_below(layout::OPERATIONS)?;
    Ok(refs.into_iter().rev().filter_map(|(_, tip)| read(repo, tip, FILE).ok()).collect())
}

/// Advances the clock by which operations expire to the present, and returns its seconds.
///
/// # Errors
/// The operations cannot be read, or the clock's file cannot be written.
pub fn advance_trash_clock(repo: &Repo) -> Result<u64> {
    advance_trash_clock_to(repo, ClockReading::of(repo.environment().clock()))
}

/// Advances the clock by which operations expire to a reading of the machine's clocks, and returns its seconds.
///
/// # Errors
/// As [`advance_trash_clock`].
pub fn advance_trash_clock_to(repo: &Repo, now: ClockReading) -> Result<u64> {
    trash_clock::advance(repo, now, || newest_clock(repo))
}

/// Returns the highest value of the trash clock that an operation recorded.
///
/// # Errors
/// The refs cannot be read.
fn newest_clock(repo: &Repo) -> Result<u64> {
    Ok(all(repo)?.iter().map(|operation| operation.clock).max().unwrap_or(0))
}

/// Returns whether the changes of an operation are in effect: it is done, and no operation that is in effect undoes it. An
/// interrupted operation that removes, rewinds or reviews agents counts as in effect, because it may have changed some. `all` is newest first.
pub fn is_in_effect(operation: &Operation, all: &[Operation]) -> bool {
    let may_have_changed = !operation.removals().is_empty()
        || matches!(operation.body, OperationBody::Rewind(_) | OperationBody::Pick(_));
    let cut_off = operation.stage == Stage::Open && may_have_changed;
    let undoes_it =
        |other: &Operation| other.undoes() == Some(operation.id.as_str()) && is_in_effect(other, all);
    // An undo is newer than what it undoes, so the recursion ends.
    (operation.stage == Stage::Done || cut_off)
        && !all.iter().filter(|other| other.id > operation.id).any(undoes_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(id: &str, undoes: Option<&str>, stage: Stage) -> Operation {
        let body = match undoes {
            Some(of) => OperationBody::Undo { of: of.into(), effect: UndoEffect::Restored },
            None => OperationBody::Cleanup(Vec::new()),
        };
        Operation {
            version: VERSION,
            id: id.into(),
            at: String::new(),
            summary: String::new(),
            stage,
            body,
            clock: 0,
            via: None,
        }
    }

    #[test]
    fn ids_sort_by_creation_whatever_the_clock_says() {
        let id = |number: u64| format!("{number:011x}abcdef");
        for (newest, clock, number) in [
            (None, 5_000, 5_000),
            (Some(id(4_000)), 5_000, 5_000),
            (Some(id(5_000)), 5_000, 5_001),
            // a clock that was set back, far ahead, or before 1970
            (Some(id(9_000)), 5_000, 9_001),
            (Some(id(LATEST)), 5_000, LATEST + 1),
            (None, i64::MAX, LATEST),
            (Some(id(LATEST + 7)), i64::MAX, LATEST + 8),
            (None, -1, 0),
            (Some("zzz".into()), 5_000, 5_000),
        ] {
            assert_eq!(number_after(newest.as_deref(), clock), number, "{newest:?} {clock}");
        }
    }

    #[test]
    fn operations_of_earlier_versions_are_read() {
        let new = serde_json::to_string(&Operation { clock: 7, ..operation("1", None, Stage::Done) })
            .expect("JSON");
        assert!(new.contains("\"clock_seconds\":7"), "{new}");
        let clock = |text: &str| serde_json::from_str::<Operation>(text).expect("an operation").clock;
        assert_eq!(clock(&new), 7);
        assert_eq!(clock(&new.replace("clock_seconds", "clock")), 7);
        assert_eq!(clock(&new.replace(",\"clock_seconds\":7", "")), 0);
    }

    #[test]
    fn undo_and_undo_of_undo_take_effect() {
        use Stage::{Aborted, Done, Open};
        let mut all = vec![operation("1", None, Done)];
        assert!(is_in_effect(&all[0], &all));
        all.insert(0, operation("2", Some("1"), Done));
        assert!(is_in_effect(&all[0], &all) && !is_in_effect(&all[1], &all));
        all.insert(0, operation("3", Some("2"), Done));
        let held: Vec<bool> = all.iter().map(|one| is_in_effect(one, &all)).collect();
        assert_eq!(held, [true, false, true]);
        for stage in [Open, Aborted] {
            let all = [operation("5", Some("4"), stage), operation("4", None, Done)];
            assert!(is_in_effect(&all[1], &all) && !is_in_effect(&all[0], &all));
        }
        // a forged circle does not recurse forever
        let circle = [operation("8", Some("7"), Done), operation("7", Some("8"), Done)];
        assert!(is_in_effect(&circle[0], &circle) && !is_in_effect(&circle[1], &circle));
    }
}
