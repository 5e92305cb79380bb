//! The journal: every command that changes branches is one operation, written down before it changes anything, with all that
//! is needed to take it back.
//!
//! An operation is a ref of its own: a commit whose tree holds `operation.json` and what else belongs to it (the state of a
//! landing, the output of checks), and whose parents keep every commit alive that was, or came to be.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::{
        Oid, Repo,
        objects::{Commit, Entry, Sort},
        refs::Edit,
    },
    lock::Lock,
    model::text,
    store::{
        layout::{self, Private},
        trash_clock,
    },
    world,
};

const FILE: &str = "operation.json";
const VERSION: u32 = 1;
/// Hexadecimal digits of the number with which an id begins.
const DIGITS: usize = 11;
/// The largest number that a clock may give (in the year 2248), so that there are larger ones for what comes after it.
const LATEST: u64 = 0x7ff_ffff_ffff;

/// How far it came.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is under way, or was cut off.
    Open,
    /// Its changes are made.
    Done,
    /// It was given up before it changed anything.
    Aborted,
}

/// One operation.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Operation {
    /// The format.
    pub version: u32,
    /// Its id. Ids sort in the order in which the operations were made, whatever the clock said.
    pub id: String,
    /// The command, such as `merge-ranked`.
    pub command: String,
    /// When it began, for people.
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// What it did, in a line.
    pub summary: String,
    /// How far it came.
    pub stage: Stage,
    /// The branches it changed.
    pub changes: Vec<Change>,
    /// The agents that it took away; what was kept of each stands in its tree, under the agent's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removals: Vec<Removal>,
    /// The operation that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// What the clock of the trash said when it began; 0 in operations of 0.1.0, which did not have one.
    #[serde(default)]
    pub clock: u64,
}

impl Operation {
    /// Whether there is anything to take back.
    pub const fn changed_something(&self) -> bool {
        !self.changes.is_empty() || !self.removals.is_empty()
    }
}

/// An agent that was taken away.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Removal {
    /// Its id.
    pub agent: String,
    /// Where its worktree was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<PathBuf>,
    /// The name of its registration, below `worktrees` in the common git directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    /// The refs that went, and what they held.
    pub refs: Vec<(String, Oid)>,
    /// The branch of the user's own on which its worktree stood. It stays; who takes it away, gets it back with the worktree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stood_on: Option<(String, Oid)>,
    /// Bytes that its worktree took on the disk.
    pub bytes: u64,
    /// Its work was not elsewhere: somebody did not want it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discarded: bool,
}

impl Removal {
    fn commits(&self) -> impl Iterator<Item = Oid> {
        self.refs.iter().chain(&self.stood_on).map(|(_, id)| *id)
    }
}

/// A branch that moved.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "BranchMove")]
pub struct Change {
    /// The name of the branch, without `refs/heads/`.
    pub branch: String,
    /// The commit at which it was.
    pub old: Oid,
    /// The commit at which it is.
    pub new: Oid,
}

/// An operation being written.
#[derive(Clone, Debug)]
pub struct Journal {
    /// What is written of it.
    pub operation: Operation,
    /// Name → what stands under it, but for the operation itself.
    files: BTreeMap<String, (Sort, Oid)>,
    /// Commits that it keeps alive beyond those that the operation names.
    pins: Vec<Oid>,
    tip: Option<Oid>,
}

impl Journal {
    /// A new one, newer than all that there are; nothing is written yet. To be called under [`lock`].
    ///
    /// # Errors
    /// There is no randomness, or the operations cannot be read.
    pub fn new(repo: &Repo, command: &str) -> Result<Self> {
        let known = repo.refs_below(layout::OPERATIONS)?;
        let newest = known.last().and_then(|(name, _)| name.strip_prefix(layout::OPERATIONS));
        let operation = Operation {
            version: VERSION,
            id: format!("{:011x}{}", number_after(newest, world::milliseconds()), world::random_hex::<3>()?),
            command: command.to_owned(),
            at: world::now().to_string(),
            summary: String::new(),
            stage: Stage::Open,
            changes: Vec::new(),
            removals: Vec::new(),
            undoes: None,
            clock: trash_clock::advance(repo, trash_clock::Reading::now())?,
        };
        Ok(Self { operation, files: BTreeMap::new(), pins: Vec::new(), tip: None })
    }

