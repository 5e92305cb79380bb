//! The record of a move, written before anything is changed, so that the next command can revert the move after a kill: branch,
//! checkout, old and new commit, the old index, and the files that its locks link to.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Write},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{links, modes::FileModes};
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Git, Oid, Repo, careful, checkout::paths, command, worktrees::Checkout},
    lock::Lock,
    store::layout::{self, PrivateDir},
    world::{self, Environment},
};

/// How long to wait for the lock of a new record: another process may be testing it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// The folder with the files that are kept.
const KEPT: &str = "kept";

/// The file with the permissions of the files that the move makes again.
const MODES: &str = "modes";

/// The lock of a record, which is held while the process that created it lives.
const ALIVE: &str = "alive";

/// What moves from where to where, in which checkout.
#[derive(Clone, Debug)]
pub(super) struct MovePlan {
    /// The checkout whose files move.
    pub(super) checkout: Checkout,
    /// The branch, without `refs/heads/`, which is locked meanwhile.
    pub(super) branch: String,
    /// The commit of the files before the move.
    pub(super) old: Oid,
    /// The commit of the files after the move.
    pub(super) new: Oid,
    /// What is set last.
    pub(super) goal: Goal,
}

/// What a move sets last, when the files are at their new commit. With it the move is complete.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Goal {
    /// The branch, on which the checkout stays.
    Branch,
    /// `HEAD`: the checkout switches, and the branch stays. Both are texts of that file.
    Head {
        /// Before the move.
        old: String,
        /// After it.
        new: String,
    },
}

/// A [`MovePlan`] as it is stored. Paths are bytes, as they need not be valid UTF-8.
#[derive(Deserialize, Serialize)]
struct StoredPlan {
    git_dir: Vec<u8>,
    path: Vec<u8>,
    branch: String,
    old: Oid,
    new: Oid,
    #[serde(default = "branch_goal")]
    goal: Goal,
}

/// The goal of a move that an earlier version recorded.
fn branch_goal() -> Goal {
    Goal::Branch
}

impl MovePlan {
    /// Returns whether the branch or `HEAD` is where it was before the move.
    ///
    /// # Errors
    /// The branch cannot be read.
    pub(super) fn is_unmoved(&self, repo: &Repo) -> Result<bool> {
        match &self.goal {
            Goal::Branch => Ok(self.is_at(repo, self.old)? && self.is_on_branch()),
            Goal::Head { old, .. } => Ok(self.head() == *old),
        }
    }

    /// Returns whether the move is complete: the branch or `HEAD` is where it goes.
    ///
    /// # Errors
    /// The branch cannot be read.
    pub(super) fn has_moved(&self, repo: &Repo) -> Result<bool> {
        match &self.goal {
            Goal::Branch => self.is_at(repo, self.new),
            Goal::Head { new, .. } => Ok(self.head() == *new),
        }
    }

    fn is_at(&self, repo: &Repo, commit: Oid) -> Result<bool> {
        Ok(repo.find_ref(&layout::branch_ref(&self.branch))? == Some(commit))
    }

    /// Returns whether the checkout is on the branch.
    pub(super) fn is_on_branch(&self) -> bool {
        self.checkout.is_on(&layout::branch_ref(&self.branch))
    }

    fn head(&self) -> String {
        careful::small_text(&self.checkout.git_dir.join("HEAD")).unwrap_or_default().trim().to_owned()
    }

    fn write(&self) -> io::Result<Vec<u8>> {
        let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
        Ok(serde_json::to_vec(&StoredPlan {
            git_dir: bytes(&self.checkout.git_dir),
            path: bytes(&self.checkout.path),
            branch: self.branch.clone(),
            old: self.old,
            new: self.new,
            goal: self.goal.clone(),
        })?)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let StoredPlan { git_dir, path, branch, old, new, goal } = serde_json::from_slice(bytes).ok()?;
        let path_of = |bytes| PathBuf::from(OsString::from_vec(bytes));
        let checkout = Checkout { git_dir: path_of(git_dir), path: path_of(path) };
        Some(Self { checkout, branch, old, new, goal })
    }
}

