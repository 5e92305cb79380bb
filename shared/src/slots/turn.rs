//! A place in the queue of those that wait for a slot. The one that waits holds a lock on its ticket, so that the others know that it
//! lives.

use std::{
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Kind, Result, error::ErrorContext, lock::Lock, private_files, tickets::Ticket};

/// How long to wait for another process that is drawing a ticket.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// A place in the queue, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    ticket: Ticket<u32>,
    folder: PathBuf,
    _lock: Lock,
}

impl Turn {
    /// Takes the last place in the queue for a caller that may use `count` slots.
    ///
    /// # Errors
    /// The queue cannot be written.
    pub(super) fn draw(folder: &Path, count: u32) -> Result<Self> {
        let cannot = || format!("cannot write '{}'", folder.display());
        private_files::create_dir(folder).context(Kind::External, cannot)?;
        let _drawing = Lock::require(&folder.join("lock"), LOCK_TIMEOUT)?;
        let number = Ticket::<u32>::all(folder).last().map_or(1, |last| last.number + 1);
        let ticket = Ticket { number, jobs: count, id: std::process::id() };
        // The ticket is locked before the others see it.
        let new = folder.join("new");
        let lock = Lock::require(&new, LOCK_TIMEOUT)?;
        fs::rename(&new, folder.join(ticket.name())).context(Kind::External, cannot)?;
        Ok(Self { ticket, folder: folder.to_owned(), _lock: lock })
    }

    /// Returns the slots that may be tried now. Tickets of processes that died are removed.
    pub(super) fn slots(&self) -> RangeInclusive<u32> {
        let mut earlier = Vec::new();
        let before = Ticket::all(&self.folder).into_iter().rev().filter(|ticket| *ticket < self.ticket);
        for ticket in before {
            let path = self.folder.join(ticket.name());
            if Lock::is_held(&path) {
                let is_enough = ticket.jobs >= self.ticket.jobs;
                earlier.push(ticket);
                if is_enough {
                    break;
                }
            } else {
                let _ = fs::remove_file(path);
            }
        }
        self.ticket.slots(&earlier)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(self.ticket.name()));
    }
}

/// Returns how many wait in a queue.
pub(super) fn waiting(folder: &Path) -> usize {
    let live = |ticket: &Ticket<u32>| Lock::is_held(&folder.join(ticket.name()));
    Ticket::all(folder).iter().filter(|ticket| live(ticket)).count()
}
