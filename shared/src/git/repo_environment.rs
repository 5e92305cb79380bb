//! The environment of a repository: that of the caller for whom it was opened.

use std::path::Path;

use crate::{
    Result,
    git::{Git, Repo},
    world::{Environment, Timestamp, ancestors::SupervisorAbove},
};

impl Repo {
    /// Returns the command `git <verb>` on objects and refs, in the common git directory.
    ///
    /// # Errors
    /// The common git directory does not exist any more.
    pub fn git(&self, verb: &str) -> Result<Git> {
        let git = self.git_in(&self.common_dir()?, verb);
        Ok(match &self.fallback {
            Some(view) => git.env("GIT_DIR", view.path().as_os_str()),
            None => git,
        })
    }

    /// Returns the command `git <verb>` in a folder, in the environment of the repository's caller.
    pub fn git_in(&self, directory: &Path, verb: &str) -> Git {
        Git::new(&self.environment, directory, verb)
    }

    /// Returns the environment of the caller for whom the repository was opened.
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Returns the supervisors of this repository that started the caller, directly or indirectly, the nearest first.
    pub fn supervisors_above(&self) -> Vec<&SupervisorAbove> {
        let above = self.environment.supervisors_above();
        let Some(common) = self.common_dir().ok().filter(|_| !above.is_empty()) else { return Vec::new() };
        above.iter().filter(|supervisor| supervisor.is_of(&common)).collect()
    }

    /// Returns whether the program of an agent calls, or something that it started: a supervisor of this repository is above the caller, or
    /// its variables are those of an agent of any repository.
    pub fn is_called_by_agent(&self) -> bool {
        self.environment.is_agent() || !self.supervisors_above().is_empty()
    }

    /// Returns the time of the caller's clock; see [`Clock::now`](crate::world::Clock::now).
    pub fn now(&self) -> Timestamp {
        self.environment.now()
    }

    /// Opens the repository again in the same environment, to read its present configuration.
    ///
    /// # Errors
    /// The same as of [`Repo::open`].
    pub fn reopen(&self) -> Result<Self> {
        Self::open(&self.environment, &self.common_dir()?)
    }
}
