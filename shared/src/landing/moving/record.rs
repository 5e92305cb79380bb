//! What a move of a checkout writes down before it touches anything, so that the next command of ours can take it back after a
//! kill: which branch in which checkout, from where to where, the index as it was, and the sources of all its locks.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::locks;
use crate::{
    Kind, Result,
    error::Context,
    git::{Git, Oid, Repo, careful, checkout::paths, command, worktrees::Checkout},
    lock::Lock,
    store::layout::PrivateDir,
    world::{self, Environment},
};

/// Somebody may look at a new record before it is locked.
const NEW: Duration = Duration::from_secs(1);

/// A move.
#[derive(Clone, Debug)]
pub(super) struct MovePlan {
    /// The checkout whose files move.
    pub(super) checkout: Checkout,
    /// The branch, without `refs/heads/`.
    pub(super) branch: String,
    /// Where the branch was.
    pub(super) old: Oid,
    /// Where it is going.
    pub(super) new: Oid,
}

/// A [`MovePlan`] as it is written down; a path need not be text.
#[derive(Deserialize, Serialize)]
struct Written {
    git_dir: Vec<u8>,
    path: Vec<u8>,
    branch: String,
    old: Oid,
    new: Oid,
}

impl MovePlan {
    fn write(&self) -> io::Result<Vec<u8>> {
        let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
        Ok(serde_json::to_vec(&Written {
            git_dir: bytes(&self.checkout.git_dir),
            path: bytes(&self.checkout.path),
            branch: self.branch.clone(),
            old: self.old,
            new: self.new,
        })?)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let Written { git_dir, path, branch, old, new } = serde_json::from_slice(bytes).ok()?;
        let path_of = |bytes| PathBuf::from(OsString::from_vec(bytes));
        let checkout = Checkout { git_dir: path_of(git_dir), path: path_of(path) };
        Some(Self { checkout, branch, old, new })
    }
}

/// The folder in which a move is written down. While the process that made it lives, nobody else can open it.
pub(super) struct MoveRecord {
    environment: Environment,
    pub(super) plan: MovePlan,
    pub(super) common: PathBuf,
    dir: PathBuf,
    _alive: Lock,
}

