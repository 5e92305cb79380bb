//! The repository of a watcher. It is opened again for each look at everything, so that its configuration is not out of date for longer
//! than that takes, and found again after its folder or a parent folder was renamed.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::Repo,
    supervise::tracked_folder::{FolderLocation, TrackedFolder},
    world::Environment,
};

/// How often a look is repeated at once because the repository was renamed during it.
const MAX_RENAMES: u32 = 3;

/// The repository, followed when its folder is renamed.
pub(super) struct RepoTracker {
    environment: Environment,
    folder: TrackedFolder,
    common: PathBuf,
    /// The repository as the last look at everything opened it.
    kept: Option<Repo>,
    /// Whether the last look failed.
    failed: bool,
}

impl fmt::Debug for RepoTracker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RepoTracker").field("common", &self.common).finish_non_exhaustive()
    }
}

impl RepoTracker {
    /// Opens the folder of the repository, in order to follow it.
    pub(super) fn of(repo: &Repo) -> Result<Self> {
        let common = repo.common_dir()?;
        let folder = TrackedFolder::open(&common)
            .context(Kind::NotARepository, || format!("cannot open '{}'", common.display()))?;
        Ok(Self { environment: repo.environment().clone(), folder, common, kept: None, failed: false })
    }

    /// Returns the path at which the common git directory was found last.
    pub(super) fn common_dir(&self) -> &Path {
        &self.common
    }

    /// Returns whether the last look failed.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Opens the repository where it is now.
    pub(super) fn open(&mut self) -> Result<Repo> {
        self.locate();
        Repo::open(&self.environment, &self.common)
    }

    /// Returns the repository as the last look at everything opened it, if it is still where it was. Opening it is a third of the
    /// system calls of a look at one agent.
    pub(super) fn kept(&mut self) -> Option<Repo> {
        if self.locate() {
            self.kept = None;
        }
        self.kept.take()
    }

    /// Keeps the repository for the next [`RepoTracker::kept`].
    pub(super) fn keep(&mut self, repo: Repo) {
        self.kept = Some(repo);
    }

    /// Returns whether the repository has moved since it was found last.
    fn locate(&mut self) -> bool {
        match self.folder.locate() {
            FolderLocation::Moved(path) => {
                self.common = path;
                true
            }
            FolderLocation::Here | FolderLocation::Away | FolderLocation::Deleted => false,
        }
    }

    /// Reads with `read`. Returns `None` after the first failure in a row: somebody may be renaming or repairing the repository, so
    /// the caller waits and tries again. The first read of all (`is_first`) fails at once.
    pub(super) fn read<T>(
        &mut self,
        is_first: bool,
        mut read: impl FnMut(&Repo, &Path) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut tries = 0;
        loop {
            let looked = self.open().and_then(|repo| read(&repo, &self.common).map(|read| (repo, read)));
            let error = match looked {
                Ok((repo, read)) => {
                    self.keep(repo);
                    self.failed = false;
                    return Ok(Some(read));
                }
                Err(error) => error,
            };
            tries += 1;
            if tries <= MAX_RENAMES && self.locate() {
                continue;
            }
            // Waiting does not help if what was asked for does not exist.
            if is_first || matches!(error.kind(), Kind::Refused | Kind::Usage) {
                return Err(error);
            }
            if std::mem::replace(&mut self.failed, true) {
                return Err(unreadable(error));
            }
            return Ok(None);
        }
    }
}

/// The error after two failed looks in a row.
fn unreadable(error: Error) -> Error {
    error
        .hint("the agents keep running; their work is saved as soon as the repository can be read again")
        .hint("git orchestra status --watch, after the repository is repaired")
}
