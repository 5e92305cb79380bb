//! Makes the worktree in which a check runs ready like that of an agent, if the user wants that: with the files that git ignores and that
//! the user wants in every worktree, such as `.env`, and after the setup.

use std::{path::Path, time::Duration};

use super::check::{self, Bounds, CheckRun};
use crate::{
    Error, Kind, Result,
    config::{
        Config,
        keys::{DISPOSABLE_DIRS, INCLUDE, MAX_INCLUDE, SETUP, SETUP_CHECKS, SETUP_TIME},
    },
    error::ErrorContext as _,
    git::Repo,
    model::ByteSize,
    worktree::{
        include::{self, Readiness, Wanted},
        root::WorktreeRoot,
    },
};

/// What the worktree of a check is made ready with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Ready {
    patterns: Vec<String>,
    most: ByteSize,
    disposable: Vec<String>,
    setup: Option<String>,
    limit: Duration,
}

impl Ready {
    /// Reads what the user wants; `None` if checks see what is committed and nothing else. The caller knows that the configuration is
    /// accepted: the setup is run.
    ///
    /// # Errors
    /// A value in git config is invalid (3).
    pub(super) fn of(repo: &Repo) -> Result<Option<Self>> {
        let config = Config::of(repo);
        if !config.get(&SETUP_CHECKS)? {
            return Ok(None);
        }
        Ok(Some(Self {
            patterns: config.all(&INCLUDE),
            most: config.get(&MAX_INCLUDE)?,
            disposable: config.get(&DISPOSABLE_DIRS)?,
            setup: config.get(&SETUP)?,
            limit: config.get(&SETUP_TIME)?,
        }))
    }

    /// Copies the files that are not in the worktree, and runs the setup unless it has succeeded there: once for all checks of a landing.
    /// Returns the run of a setup that failed; then the check cannot pass.
    ///
    /// # Errors
    /// There is more to copy than the user allows, the disk is full, the setup cannot be started, or the user interrupts it (130).
    pub(super) fn make(&self, repo: &Repo, folder: &Path, bounds: Bounds<'_>) -> Result<Option<CheckRun>> {
        let cannot = || format!("cannot open '{}'", folder.display());
        let root = WorktreeRoot::open(folder).context(Kind::External, cannot)?;
        let wanted = Wanted { patterns: &self.patterns, most: self.most, disposable: &self.disposable };
        include::copy_wanted(repo, &root, &wanted)?;
        let Some(command) = &self.setup else { return Ok(None) };
        let worktree = repo.worktree_at(folder)?;
        let worktree = worktree.ok_or_else(|| Error::internal(format!("{} is gone", folder.display())))?;
        let known = Readiness::of(&worktree);
        if known.set_up.as_ref() == Some(command) {
            return Ok(None);
        }
        let ran = check::run(command, folder, Bounds { limit: self.limit, ..bounds })?;
        if let Some(why) = &ran.failure {
            let failure = Some(format!("the setup (orchestra.setup) failed: {why}"));
            return Ok(Some(CheckRun { failure, ..ran }));
        }
        Readiness { set_up: Some(command.clone()), ..known }.write(&worktree)?;
        Ok(None)
    }
}

/// Returns a hint for a check that fails without any change, if new worktrees are made ready and those of checks are not.
pub(super) fn hint(repo: &Repo) -> Option<String> {
    let config = Config::of(repo);
    let has_file = || repo.main_checkout().ok()?.map(|checkout| checkout.join(include::FILE).exists());
    let is_wanted = config.get(&SETUP).is_ok_and(|setup| setup.is_some())
        || !config.all(&INCLUDE).is_empty()
        || has_file() == Some(true);
    let is_missing = is_wanted && !config.get_or_default(&SETUP_CHECKS);
    let set = SETUP_CHECKS.hint("true");
    is_missing.then(|| format!("it may need what new worktrees of agents get, such as .env: {set}"))
}