/// The folder that records a move. While the process that created it lives, no other process can open it.
pub(super) struct MoveRecord {
    environment: Environment,
    pub(super) plan: MovePlan,
    pub(super) common: PathBuf,
    dir: PathBuf,
    _alive: Lock,
}

impl MoveRecord {
    /// Records a move durably, before any of it is done.
    ///
    /// # Errors
    /// The record cannot be written.
    pub(super) fn begin(repo: &Repo, plan: MovePlan) -> Result<Self> {
        let common = repo.common_dir()?;
        let id = world::random_hex::<8>()?;
        let dir = PrivateDir::new(repo.private_dir()?).moves().join(&id);
        let cannot = || format!("cannot write '{}'", dir.display());
        // Taking the lock creates the folder, so that it is never seen unlocked.
        let alive = Lock::require(&dir.join(ALIVE), LOCK_TIMEOUT)?;
        let environment = repo.environment().clone();
        let record = Self { environment, plan, common, dir: dir.clone(), _alive: alive };
        let mark = format!("git orchestra move {id}\n");
        let write = || -> io::Result<()> {
            fs::create_dir_all(record.git_dir())?;
            write_durably(&record.index_lock(), mark.as_bytes())?;
            let (head, branch) = match &record.plan.goal {
                Goal::Branch => (mark.clone(), format!("{}\n", record.plan.new)),
                Goal::Head { new, .. } => (format!("{new}\n"), mark.clone()),
            };
            write_durably(&record.head_lock(), head.as_bytes())?;
            write_durably(&record.branch_lock(), branch.as_bytes())?;
            write_durably(&dir.join("plan.new"), &record.plan.write()?)?;
            fs::rename(dir.join("plan.new"), dir.join("plan"))?;
            File::open(&dir)?.sync_all()
        };
        let written = write();
        if written.is_err() {
            let _ = fs::remove_dir_all(&dir);
        }
        written.context(Kind::External, cannot).map(|()| record)
    }

