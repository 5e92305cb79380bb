//! The numbered slots for scratch worktrees: several landings and reviews run at the same time, each in its own slot.
//!
//! A process that uses a slot holds its lock, which the kernel releases when the process dies. The lock file contains the owner of
//! the worktree: a landing that is continued finds its own again, and processes that a killed owner left are ended before the slot
//! is used by another.

use std::{os::unix::fs::FileExt, path::Path, time::Duration};

use super::check;
use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::{Repo, careful},
    lock::Lock,
    store::{
        layout::{self, PrivateDir},
        operations::{self, Stage},
    },
};

/// A slot whose lock is held.
#[derive(Debug)]
pub(super) struct Slot {
    number: usize,
    lock: Lock,
}

impl Slot {
    /// Takes the slot that `owner` had before, else the first free one, preferably not one whose worktree belongs to an unfinished
    /// landing.
    ///
    /// # Errors
    /// All slots are in use (4), or a process that was left there cannot be ended.
    pub(super) fn take(repo: &Repo, owner: &str) -> Result<Self> {
        let private = PrivateDir::new(repo.private_dir()?);
        let slot = Self::choose(repo, &private, owner)?.ok_or_else(|| {
            let count = layout::MAX_SCRATCHES;
            Error::new(
                Kind::Conflict,
                format!("{count} landings and reviews are already testing branches here"),
            )
            .hint("wait until one of them has ended, then try again")
        })?;
        let before = owner_at(&private.scratch_lock(slot.number));
        if !before.is_empty() {
            check::end_leftover_processes(&before)?;
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

    /// Takes the slot of this number, if it is free.
    ///
    /// # Errors
    /// The lock file cannot be created or opened.
    pub(super) fn try_take(private: &PrivateDir, number: usize) -> Result<Option<Self>> {
        let lock = Lock::take(&private.scratch_lock(number), Duration::ZERO)?;
        Ok(lock.map(|lock| Self { number, lock }))
    }

    /// Returns the number of the slot, from 1.
    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// Releases the slot and records that it has no worktree.
    ///
    /// # Errors
    /// The lock file cannot be written.
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

/// Returns the numbers of all slots.
pub(super) fn numbers() -> std::ops::RangeInclusive<usize> {
    1..=layout::MAX_SCRATCHES
}

/// Returns the owner of the worktree in a slot: the id of an operation or of a review's check; empty if there is none.
pub(super) fn owner_at(lock: &Path) -> String {
    careful::small_text(lock).unwrap_or_default()
}

fn is_unfinished(repo: &Repo, owner: &str) -> Result<bool> {
    let operation = check::operation_of(owner);
    Ok(operations::all(repo)?.iter().any(|one| one.id == operation && one.stage == Stage::Open))
}
