//! The places for scratch worktrees. They are numbered: several landings and reviews work at the same time, each alone in its place.
//!
//! Whoever works in a place holds its lock; the kernel releases it however they die. In the lock file stands whose the worktree is:
//! a landing that is continued finds its own again, and what a killed one started is ended before anybody else works there.

use std::{os::unix::fs::FileExt, path::Path, time::Duration};

use super::check;
use crate::{
    Error, Kind, Result,
    error::Context,
    git::{Repo, careful},
    lock::Lock,
    store::{
        layout::{self, PrivateDir},
        operations::{self, Stage},
    },
};

/// A place that is held.
#[derive(Debug)]
pub(super) struct Slot {
    number: usize,
    lock: Lock,
}

impl Slot {
    /// Takes the place that `owner` had before; else the first that is free, if possible none whose worktree an unfinished landing
    /// comes back to.
    ///
    /// # Errors
    /// All are in use (4), or something that was left there still runs and cannot be ended.
    pub(super) fn take(repo: &Repo, owner: &str) -> Result<Self> {
        let private = PrivateDir::new(repo.private_dir()?);
        let slot = Self::choose(repo, &private, owner)?.ok_or_else(|| {
            let count = layout::MAX_SCRATCHES;
            Error::new(Kind::Conflict, format!("{count} landings and reviews test branches here already"))
                .hint("wait for the end of one, and try again")
        })?;
        let before = owner_at(&private.scratch_lock(slot.number));
        if !before.is_empty() {
            check::end_left_overs(&before)?;
        }
        slot.write_owner(&private, owner)?;
        Ok(slot)
    }

    fn choose(repo: &Repo, private: &PrivateDir, owner: &str) -> Result<Option<Self>> {
        let owners: Vec<String> = numbers().map(|number| owner_at(&private.scratch_lock(number))).collect();
        let own = owners.iter().position(|known| known == owner);
        if let Some(slot) = own.map(|at| Self::try_take(private, at + 1)).transpose()?.flatten() {
            return Ok(Some(slot));
        }
        let mut other = None;
        for (number, owner) in numbers().zip(&owners) {
            let Some(slot) = Self::try_take(private, number)? else { continue };
            if owner.is_empty() || !is_unfinished(repo, owner)? {
                return Ok(Some(slot));
            }
            other = other.or(Some(slot));
        }
        Ok(other)
    }

    /// The place of this number, if nobody works there.
    ///
    /// # Errors
    /// Its lock cannot be made or opened.
    pub(super) fn try_take(private: &PrivateDir, number: usize) -> Result<Option<Self>> {
        let lock = Lock::take(&private.scratch_lock(number), Duration::ZERO)?;
        Ok(lock.map(|lock| Self { number, lock }))
    }

    /// Its number; 1 is the first.
    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// Says that nothing is left in it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn release(self, private: &PrivateDir) -> Result<()> {
        self.write_owner(private, "")
    }

    fn write_owner(&self, private: &PrivateDir, owner: &str) -> Result<()> {
        let file = self.lock.file();
        let written = file.set_len(0).and_then(|()| file.write_all_at(owner.as_bytes(), 0));
        written.context(Kind::External, || {
            format!("cannot write '{}'", private.scratch_lock(self.number).display())
        })
    }
}

/// The numbers of all places.
pub(super) fn numbers() -> std::ops::RangeInclusive<usize> {
    1..=layout::MAX_SCRATCHES
}

/// Whose the worktree in a place is: the id of an operation or of a review's check; empty if nobody's.
pub(super) fn owner_at(lock: &Path) -> String {
    careful::small_text(lock).unwrap_or_default()
}

fn is_unfinished(repo: &Repo, operation: &str) -> Result<bool> {
    Ok(operations::all(repo)?.iter().any(|one| one.id == operation && one.stage == Stage::Open))
}