    /// Opens the record of a move that was interrupted. Returns `None` if its process still lives, or if none of it was done.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn open(environment: &Environment, common: &Path, dir: &Path) -> Result<Option<Self>> {
        let Some(alive) = Lock::take(&dir.join(ALIVE), Duration::ZERO)? else { return Ok(None) };
        let plan = careful::read(dir.join("plan")).ok().and_then(|bytes| MovePlan::read(&bytes));
        let Some(plan) = plan else {
            // It was killed before its plan was complete, and so before it took any lock.
            let _ = fs::remove_dir_all(dir);
            return Ok(None);
        };
        let (environment, common) = (environment.clone(), common.to_owned());
        Ok(Some(Self { environment, plan, common, dir: dir.to_owned(), _alive: alive }))
    }

    /// Returns whether the process that created the record at `dir` lives, or another one is reverting the move.
    pub(super) fn is_in_use(dir: &Path) -> bool {
        Lock::is_held(&dir.join(ALIVE))
    }

    /// Returns the id that marks the processes of this move.
    pub(super) fn id(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns our own git directory for the files of the checkout: git with it does not change the user's `HEAD`, index or refs.
    pub(super) fn git_dir(&self) -> PathBuf {
        self.dir.join("git")
    }

    /// Prepares [`MoveRecord::git_dir`]: `HEAD` at the old commit, the user's current index, and links to everything else in the
    /// user's git directories, such as settings, attributes, objects, and the data of filters.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub(super) fn prepare_git_dir(&self) -> Result<()> {
        let (ours, users) = (self.git_dir(), &self.plan.checkout.git_dir);
        let prepare = || -> io::Result<()> {
            for name in ["index.lock", "HEAD.lock", "packed-refs.lock", "index"] {
                let _ = fs::remove_file(ours.join(name));
            }
            for name in ["refs", "info"] {
                fs::create_dir_all(ours.join(name))?;
            }
            fs::write(ours.join("HEAD"), format!("{}\n", self.plan.old))?;
            // Git never writes into an index file, it replaces it. So a link is safe, and it keeps the file time, by which git
            // detects entries that may have changed right after the index was written.
            replace_with_link(&users.join("index"), &ours.join("index"))?;
            for source in [users, &self.common] {
                link_shared_entries(source, &ours)?;
                link_shared_entries(&source.join("info"), &ours.join("info"))?;
            }
            Ok(())
        };
        prepare().context(Kind::External, || format!("cannot write '{}'", ours.display()))
    }

    /// Returns a git command on the files of the checkout that uses [`MoveRecord::git_dir`].
    pub(super) fn git(&self, verb: &str) -> Git {
        self.plan
            .checkout
            .git_through(&self.environment, &self.git_dir(), verb)
            .limit(command::LONG_LIMIT)
            // Include paths in the repository's config are relative to that file, so it is included rather than linked.
            .env("GIT_CONFIG_COUNT", "2")
            .env("GIT_CONFIG_KEY_0", "include.path")
            .env("GIT_CONFIG_VALUE_0", self.common.join("config"))
            .env("GIT_CONFIG_KEY_1", "core.splitIndex")
            .env("GIT_CONFIG_VALUE_1", "false")
    }

    /// Returns the staged paths: those that differ between index and old commit. Needs [`MoveRecord::prepare_git_dir`].
    ///
    /// # Errors
    /// Git fails.
    pub(super) fn staged(&self) -> Result<Vec<Vec<u8>>> {
        let old = self.plan.old.to_string();
        Ok(paths(&self.git("diff-index").args(["--cached", "--name-only", "-z", &old, "--"]).run()?))
    }

    /// Keeps the user's index as [`MoveRecord::old_index`].
    ///
    /// # Errors
    /// The index cannot be linked or copied.
    pub(super) fn keep_index(&self) -> Result<()> {
        let index = self.plan.checkout.git_dir.join("index");
        replace_with_link(&index, &self.old_index())
            .context(Kind::External, || format!("cannot keep '{}'", index.display()))
    }

    /// Returns the path of the user's index as it was before the move.
    pub(super) fn old_index(&self) -> PathBuf {
        self.dir.join("index.old")
    }

    /// Keeps a file of the checkout as it is: git deletes it before it makes the new one, and a filter that fails then would fail on the
    /// way back as well. A path without a file is skipped.
    ///
    /// # Errors
    /// The file cannot be linked or copied.
    pub(super) fn keep_file(&self, path: &[u8]) -> io::Result<()> {
        let file = self.plan.checkout.path.join(OsStr::from_bytes(path));
        if !fs::symlink_metadata(&file).is_ok_and(|found| found.is_file()) {
            return Ok(());
        }
        let kept = self.kept_file(path);
        fs::create_dir_all(self.dir.join(KEPT))?;
        let _ = fs::remove_file(&kept);
        match fs::hard_link(&file, &kept) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => fs::copy(&file, &kept).map(drop),
            other => other,
        }
    }

    /// Puts a kept file back, if there is one and nothing is at its path. Returns whether it did.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn restore_file(&self, path: &[u8]) -> io::Result<bool> {
        let (file, kept) = (self.plan.checkout.path.join(OsStr::from_bytes(path)), self.kept_file(path));
        if !kept.exists() || fs::symlink_metadata(&file).is_ok() {
            return Ok(false);
        }
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        match fs::hard_link(&kept, &file) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => fs::copy(&kept, &file).map(drop),
            other => other,
        }?;
        Ok(true)
    }

    /// Keeps the permissions of the files that the move changes.
    ///
    /// # Errors
    /// A tree cannot be read, or the record cannot be written.
    pub(super) fn keep_modes(&self, repo: &Repo) -> Result<()> {
        let MovePlan { checkout, old, new, .. } = &self.plan;
        let modes = FileModes::read(repo, &checkout.path, *old, *new)?;
        if modes.is_empty() {
            return Ok(());
        }
        let write = || write_durably(&self.dir.join(MODES), &serde_json::to_vec(&modes)?);
        write().context(Kind::External, || format!("cannot write '{}'", self.dir.display()))
    }

    /// Gives the files that the move made again, or that its revert did, the permissions that they had. Returns whether any changed.
    pub(super) fn restore_modes(&self) -> bool {
        let kept = careful::read(self.dir.join(MODES)).ok();
        let modes: Option<FileModes> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        modes.is_some_and(|modes| modes.restore(&self.plan.checkout.path))
    }

    fn kept_file(&self, path: &[u8]) -> PathBuf {
        self.dir.join(KEPT).join(faster_hex::hex_string(&Sha256::digest(path)))
    }

    /// Returns the path of a second link to the index that the move installs.
    pub(super) fn new_index(&self) -> PathBuf {
        self.dir.join("index.new")
    }

    /// Returns the path of a temporary index, for comparing files with a commit.
    pub(super) fn compared_index(&self) -> PathBuf {
        self.dir.join("index.compared")
    }

    pub(super) fn index_lock(&self) -> PathBuf {
        self.dir.join("index.lock")
    }

    pub(super) fn head_lock(&self) -> PathBuf {
        self.dir.join("head.lock")
    }

    pub(super) fn branch_lock(&self) -> PathBuf {
        self.dir.join("branch.lock")
    }

    /// Deletes the record: the move is complete, or reverted.
    pub(super) fn remove(self) {
        let _ = fs::remove_file(self.dir.join("plan"));
        let _ = fs::remove_dir_all(&self.dir);
        let _ = self.dir.parent().map(fs::remove_dir);
    }
}

