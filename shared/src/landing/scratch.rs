//! The scratch worktrees in which branches are merged and checked before they land. Their `HEAD` is detached, and they are removed
//! when the landing ends.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    check,
    scratch_slot::{self, Slot},
};
use crate::{
    Code, Error, Kind, Result,
    context::Context,
    error::ErrorContext as _,
    git::{
        Git, Oid, Repo, command,
        worktrees::{Checkout, Worktree, WorktreeHead},
    },
    lock::Lock,
    model::quote,
    store::layout::{self, PrivateDir},
    worktree::{incomplete, removed_folders, worktrees_dir},
    world::Environment,
};

/// How long to wait for other processes of ours that register worktrees.
const LOCK_TIMEOUT: Duration = Duration::from_secs(120);
/// How long to retry while processes that a killed landing started may still be writing.
const RETRY_FOR: Duration = Duration::from_secs(2);

/// The scratch worktree of one owner, created when it is first needed.
#[derive(Debug)]
pub(super) struct LazyScratch {
    context: Context,
    owner: String,
    made: Option<Scratch>,
}

impl LazyScratch {
    /// Returns the scratch worktree of an owner: the id of an operation, or of a review's check.
    pub(super) fn of(context: &Context, owner: &str) -> Self {
        Self { context: context.clone(), owner: owner.to_owned(), made: None }
    }

    /// Returns the worktree, created or reset to a commit.
    ///
    /// # Errors
    /// The worktree cannot be created or reset, or all slots are in use (4).
    pub(super) fn at(&mut self, repo: &Repo, commit: Oid) -> Result<&Scratch> {
        match &self.made {
            Some(scratch) => scratch.reset(commit)?,
            None => {
                self.made = Some(Scratch::make(&self.context, repo, Slot::take(repo, &self.owner)?, commit)?);
            }
        }
        self.made.as_ref().ok_or_else(|| Error::internal("no scratch worktree"))
    }

    /// Removes the worktree, even if an earlier process of the same owner created it.
    ///
    /// # Errors
    /// The worktree cannot be removed.
    pub(super) fn remove(&mut self, repo: &Repo) -> Result<()> {
        match self.made.take() {
            Some(scratch) => scratch.remove(repo),
            None => Scratch::remove_left_by(repo, &self.owner),
        }
    }
}

/// A scratch worktree in its slot. Git is not run in its folder once that is no longer the registered worktree.
#[derive(Debug)]
pub(super) struct Scratch {
    environment: Environment,
    checkout: Checkout,
    common: PathBuf,
    slot: Slot,
}

impl Scratch {
    /// Creates the worktree at a commit, or takes over the one that an interrupted landing left. Retries for [`RETRY_FOR`], because
    /// a git process that a killed landing started may still be writing there.
    fn make(context: &Context, repo: &Repo, slot: Slot, at: Oid) -> Result<Self> {
        let begun = Instant::now();
        let checkout = loop {
            match Self::attempt(context, repo, &slot, at) {
                Err(error) if error.kind() == Kind::External && begun.elapsed() < RETRY_FOR => {
                    context.cancel.wait(Duration::from_millis(50));
                    context.check()?;
                }
                other => break other?,
            }
        };
        Ok(Self { environment: repo.environment().clone(), checkout, common: repo.common_dir()?, slot })
    }

    fn attempt(context: &Context, repo: &Repo, slot: &Slot, at: Oid) -> Result<Checkout> {
        let path = worktrees_dir::make_worktrees_dir(repo)?.join(layout::scratch_name(slot.number()));
        let private = PrivateDir::new(repo.private_dir()?);
        let lock = Lock::require(&private.worktrees_lock(), context.at_most(LOCK_TIMEOUT))?;
        incomplete::remove_nameless_registrations(repo, &lock)?;
        let found = repo.worktree_at(&path)?;
        found.as_ref().map_or(Ok(()), clear_creation_mark)?;
        match found {
            Some(found) if found.is_incomplete() => {
                if let Some(why) = incomplete::remove_worktree(repo, &found)? {
                    return Err(path_taken_error(&path, &format!("creating it was interrupted, and {why}")));
                }
            }
            Some(found) if !path.join(".git").exists() => found.move_registration(&private.gone())?,
            Some(found) => {
                drop(lock);
                return take_over(repo.environment(), found, &path, at);
            }
            None if is_empty_worktree(&path) => {
                // Creating it was interrupted after the folder was made and before it was registered.
                fs::remove_dir_all(&path)
                    .context(Kind::External, || format!("cannot remove '{}'", path.display()))?;
            }
            None if path.exists() => return Err(path_taken_error(&path, "it is not one of our worktrees")),
            None => {}
        }
        repo.fetch_promised_files(context, at)?;
        let prepared = Repo::open_for_checkout(repo.environment(), &repo.common_dir()?)?
            .prepare_detached_worktree(&path, at)?;
        drop(lock);
        prepared.checkout()?;
        let made = repo.worktree_at(&path)?;
        let made = made.ok_or_else(|| {
            Error::internal(format!("'{}' disappeared after it was created", path.display()))
        })?;
        Ok(checkout_of(made))
    }