    /// One that was written before.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(repo: &Repo, id: &str) -> Result<Self> {
        let tip = repo.find_ref(&layout::operation_ref(id))?;
        let tip = tip.ok_or_else(|| Error::refused(format!("no operation '{}'", text::safe(id))))?;
        let mut files = BTreeMap::new();
        for entry in
            repo.entries_of(repo.tree_of(tip)?)?.into_iter().filter(|entry| entry.name != FILE.as_bytes())
        {
            files.insert(String::from_utf8_lossy(&entry.name).into_owned(), (entry.sort, entry.id));
        }
        let pins = repo.read_commit(tip)?.parents;
        Ok(Self { operation: read(repo, tip, FILE)?, files, pins, tip: Some(tip) })
    }

    /// Puts a file into it; [`Journal::write`] makes it last.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&mut self, repo: &Repo, name: &str, bytes: &[u8]) -> Result<()> {
        let blob = repo.write_blob(bytes)?;
        self.files.insert(name.to_owned(), (Sort::File, blob));
        Ok(())
    }

    /// Puts a tree into it; [`Journal::write`] makes it last.
    pub fn put_tree(&mut self, name: &str, tree: Oid) {
        self.files.insert(name.to_owned(), (Sort::Folder, tree));
    }

    /// The tree that stands in it under a name.
    pub fn tree(&self, name: &str) -> Option<Oid> {
        self.files.get(name).filter(|(sort, _)| *sort == Sort::Folder).map(|(_, id)| *id)
    }

    /// A file of it, read as JSON.
    ///
    /// # Errors
    /// It is not there, or malformed.
    pub fn get<T: DeserializeOwned>(&self, repo: &Repo, name: &str) -> Result<T> {
        let tip = self.tip.ok_or_else(|| Error::internal("an operation that was not written yet"))?;
        read(repo, tip, name)
    }

    /// How plain git names a file of it.
    pub fn spec_of(&self, name: &str) -> String {
        format!("{}:{name}", layout::operation_ref(&self.operation.id))
    }

    /// Writes it down, with further commits that it must keep alive. What it kept before, it keeps.
    ///
    /// # Errors
    /// It cannot be written, or somebody else wrote it (4).
    pub fn write(&mut self, repo: &Repo, pins: &[Oid]) -> Result<()> {
        let cannot = || "cannot write the operation down".to_owned();
        let json = serde_json::to_vec_pretty(&self.operation).context(Kind::Internal, cannot)?;
        let blob = repo.write_blob(&json)?;
        let files = self.files.iter().map(|(name, (sort, id))| Entry::new(name.as_str(), *sort, *id));
        let tree = repo.write_entries(files.chain([Entry::new(FILE, Sort::File, blob)]).collect())?;
        let mut parents: Vec<Oid> = self.operation.changes.iter().flat_map(|c| [c.old, c.new]).collect();
        parents.extend(self.operation.removals.iter().flat_map(Removal::commits));
        self.pins.extend(pins);
        parents.extend(&self.pins);
        let mut seen = std::collections::HashSet::new();
        parents.retain(|id| seen.insert(*id));
        let subject = format!("{}: {}\n", self.operation.command, self.operation.summary);
        let now = world::now().as_second();
        let new = repo.write_commit(&Commit::by(&repo.identity()?, now, tree, parents, subject))?;
        let name = layout::operation_ref(&self.operation.id);
        repo.edit_refs(&[Edit { name, old: self.tip, new }], "orchestra: operation")?;
        self.tip = Some(new);
        Ok(())
    }
}

/// The number with which a new id begins: the time in milliseconds, or 1 more than that of the newest id where the clock is behind
/// it. So ids sort in the order in which operations were made, also after the clock was set back.
fn number_after(newest: Option<&str>, milliseconds: i64) -> u64 {
    let now = u64::try_from(milliseconds).unwrap_or(0).min(LATEST);
    let before = newest.and_then(|id| u64::from_str_radix(id.get(..DIGITS)?, 16).ok());
    before.map_or(now, |before| now.max(before + 1))
}