/// The names in a git directory that belong to one checkout or to refs. Names in capitals, such as `MERGE_HEAD`, do so as well.
const NOT_SHARED: &[&str] = &[
    "commondir",
    "gitdir",
    "index",
    "info",
    "locked",
    "logs",
    "orchestra",
    "packed-refs",
    "rebase-apply",
    "rebase-merge",
    "refs",
    "sequencer",
    "worktrees",
];

fn is_shared(name: &str) -> bool {
    let is_state = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte == b'-');
    !is_state && !name.ends_with(".lock") && !NOT_SHARED.contains(&name)
}

/// Links every entry of a folder that can be shared into another folder, unless that has an entry of the same name.
fn link_shared_entries(source: &Path, folder: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(source) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !is_shared(&name.to_string_lossy()) {
            continue;
        }
        match std::os::unix::fs::symlink(entry.path(), folder.join(&name)) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Replaces `to` by a link to a file, as [`links::link`] does. A copy gets the modification time of the file.
pub(super) fn replace_with_link(source: &Path, to: &Path) -> io::Result<()> {
    let _ = fs::remove_file(to);
    links::link(source, to)?;
    let time = fs::metadata(source)?.modified()?;
    if fs::metadata(to)?.modified()? != time {
        File::options().write(true).open(to)?.set_modified(time)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_of_one_checkout_is_not_shared() {
        for name in [
            "config",
            "objects",
            "hooks",
            "lfs",
            "git-crypt",
            "sharedindex.0a",
            "sparse-checkout",
            "shallow",
            "modules",
        ] {
            assert!(is_shared(name), "{name}");
        }
        for name in [
            "HEAD",
            "index",
            "MERGE_HEAD",
            "refs",
            "packed-refs",
            "index.lock",
            "config.lock",
            "worktrees",
            "orchestra",
        ] {
            assert!(!is_shared(name), "{name}");
        }
    }

    #[test]
    fn plans_survive_a_round_trip() {
        let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
        let checkout = Checkout { git_dir: path(b"/a/\xff/.git"), path: path(b"/a/\xff") };
        let (old, new) = (Oid::from_bytes([1; 20]), Oid::from_bytes([2; 20]));
        let goal = Goal::Head { old: "ref: refs/heads/b".into(), new: old.to_string() };
        let plan = MovePlan { checkout, branch: "b\u{e9}".into(), old, new, goal };
        let read = MovePlan::read(&plan.write().unwrap()).unwrap();
        assert_eq!((read.checkout.path, read.checkout.git_dir), (plan.checkout.path, plan.checkout.git_dir));
        assert_eq!((read.branch, read.old, read.new), (plan.branch, old, new));
        assert!(MovePlan::read(b"{\"git_dir\":[1]").is_none());
    }
}
