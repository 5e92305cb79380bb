//! The slots of the machine: how many heavy commands run at once, over all repositories of a user. A slot is a locked file, so that the
//! kernel frees it however its holder dies; those that wait take their turn by tickets.
//!
//! | module | knows |
//! |---|---|
//! | `place` | the folder of the locks |
//! | `process_lock` | a lock that a program keeps which replaces this process, and that its children do not inherit |
//! | `record` | who holds a slot |
//! | `turn` | a place in the queue |

mod place;
mod process_lock;
mod record;
mod turn;

use std::{
    fs::File,
    io,
    os::{fd::OwnedFd, unix::fs::FileExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub use self::record::Holder;
use self::{record::Record, turn::Turn};
use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    context::{Context, Event, interrupted},
    error::ErrorContext,
    lock::Lock,
    model::duration,
    private_files,
    world::{self, Environment},
};

/// The variable that names the slot in which a command runs: `<number>-<mark>`.
pub const VARIABLE: &str = "ORCHESTRA_SLOT";
/// The largest number of slots.
pub const MAX: u32 = 1000;
/// The pauses between two attempts to take a slot, in milliseconds.
const PAUSES: (u64, u64) = (20, 250);

/// Returns the folder of the locks of ports, next to that of the slots. `None` if the user has no folder for locks.
pub fn folder_of_ports(environment: &Environment) -> Option<PathBuf> {
    place::folder(environment).map(|folder| folder.with_file_name("ports"))
}

/// The slots, as one caller sees them.
#[derive(Debug)]
pub struct Slots {
    folder: PathBuf,
    /// How many the caller may use: those from 1 to this number.
    count: u32,
    /// The slot in which the caller runs.
    surrounding: Option<u32>,
}

/// A place in the queue for a slot, until it is dropped.
#[derive(Debug)]
pub struct QueuePlace(Turn);

/// A slot that this process holds until this is dropped.
#[derive(Debug)]
pub struct Slot {
    number: u32,
    mark: String,
    folder: PathBuf,
    lock: Lock,
}

/// A slot that the program keeps which replaces this process, until it ends.
#[derive(Debug)]
#[must_use = "the slot is free once this is dropped"]
pub struct KeptSlot {
    _until_replaced: Lock,
    _process_lock: OwnedFd,
}

impl Slots {
    /// Returns the slots of the user in whose environment the caller runs, who may use `count` of them. Makes the folder of their locks.
    ///
    /// # Errors
    /// There is no folder for them, or it cannot be made.
    pub fn of(environment: &Environment, count: u32) -> Result<Self> {
        let folder = place::folder(environment).ok_or_else(|| {
            Error::new(Code::FileInaccessible, "there is no folder for the slots of this machine")
                .hint("set XDG_RUNTIME_DIR or HOME to a folder that exists")
        })?;
        let cannot = || format!("cannot write '{}'", folder.display());
        private_files::create_dir(&folder).context(Kind::External, cannot)?;
        private_files::restrict(&folder).context(Kind::External, cannot)?;
        let mut slots = Self { folder, count: count.clamp(1, MAX), surrounding: None };
        slots.surrounding = slots.find_surrounding(environment);
        Ok(slots)
    }

    /// Returns how many slots the caller may use.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Returns whether the caller runs in a slot that is still held. A command in a slot starts further ones at once: they are parts of
    /// what the slot was given for.
    pub const fn is_inside(&self) -> bool {
        self.surrounding.is_some()
    }

    /// Returns those that hold a slot now, in the order of their slots.
    pub fn held(&self) -> Vec<Holder> {
        let mut numbers: Vec<u32> = numbers_in(&self.folder).filter(|n| (1..=MAX).contains(n)).collect();
        numbers.sort_unstable();
        numbers
            .into_iter()
            .filter(|number| self.is_held(*number))
            .filter_map(|number| Some(self.record(number)?.holder))
            .collect()
    }

    /// Returns how many wait for a slot.
    pub fn waiting(&self) -> usize {
        turn::waiting(&self.queue())
    }

    /// Waits for a slot, at most for `limit`, and takes it. The one that waits longest takes the next free one. `what` describes the command,
    /// for those that wait. An observer learns who holds the slots if it has to be waited for one, and when it is taken then.
    ///
    /// # Errors
    /// No slot became free in time, the wait is cancelled, or the locks cannot be written.
    pub fn enter(&self, context: &Context, limit: Duration, what: &str) -> Result<Slot> {
        let turn = Turn::draw(&self.queue(), self.count)?;
        let started_at = Instant::now();
        let mut backoff = Backoff::millis(PAUSES.0, PAUSES.1);
        let mut has_waited = false;
        loop {
            if let Some(slot) = self.take(&turn, context.environment(), what)? {
                if has_waited {
                    context.emit(&Event::SlotTaken { waited_seconds: started_at.elapsed().as_secs() });
                }
                return Ok(slot);
            }
            if !has_waited {
                context.emit(&Event::SlotAwaited { slots: self.count, used_by: self.shown_holders(context) });
                has_waited = true;
            }
            let left = limit.saturating_sub(started_at.elapsed());
            if left.is_zero() {
                return Err(self.too_late(context, limit));
            }
            if context.cancel.wait(backoff.pause().min(left)) {
                return Err(interrupted("interrupted while waiting for a slot of the machine"));
            }
        }
    }

    /// Takes the last place in the queue, for a caller that has other things to do while it waits.
    ///
    /// # Errors
    /// The queue cannot be written.
    pub fn queue_up(&self) -> Result<QueuePlace> {
        Turn::draw(&self.queue(), self.count).map(QueuePlace)
    }

    /// Takes a slot if it is this place's turn and one is free. `what` describes the command, for those that wait.
    ///
    /// # Errors
    /// The locks cannot be written.
    pub fn try_enter(
        &self,
        place: &QueuePlace,
        environment: &Environment,
        what: &str,
    ) -> Result<Option<Slot>> {
        self.take(&place.0, environment, what)
    }

    /// Takes a slot if one is free for this turn.
    fn take(&self, turn: &Turn, environment: &Environment, what: &str) -> Result<Option<Slot>> {
        for number in turn.slots() {
            let Some(lock) = Lock::take(&self.path(number), Duration::ZERO)? else { continue };
            if process_lock::is_held(&self.kept_path(number)) {
                continue;
            }
            let mark = world::random_hex::<8>()?;
            let record = Record::new(environment, &mark, what);
            let cannot = || format!("cannot write '{}'", self.path(number).display());
            write(lock.file(), &record.text()).context(Kind::External, cannot)?;
            return Ok(Some(Slot { number, mark, folder: self.folder.clone(), lock }));
        }
        Ok(None)
    }

    fn too_late(&self, context: &Context, limit: Duration) -> Error {
        let took = duration::text(limit);
        Error::new(Code::SlotTimeout, format!("no slot of the machine became free in {took}"))
            .because(format!("in use by {}", self.shown_holders(context).join(", ")))
            .hint("'git orchestra slot' shows who has them")
    }

    /// Describes those that hold a slot, for people.
    fn shown_holders(&self, context: &Context) -> Vec<String> {
        self.held().iter().map(|holder| holder.shown(context.environment())).collect()
    }

    /// Returns the slot that the environment names, if it is held by the one who set the variable.
    fn find_surrounding(&self, environment: &Environment) -> Option<u32> {
        let named = environment.text_variable(VARIABLE)?;
        let (number, mark) = named.split_once('-')?;
        let number = number.parse().ok().filter(|number| (1..=MAX).contains(number))?;
        let record = self.record(number).filter(|record| record.is_marked(mark))?;
        // Closing a file ends this process's own lock on it, so that it must not be tested if this process has the slot.
        (record.is_own() || self.is_held(number)).then_some(number)
    }

    fn is_held(&self, number: u32) -> bool {
        let is_own = self.surrounding == Some(number);
        is_own || Lock::is_held(&self.path(number)) || process_lock::is_held(&self.kept_path(number))
    }

    fn record(&self, number: u32) -> Option<Record> {
        Record::read(&self.path(number))
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.join(number.to_string())
    }

    fn kept_path(&self, number: u32) -> PathBuf {
        kept_path(&self.folder, number)
    }

    fn queue(&self) -> PathBuf {
        self.folder.join("queue")
    }
}

impl Slot {
    /// Returns the value of [`VARIABLE`] for the processes of the command.
    pub fn variable(&self) -> String {
        format!("{}-{}", self.number, self.mark)
    }

    /// Hands the slot to the program that will replace this process. The lock belongs to the process, so that it ends with the program,
    /// however that ends, and the processes that the program started do not have it.
    ///
    /// # Errors
    /// The lock cannot be taken.
    pub fn keep(self) -> Result<KeptSlot> {
        let path = kept_path(&self.folder, self.number);
        let lock = process_lock::take(&path).map_err(|error| crate::lock::lock_error(&path, error))?;
        Ok(KeptSlot { _until_replaced: self.lock, _process_lock: lock })
    }
}

fn kept_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number}.kept"))
}

/// Returns the entries of a folder whose names are numbers.
fn numbers_in(folder: &Path) -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Replaces the content of a file that this process has locked.
fn write(file: &File, text: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all_at(text.as_bytes(), 0)
}

#[cfg(test)]
mod tests;