    /// Returns the folder of the worktree.
    pub(super) fn path(&self) -> &Path {
        &self.checkout.path
    }

    /// Returns a git command in the worktree.
    ///
    /// # Errors
    /// The folder is no longer the registered worktree (3).
    pub(super) fn git(&self, verb: &str) -> Result<Git> {
        git(&self.environment, &self.checkout, verb)
    }

    /// Resets the worktree to a commit and deletes untracked files. Ignored files stay, so that builds remain incremental.
    pub(super) fn reset(&self, to: Oid) -> Result<()> {
        reset(&self.environment, &self.checkout, to)
    }

    /// Removes the worktree, unless its folder is no longer the registered worktree.
    fn remove(self, repo: &Repo) -> Result<()> {
        let private = PrivateDir::new(repo.private_dir()?);
        let lock = Lock::require(&private.worktrees_lock(), LOCK_TIMEOUT)?;
        if self.path().exists() {
            verify(&self.checkout)?;
        }
        Removal::of(&self.checkout, &self.common, &private, self.slot.number()).finish()?;
        drop(lock);
        self.slot.release(&private)
    }

    /// Returns whether any scratch worktree is incomplete: it is being created or removed, or that was interrupted or failed.
    pub(super) fn is_incomplete(repo: &Repo) -> Result<bool> {
        let folder = worktrees_dir::planned_dir(repo)?;
        let is_removed = |number| removed_folder(&scratch_path(&folder, number), number).exists();
        Ok(scratch_slot::numbers().any(is_removed)
            || registered(repo)?.iter().any(|(_, found)| is_incomplete_or_gone(found)))
    }

    /// Removes the incomplete scratch worktrees whose slots are free.
    pub(super) fn remove_incomplete(repo: &Repo) -> Result<()> {
        let (private, folder) = (PrivateDir::new(repo.private_dir()?), worktrees_dir::planned_dir(repo)?);
        for number in scratch_slot::numbers() {
            let Some(_slot) = Slot::try_take(&private, number)? else { continue };
            let _lock = Lock::require(&private.worktrees_lock(), LOCK_TIMEOUT)?;
            let found = registered(repo)?.into_iter().find(|(known, _)| *known == number);
            match found.map(|(_, found)| found).filter(is_incomplete_or_gone) {
                None => {
                    removed_folders::delete_folder(&removed_folder(&scratch_path(&folder, number), number));
                }
                Some(found) => remove_interrupted(repo, &private, found, number)?,
            }
        }
        Ok(())
    }

    /// Removes the scratch worktrees that an owner left which no longer runs.
    pub(super) fn remove_left_by(repo: &Repo, owner: &str) -> Result<()> {
        let private = PrivateDir::new(repo.private_dir()?);
        for (number, found) in registered(repo)? {
            let known = scratch_slot::owner_at(&private.scratch_lock(number));
            // Version 0.1.0 did not record the owner.
            let is_own = known == owner || check::operation_of(&known) == owner;
            if !(is_own || known.is_empty()) || !matches!(found.head(), WorktreeHead::Detached(_)) {
                continue;
            }
            let Some(slot) = Slot::try_take(&private, number)? else { continue };
            let left = Self {
                environment: repo.environment().clone(),
                checkout: checkout_of(found),
                common: repo.common_dir()?,
                slot,
            };
            // A folder that is used for something else is left alone; the next landing reports that it is in the way.
            if verify(&left.checkout).is_ok() || !left.path().exists() {
                left.remove(repo)?;
            }
        }
        Ok(())
    }
}

/// Takes over a complete worktree. The caller holds its slot, so no other process uses it.
fn take_over(environment: &Environment, found: Worktree, path: &Path, at: Oid) -> Result<Checkout> {
    // The repository may have been moved since.
    found.repair_links(path)?;
    let _ = fs::remove_file(found.git_dir.join("index.lock"));
    if matches!(found.head(), WorktreeHead::Branch(_)) {
        return Err(path_taken_error(path, "a branch is checked out in it"));
    }
    let checkout = checkout_of(found);
    reset(environment, &checkout, at).map(|()| checkout)
}

fn git(environment: &Environment, checkout: &Checkout, verb: &str) -> Result<Git> {
    verify(checkout)?;
    Ok(checkout.git(environment, verb).limit(command::LONG_LIMIT))
}

fn verify(checkout: &Checkout) -> Result<()> {
    let path = checkout.path.as_path();
    checkout
        .verify()
        .map_err(|error| error.hint(format!("{} SOMEWHERE-ELSE", quote::command(&[&"mv", &path]))))
}

