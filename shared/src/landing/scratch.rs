//! The worktree in which branches are merged and checked before they land. It is ours alone, bears no branch, and goes when the
//! landing is over.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Code, Error, Kind, Result,
    error::Context,
    git::{
        Git, Oid, Repo, command,
        worktrees::{Checkout, Head, Worktree},
    },
    lock::Lock,
    model::quote,
    store::layout::{self, Private},
    worktree::{away, incomplete, place},
};

/// How long to wait for others of ours that register worktrees.
const WAIT: Duration = Duration::from_secs(120);
/// How long what a killed landing had started may go on writing.
const AFTERMATH: Duration = Duration::from_secs(2);

/// The worktree. Git reaches it by its registration; where its folder is no longer the registered one, git does not run.
#[derive(Debug)]
pub(super) struct Scratch {
    checkout: Checkout,
    common: PathBuf,
}

impl Scratch {
    /// Makes it, at a commit; one that a cut-off landing left is taken over. A git that a killed landing had started works to its end,
    /// and may write there for an instant: then it is tried again.
    pub(super) fn make(repo: &Repo, at: Oid) -> Result<Self> {
        let begun = Instant::now();
        loop {
            match Self::attempt(repo, at) {
                Err(error) if error.kind() == Kind::External && begun.elapsed() < AFTERMATH => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                other => return other,
            }
        }
    }

    fn attempt(repo: &Repo, at: Oid) -> Result<Self> {
        let path = place::folder(repo)?.join(layout::SCRATCH);
        let common = repo.common_dir()?;
        let private = Private::new(repo.private_dir()?);
        let lock = Lock::require(&private.worktrees_lock(), WAIT)?;
        incomplete::remove_nameless(repo, &lock)?;
        let found = repo.worktree_at(&path)?;
        found.as_ref().map_or(Ok(()), unlock_made)?;
        match found {
            Some(found) if found.is_half_made() => {
                if let Some(why) = incomplete::remove(repo, &found)? {
                    return Err(is_in_the_way(&path, &format!("its making was cut off, and {why}")));
                }
            }
            Some(found) if !path.join(".git").exists() => found.set_aside(&private.gone())?,
            Some(found) => {
                // Left before a rename of the repository.
                found.repair_links(&path)?;
                // Nobody but a landing works here, and there is one at a time.
                let _ = fs::remove_file(found.git_dir.join("index.lock"));
                if matches!(found.head(), Head::Branch(_)) {
                    return Err(is_in_the_way(&path, "a branch is checked out in it"));
                }
                drop(lock);
                let scratch = Self { checkout: checkout_of(found), common };
                return scratch.reset(at).map(|()| scratch);
            }
            None if holds_nothing(&path) => {
                // The making was cut off between the folder and its registration.
                fs::remove_dir_all(&path)
                    .context(Kind::External, || format!("cannot remove '{}'", path.display()))?;
            }
            None if path.exists() => return Err(is_in_the_way(&path, "it is not ours")),
            None => {}
        }
        repo.fetch_promised_files(at)?;
        let prepared = Repo::open_for_checkout(&common)?.prepare_detached_worktree(&path, at)?;
        drop(lock);
        prepared.checkout()?;
        let made = repo.worktree_at(&path)?;
        let made =
            made.ok_or_else(|| Error::internal(format!("'{}' was made and is gone", path.display())))?;
        Ok(Self { checkout: checkout_of(made), common })
    }

    /// Its folder.
    pub(super) fn path(&self) -> &Path {
        &self.checkout.path
    }

    /// Git in it.
    ///
    /// # Errors
    /// Its folder is no longer the one that is registered (3): somebody made something else of it.
    pub(super) fn git(&self, verb: &str) -> Result<Git> {
        self.verify()?;
        Ok(self.checkout.git(verb).limit(command::LONG))
    }

    fn verify(&self) -> Result<()> {
        let path = self.path();
        self.checkout
            .verify()
            .map_err(|error| error.hint(format!("{} SOMEWHERE-ELSE", quote::command(&[&"mv", &path]))))
    }

    /// Brings it to a commit. What builds left goes, but for ignored files: the next build goes on from them.
    pub(super) fn reset(&self, to: Oid) -> Result<()> {
        self.git("reset")?.args(["--quiet", "--hard", &to.to_string()]).run()?;
        // A rebase that was given up or cut off keeps its state beside the files.
        let _ = self.git("rebase")?.arg("--quit").output();
        self.git("clean")?.args(["-ffdq"]).run()?;
        Ok(())
    }