fn read<T: DeserializeOwned>(repo: &Repo, commit: Oid, name: &str) -> Result<T> {
    let broken = || format!("'{name}' of operation {} cannot be read", commit.short());
    let bytes = repo.read_blob_of(commit, name)?.ok_or_else(|| Error::internal(broken()))?;
    serde_json::from_slice(&bytes).context(Kind::Internal, broken)
}

/// How long another command may hold the lock for a look.
const SETTLE: Duration = Duration::from_millis(500);

/// The right to change something: operations are written under it alone, one command after the other.
///
/// # Errors
/// Another command has it (4).
pub fn lock(repo: &Repo) -> Result<Lock> {
    let lock = Private::new(repo.private_dir()?).operations_lock();
    let lock = Lock::take(&lock, SETTLE)?.ok_or_else(|| {
        Error::new(Kind::Conflict, "another merge-ranked, review, cleanup or undo runs in this repository")
            .hint("wait for its end, and try again")
    })?;
    // Also for the git programs that the command starts: they can mend nothing.
    repo.mend_locks();
    Ok(lock)
}

/// All operations, the newest first. Those that cannot be read are passed over.
///
/// # Errors
/// The refs cannot be read.
pub fn all(repo: &Repo) -> Result<Vec<Operation>> {
    let refs = repo.refs_below(layout::OPERATIONS)?;
    Ok(refs.into_iter().rev().filter_map(|(_, tip)| read(repo, tip, FILE).ok()).collect())
}

/// The highest clock of the trash that an operation tells of.
///
/// # Errors
/// The refs cannot be read.
pub fn newest_clock(repo: &Repo) -> Result<u64> {
    Ok(all(repo)?.iter().map(|operation| operation.clock).max().unwrap_or(0))
}

/// Whether what an operation did holds: it is done, and no operation that holds takes it back. `all` is newest first.
/// Of one that took agents away and was cut off, some of it may be done: that holds.
pub fn holds(operation: &Operation, all: &[Operation]) -> bool {
    let cut_off = operation.stage == Stage::Open && !operation.removals.is_empty();
    let taken_back =
        |other: &Operation| other.undoes.as_deref() == Some(operation.id.as_str()) && holds(other, all);
    // What takes it back is newer: the search ends.
    (operation.stage == Stage::Done || cut_off)
        && !all.iter().filter(|other| other.id > operation.id).any(taken_back)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(id: &str, undoes: Option<&str>, stage: Stage) -> Operation {
        Operation {
            version: VERSION,
            id: id.into(),
            command: String::new(),
            at: String::new(),
            summary: String::new(),
            stage,
            changes: Vec::new(),
            removals: Vec::new(),
            undoes: undoes.map(Into::into),
            clock: 0,
        }
    }

    #[test]
    fn ids_sort_in_the_order_of_making_whatever_the_clock_says() {
        let id = |number: u64| format!("{number:011x}abcdef");
        for (newest, clock, number) in [
            (None, 5_000, 5_000),
            (Some(id(4_000)), 5_000, 5_000),
            (Some(id(5_000)), 5_000, 5_001),
            // set back, set forward by far too much, before 1970
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
    fn what_holds_after_undo_and_undo_of_undo() {
        use Stage::{Aborted, Done, Open};
        let mut all = vec![operation("1", None, Done)];
        assert!(holds(&all[0], &all));
        all.insert(0, operation("2", Some("1"), Done));
        assert!(holds(&all[0], &all) && !holds(&all[1], &all));
        all.insert(0, operation("3", Some("2"), Done));
        let held: Vec<bool> = all.iter().map(|one| holds(one, &all)).collect();
        assert_eq!(held, [true, false, true]);
        for stage in [Open, Aborted] {
            let all = [operation("5", Some("4"), stage), operation("4", None, Done)];
            assert!(holds(&all[1], &all) && !holds(&all[0], &all));
        }
        // a forged circle ends
        let circle = [operation("8", Some("7"), Done), operation("7", Some("8"), Done)];
        assert!(holds(&circle[0], &circle) && !holds(&circle[1], &circle));
    }
}