impl MoveRecord {
    /// Writes a move down, durably; nothing of it is done yet.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn begin(repo: &Repo, plan: MovePlan) -> Result<Self> {
        let common = repo.common_dir()?;
        let id = world::random_hex::<8>()?;
        let dir = PrivateDir::new(repo.private_dir()?).moves().join(&id);
        let cannot = || format!("cannot write '{}'", dir.display());
        // Taking the lock makes the folder: nobody finds it without one.
        let alive = Lock::require(&dir.join("alive"), NEW)?;
        let environment = repo.environment().clone();
        let record = Self { environment, plan, common, dir: dir.clone(), _alive: alive };
        let mark = format!("git orchestra move {id}\n");
        let write = || -> io::Result<()> {
            fs::create_dir_all(record.git_dir())?;
            durable(&record.index_lock(), mark.as_bytes())?;
            durable(&record.head_lock(), mark.as_bytes())?;
            durable(&record.branch_lock(), format!("{}\n", record.plan.new).as_bytes())?;
            durable(&dir.join("plan.new"), &record.plan.write()?)?;
            fs::rename(dir.join("plan.new"), dir.join("plan"))?;
            File::open(&dir)?.sync_all()
        };
        let written = write();
        if written.is_err() {
            let _ = fs::remove_dir_all(&dir);
        }
        written.context(Kind::External, cannot).map(|()| record)
    }

    /// Opens the record of a move that was cut off. `None`: whoever makes the move still lives, or nothing of it was done.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn open(environment: &Environment, common: &Path, dir: &Path) -> Result<Option<Self>> {
        let Some(alive) = Lock::take(&dir.join("alive"), Duration::ZERO)? else { return Ok(None) };
        let plan = careful::read(dir.join("plan")).ok().and_then(|bytes| MovePlan::read(&bytes));
        let Some(plan) = plan else {
            // Killed before its plan was whole, and no lock is taken before that.
            let _ = fs::remove_dir_all(dir);
            return Ok(None);
        };
        let (environment, common) = (environment.clone(), common.to_owned());
        Ok(Some(Self { environment, plan, common, dir: dir.to_owned(), _alive: alive }))
    }

    /// Marks the processes of this move.
    pub(super) fn id(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A git directory of our own for the files of the checkout: git's work there leaves the user's `HEAD`, index and refs alone.
    pub(super) fn git_dir(&self) -> PathBuf {
        self.dir.join("git")
    }

    /// Lets [`MoveRecord::git_dir`] stand at the old commit, with the user's index of the moment, and with all that the user's own git
    /// directories hold besides: settings, attributes, objects, and what filters keep there.
    ///
    /// # Errors
    /// It cannot be written.
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
            // Git never writes into an index: it replaces it. So the file can be shared, and keeps its time, by which git tells
            // whether an entry may have changed right after it was written.
            second_name(&users.join("index"), &ours.join("index"))?;
            for source in [users, &self.common] {
                point_to(source, &ours)?;
                point_to(&source.join("info"), &ours.join("info"))?;
            }
            Ok(())
        };
        prepare().context(Kind::External, || format!("cannot write '{}'", ours.display()))
    }

    /// Git on the files of the checkout, with [`MoveRecord::git_dir`].
    pub(super) fn git(&self, verb: &str) -> Git {
        self.plan
            .checkout
            .git_through(&self.environment, &self.git_dir(), verb)
            .limit(command::LONG_LIMIT)
            // Settings that the repository includes are named as seen from the place of its own settings.
            .env("GIT_CONFIG_COUNT", "2")
            .env("GIT_CONFIG_KEY_0", "include.path")
            .env("GIT_CONFIG_VALUE_0", self.common.join("config"))
            .env("GIT_CONFIG_KEY_1", "core.splitIndex")
            .env("GIT_CONFIG_VALUE_1", "false")
    }

    /// Paths that are staged: the index has them otherwise than the old commit. [`MoveRecord::prepare_git_dir`] comes first.
    ///
    /// # Errors
    /// Git fails.
    pub(super) fn staged(&self) -> Result<Vec<Vec<u8>>> {
        let old = self.plan.old.to_string();
        Ok(paths(&self.git("diff-index").args(["--cached", "--name-only", "-z", &old, "--"]).run()?))
    }

    /// Keeps the user's index as it is.
    ///
    /// # Errors
    /// It cannot be kept.
    pub(super) fn keep_index(&self) -> Result<()> {
        let index = self.plan.checkout.git_dir.join("index");
        second_name(&index, &self.old_index())
            .context(Kind::External, || format!("cannot keep '{}'", index.display()))
    }

    /// The user's index as it was before the move.
    pub(super) fn old_index(&self) -> PathBuf {
        self.dir.join("index.old")
    }

    /// A second name of the index that the move puts in its place.
    pub(super) fn new_index(&self) -> PathBuf {
        self.dir.join("index.new")
    }

    /// Where a list of files is compared with a commit.
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

    /// Forgets the move: it is made, or taken back.
    pub(super) fn remove(self) {
        let _ = fs::remove_file(self.dir.join("plan"));
        let _ = fs::remove_dir_all(&self.dir);
        let _ = self.dir.parent().map(fs::remove_dir);
    }
}

/// In a git directory, what belongs to one checkout or to refs alone. Names of capital letters are state, too.
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

/// Gives everything in a folder that can be shared a link in another folder, where that has nothing of the name.
fn point_to(source: &Path, folder: &Path) -> io::Result<()> {
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

fn durable(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// As [`locks::link`]; a copy keeps the time of the file.
pub(super) fn second_name(source: &Path, to: &Path) -> io::Result<()> {
    let _ = fs::remove_file(to);
    locks::link(source, to)?;
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
    fn a_plan_is_read_as_it_was_written() {
        let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
        let checkout = Checkout { git_dir: path(b"/a/\xff/.git"), path: path(b"/a/\xff") };
        let (old, new) = (Oid::from_bytes([1; 20]), Oid::from_bytes([2; 20]));
        let plan = MovePlan { checkout, branch: "b\u{e9}".into(), old, new };
        let read = MovePlan::read(&plan.write().unwrap()).unwrap();
        assert_eq!((read.checkout.path, read.checkout.git_dir), (plan.checkout.path, plan.checkout.git_dir));
        assert_eq!((read.branch, read.old, read.new), (plan.branch, old, new));
        assert!(MovePlan::read(b"{\"git_dir\":[1]").is_none());
    }
}