    /// Takes it away, if nobody made something else of it.
    pub(super) fn remove(self, repo: &Repo) -> Result<()> {
        let _lock = Lock::require(&Private::new(repo.private_dir()?).worktrees_lock(), WAIT)?;
        if self.path().exists() {
            self.verify()?;
        }
        Removal::of(&self.checkout, &self.common, repo)?.finish()
    }

    /// Whether it is not whole: a landing makes or removes it just now, or was cut off or failed at that.
    pub(super) fn is_incomplete(repo: &Repo) -> Result<bool> {
        let removed = removed_folder(&planned(repo)?);
        Ok(removed.exists() || Self::incomplete(repo)?.is_some())
    }

    fn incomplete(repo: &Repo) -> Result<Option<Worktree>> {
        let registration = repo.common_dir()?.join("worktrees").join(layout::SCRATCH);
        if !registration.exists() && !repo.has_locked_worktree()? {
            return Ok(None);
        }
        let found = repo.worktree_at(&planned(repo)?)?;
        Ok(found.filter(|found| found.is_half_made() || !found.is_there()))
    }

    /// Takes it away. To be called under the lock on operations: no landing makes or removes it then.
    pub(super) fn remove_incomplete(repo: &Repo) -> Result<()> {
        let _lock = Lock::require(&Private::new(repo.private_dir()?).worktrees_lock(), WAIT)?;
        let Some(found) = Self::incomplete(repo)? else {
            away::delete(&removed_folder(&planned(repo)?));
            return Ok(());
        };
        unlock_made(&found)?;
        if found.is_half_made() {
            // What somebody made of it is theirs; the next landing says that it is in the way.
            incomplete::remove(repo, &found).map(drop)
        } else if found.is_there() {
            Ok(())
        } else {
            Removal::of(&checkout_of(found), &repo.common_dir()?, repo)?.finish()
        }
    }

    /// Takes away what a landing left that is over.
    pub(super) fn remove_left_over(repo: &Repo) -> Result<()> {
        match repo.worktree_at(&planned(repo)?)? {
            Some(found) if matches!(found.head(), Head::Detached(_)) => {
                let left = Self { checkout: checkout_of(found), common: repo.common_dir()? };
                // What somebody made of it is theirs; the next landing says that it is in the way.
                if left.verify().is_ok() || !left.path().exists() { left.remove(repo) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }
}

fn checkout_of(worktree: Worktree) -> Checkout {
    Checkout { git_dir: worktree.git_dir, path: worktree.path }
}

fn is_in_the_way(path: &Path, why: &str) -> Error {
    let shown = path.display();
    Error::new(Code::PathTaken, format!("'{shown}' is needed for merging, and {why}"))
        .hint(format!("{} SOMEWHERE-ELSE", quote::command(&[&"mv", &path])))
}

/// A folder with nothing in it but the pointer to its registration.
fn holds_nothing(folder: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else { return false };
    entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == ".git" && entry.path().is_file()))
}

/// Where its folder is, if there is one.
fn planned(repo: &Repo) -> Result<PathBuf> {
    let path = place::planned(repo)?.join(layout::SCRATCH);
    Ok(path.canonicalize().unwrap_or(path))
}

/// A finished making is marked as one under way until the last step of it.
fn unlock_made(found: &Worktree) -> Result<()> {
    if found.is_half_made() && !incomplete::is_cut_off(found, true) {
        return incomplete::unlock(found);
    }
    Ok(())
}

fn removed_folder(path: &Path) -> PathBuf {
    path.with_file_name(layout::REMOVED_SCRATCH)
}

/// Taking it away, each in one step: its folder first, then its registration. Git deletes file by file, and killed between them it
/// leaves what is neither a worktree nor none.
struct Removal<'a> {
    checkout: &'a Checkout,
    common: &'a Path,
    folder: PathBuf,
    registration: PathBuf,
}

impl<'a> Removal<'a> {
    fn of(checkout: &'a Checkout, common: &'a Path, repo: &Repo) -> Result<Self> {
        let registration = Private::new(repo.private_dir()?).removed_scratch();
        Ok(Self { checkout, common, folder: removed_folder(&checkout.path), registration })
    }

    fn finish(self) -> Result<()> {
        self.delete_moved();
        for (from, to) in [(&self.checkout.path, &self.folder), (&self.checkout.git_dir, &self.registration)]
        {
            if from.symlink_metadata().is_ok() {
                away::move_folder(from, to)?;
            }
        }
        self.delete_moved();
        // Folders of worktrees, and of registrations, go with the last in them.
        let _ = self.checkout.path.parent().map(fs::remove_dir);
        let _ = fs::remove_dir(self.common.join("worktrees"));
        Ok(())
    }

    fn delete_moved(&self) {
        away::delete(&self.folder);
        away::delete(&self.registration);
    }
}