fn reset(environment: &Environment, checkout: &Checkout, to: Oid) -> Result<()> {
    git(environment, checkout, "reset")?.args(["--quiet", "--hard", &to.to_string()]).run()?;
    // An interrupted rebase leaves its state in the git directory.
    let has_state = |name| checkout.git_dir.join(name).try_exists().unwrap_or(true);
    if ["rebase-merge", "rebase-apply"].into_iter().any(has_state) {
        let _ = git(environment, checkout, "rebase")?.arg("--quit").output();
    }
    git(environment, checkout, "clean")?.args(["-ffdq"]).run()?;
    Ok(())
}

/// Returns the registered scratch worktrees with the numbers of their slots.
fn registered(repo: &Repo) -> Result<Vec<(usize, Worktree)>> {
    let registrations = repo.common_dir()?.join("worktrees");
    let is_named = |number: usize| registrations.join(layout::scratch_name(number)).exists();
    let named: Vec<usize> = scratch_slot::numbers().filter(|number| is_named(*number)).collect();
    // A worktree that is being created may be registered under another name.
    let others = if repo.has_locked_worktree()? { repo.worktrees()? } else { Vec::new() };
    if named.is_empty() && others.is_empty() {
        return Ok(Vec::new());
    }
    let folder = worktrees_dir::planned_dir(repo)?;
    let mut found = Vec::new();
    for number in scratch_slot::numbers() {
        let path = scratch_path(&folder, number);
        let mut worktree = others.iter().find(|one| one.path == path).cloned();
        if worktree.is_none() && named.contains(&number) {
            worktree = repo.worktree_at(&path)?;
        }
        found.extend(worktree.map(|worktree| (number, worktree)));
    }
    Ok(found)
}

fn is_incomplete_or_gone(found: &Worktree) -> bool {
    found.is_incomplete() || !found.exists()
}

/// Removes a worktree whose creation or removal was interrupted.
fn remove_interrupted(repo: &Repo, private: &PrivateDir, found: Worktree, number: usize) -> Result<()> {
    clear_creation_mark(&found)?;
    if found.is_incomplete() {
        // A folder that is used for something else is left alone; the next landing reports that it is in the way.
        incomplete::remove_worktree(repo, &found).map(drop)
    } else if found.exists() {
        Ok(())
    } else {
        Removal::of(&checkout_of(found), &repo.common_dir()?, private, number).finish()
    }
}

fn checkout_of(worktree: Worktree) -> Checkout {
    Checkout { git_dir: worktree.git_dir, path: worktree.path }
}

fn path_taken_error(path: &Path, why: &str) -> Error {
    let shown = path.display();
    Error::new(Code::PathTaken, format!("'{shown}' is needed for merging, and {why}"))
        .hint(format!("{} SOMEWHERE-ELSE", quote::command(&[&"mv", &path])))
}

/// Returns whether a folder contains nothing except possibly the `.git` file of a worktree.
fn is_empty_worktree(folder: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else { return false };
    entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == ".git" && entry.path().is_file()))
}

/// Returns the path that a scratch worktree has below the folder of worktrees.
fn scratch_path(folder: &Path, number: usize) -> PathBuf {
    let path = folder.join(layout::scratch_name(number));
    path.canonicalize().unwrap_or(path)
}

/// Removes the mark of a worktree that is complete but still marked as being created: that mark goes in the last step.
fn clear_creation_mark(found: &Worktree) -> Result<()> {
    if found.is_incomplete() && !incomplete::is_interrupted(found, true) {
        return incomplete::remove_mark(found);
    }
    Ok(())
}

fn removed_folder(path: &Path, number: usize) -> PathBuf {
    path.with_file_name(layout::removed_scratch_name(number))
}

/// The removal of a scratch worktree: its folder, then its registration, each moved away in one step and then deleted. Git deletes
/// file by file, and if it is killed it leaves half a worktree.
struct Removal<'a> {
    checkout: &'a Checkout,
    common: &'a Path,
    folder: PathBuf,
    registration: PathBuf,
}

impl<'a> Removal<'a> {
    fn of(checkout: &'a Checkout, common: &'a Path, private: &PrivateDir, number: usize) -> Self {
        let folder = removed_folder(&checkout.path, number);
        Self { checkout, common, folder, registration: private.removed_scratch(number) }
    }

    fn finish(self) -> Result<()> {
        self.delete_moved();
        for (from, to) in [(&self.checkout.path, &self.folder), (&self.checkout.git_dir, &self.registration)]
        {
            if from.symlink_metadata().is_ok() {
                removed_folders::move_folder(from, to)?;
            }
        }
        self.delete_moved();
        // These fail, as intended, while the folders contain other worktrees or registrations.
        let _ = self.checkout.path.parent().map(fs::remove_dir);
        let _ = fs::remove_dir(self.common.join("worktrees"));
        Ok(())
    }

    fn delete_moved(&self) {
        removed_folders::delete_folder(&self.folder);
        removed_folders::delete_folder(&self.registration);
    }
}
