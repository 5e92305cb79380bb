//! The repository of a watcher. It is opened anew for each look, so that its configuration is never out of date, and found again
//! where its folder, or one above it, was renamed.

use std::path::{Path, PathBuf};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::Repo,
    supervise::tracked_folder::{TrackedFolder, Whereabouts},
    world::Environment,
};

/// How often a look is tried again at once because the repository was renamed meanwhile.
const RENAMES: u32 = 3;

/// Where the repository is.
#[derive(Debug)]
pub(super) struct Home {
    environment: Environment,
    folder: TrackedFolder,
    common: PathBuf,
    /// The last look failed.
    failed: bool,
}

impl Home {
    /// The repository as it is now.
    pub(super) fn of(repo: &Repo) -> Result<Self> {
        let common = repo.common_dir()?;
        let folder = TrackedFolder::open(&common)
            .context(Kind::NotARepository, || format!("cannot open '{}'", common.display()))?;
        Ok(Self { environment: repo.environment().clone(), folder, common, failed: false })
    }

    /// The common git directory, where it was found last.
    pub(super) fn common_dir(&self) -> &Path {
        &self.common
    }

    /// Whether the last look failed.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Opens the repository where it is now.
    pub(super) fn open(&mut self) -> Result<Repo> {
        self.follow();
        Repo::open(&self.environment, &self.common)
    }

    /// Gives whether the repository is in another place than before.
    fn follow(&mut self) -> bool {
        match self.folder.follow() {
            Whereabouts::Moved(path) => {
                self.common = path;
                true
            }
            Whereabouts::Here | Whereabouts::Away | Whereabouts::Deleted => false,
        }
    }

    /// Reads with `read`. `None`: it failed, and did not fail the last time; whoever tries again a while later may have more luck,
    /// since somebody may be renaming or repairing the repository. What was never read before (`is_first`) fails at once.
    pub(super) fn read<T>(
        &mut self,
        is_first: bool,
        mut read: impl FnMut(&Repo, &Path) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut tries = 0;
        loop {
            let error = match self.open().and_then(|repo| read(&repo, &self.common)) {
                Ok(read) => {
                    self.failed = false;
                    return Ok(Some(read));
                }
                Err(error) => error,
            };
            tries += 1;
            if tries <= RENAMES && self.follow() {
                continue;
            }
            // What is asked for is not there: that does not change by itself.
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

/// Neither at this look nor at the one before.
fn unreadable(error: Error) -> Error {
    error
        .hint("the agents keep running; what they did is saved as soon as the repository can be read again")
        .hint("git orchestra status --watch, when it is repaired")
}
