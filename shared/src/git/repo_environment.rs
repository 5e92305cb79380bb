//! The environment in which a repository is used: that of the caller for whom it was opened.

use std::path::Path;

use crate::{
    Result,
    git::{Git, Repo},
    world::{Environment, Timestamp},
};

impl Repo {
    /// Returns the command `git <verb>` on objects and refs, in the common git directory.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn git(&self, verb: &str) -> Result<Git> {
        let git = self.git_in(&self.common_dir()?, verb);
        Ok(match &self.fallback {
            Some(view) => git.env("GIT_DIR", view.path().as_os_str()),
            None => git,
        })
    }

    /// `git <verb>` in a folder, in the environment of the repository's caller.
    pub fn git_in(&self, directory: &Path, verb: &str) -> Git {
        Git::new(&self.environment, directory, verb)
    }

    /// The environment of the caller for whom the repository was opened.
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The time by the caller's clock: see [`Clock::now`](crate::world::Clock::now).
    pub fn now(&self) -> Timestamp {
        self.environment.now()
    }

    /// Opens the repository once more, in the same environment, as it is now.
    ///
    /// # Errors
    /// As [`Repo::open`].
    pub fn reopen(&self) -> Result<Self> {
        Self::open(&self.environment, &self.common_dir()?)
    }
}
