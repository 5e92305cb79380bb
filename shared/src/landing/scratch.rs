//! The worktree in which branches are merged and checked before they land. It is ours alone, bears no branch, and goes when the
//! landing is over.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::{Git, Oid, Repo, command, worktrees::Head},
    lock::Lock,
    store::layout::{self, Private},
    worktree::{incomplete, place},
};

/// How long to wait for others of ours that register worktrees.
const WAIT: Duration = Duration::from_secs(120);
/// How long what a killed landing had started may go on writing.
const AFTERMATH: Duration = Duration::from_secs(2);

/// The worktree.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    common: PathBuf,
}

impl Scratch {
    /// Makes it, at a commit; one that a cut-off landing left is taken over. A git that a killed landing had started works to its end,
    /// and may write there for an instant: then it is tried again.
    pub(super) fn make(repo: &Repo, at: Oid) -> Result<Self> {
        let begun = Instant::now();
        loop {
            match Self::attempt(repo, at) {
                Err(error) if error.kind == Kind::External && begun.elapsed() < AFTERMATH => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                other => return other,
            }
        }
    }

    fn attempt(repo: &Repo, at: Oid) -> Result<Self> {
        let path = place::folder(repo)?.join(layout::SCRATCH);
        let scratch = Self { path, common: repo.common_dir()? };
        let private = Private::new(repo.private_dir()?);
        let lock = Lock::require(&private.worktrees_lock(), WAIT)?;
        match repo.worktree_at(&scratch.path)? {
            Some(found) if found.is_half_made() => {
                if let Some(why) = incomplete::remove(repo, &found)? {
                    return Err(scratch.is_in_the_way(&format!("its making was cut off, and {why}")));
                }
            }
            Some(found) if !scratch.path.join(".git").exists() => found.set_aside(&private.gone())?,
            Some(found) => {
                // Nobody but a landing works here, and there is one at a time.
                let _ = std::fs::remove_file(found.git_dir.join("index.lock"));
                if matches!(found.head(), Head::Branch(_)) {
                    return Err(scratch.is_in_the_way("a branch is checked out in it"));
                }
                drop(lock);
                return scratch.reset(at).map(|()| scratch);
            }
            None if holds_nothing(&scratch.path) => {
                // The making was cut off between the folder and its registration.
                std::fs::remove_dir_all(&scratch.path)
                    .context(Kind::External, || format!("cannot remove '{}'", scratch.path.display()))?;
            }
            None if scratch.path.exists() => return Err(scratch.is_in_the_way("it is not ours")),
            None => {}
        }
        let prepared =
            Repo::open_for_checkout(&scratch.common)?.prepare_detached_worktree(&scratch.path, at)?;
        drop(lock);
        prepared.checkout()?;
        Ok(scratch)
    }

    fn is_in_the_way(&self, why: &str) -> Error {
        let shown = self.path.display();
        Error::refused(format!("'{shown}' is needed for merging, and {why}"))
            .hint(format!("mv '{shown}' somewhere else"))
    }

    /// Its folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Git in it.
    pub(super) fn git(&self, verb: &str) -> Git {
        Git::new(&self.path, verb).limit(command::LONG)
    }

    /// Brings it to a commit. What builds left goes, but for ignored files: the next build goes on from them.
    pub(super) fn reset(&self, to: Oid) -> Result<()> {
        self.git("reset").args(["--quiet", "--hard", &to.to_string()]).run()?;
        // A rebase that was given up or cut off keeps its state beside the files.
        let _ = self.git("rebase").arg("--quit").output();
        self.git("clean").args(["-ffdq"]).run()?;
        Ok(())
    }

    /// Takes it away, if nobody made something else of it.
    pub(super) fn remove(self, repo: &Repo) -> Result<()> {
        let _lock = Lock::require(&Private::new(repo.private_dir()?).worktrees_lock(), WAIT)?;
        remove(&self.common, &self.path)
    }

    /// Takes away what a landing left that is over.
    pub(super) fn remove_left_over(repo: &Repo) -> Result<()> {
        let path = place::planned(repo)?.join(layout::SCRATCH);
        let path = path.canonicalize().unwrap_or(path);
        match repo.worktree_at(&path)? {
            Some(found) if matches!(found.head(), Head::Detached(_)) => remove(&repo.common_dir()?, &path),
            _ => Ok(()),
        }
    }
}

/// A folder with nothing in it but the pointer to its registration.
fn holds_nothing(folder: &Path) -> bool {
    let Ok(mut entries) = std::fs::read_dir(folder) else { return false };
    entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == ".git" && entry.path().is_file()))
}

fn remove(common: &Path, path: &Path) -> Result<()> {
    Git::new(common, "worktree").args(["remove", "--force"]).arg(path).limit(command::LONG).run()?;
    // The folder of worktrees goes with its last one.
    let _ = path.parent().map(std::fs::remove_dir);
    Ok(())
}
