//! Watches the agents of a repository for every window that stays open, such as `status --watch`, a `spawn` that waits, a web page,
//! or a program that drives agents.
//!
//! A [`Watch`] reads everything in view ([`Snapshot`]), waits until the kernel reports a change in a folder of refs, in a lock, or
//! in an agent's output, reads again, and reports the differences ([`Change`]). It derives the state again each time, as `status`
//! does, and never trusts an event: an event only says that it is time to look. While nothing changes, it sleeps.
//!
//! | module | knows |
//! |---|---|
//! | `change`, `cursor`, `pace`, `places` | what changed, where a reader stopped, when to look, which events matter. Pure |
//! | `snapshot` | reading everything in view |
//! | `wake`, `inotify` | waiting for events of the kernel, or polling the modification times of folders |
//! | `home` | finding the repository, also after it was renamed |
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use orchestra::{git::Repo, watch::{Filter, Update, Watch}};
//!
//! fn follow(repo: &Repo) -> orchestra::Result<()> {
//!     let mut watch = Watch::new(repo, Filter::default())?;
//!     loop {
//!         match watch.next(Duration::from_secs(60))? {
//!             Update::Changed(changes) => println!("{changes:?}; {} agents", watch.snapshot().status.agents.len()),
//!             Update::Unchanged => {}
//!             Update::Cancelled => return Ok(()),
//!         }
//!     }
//! }
//! ```

mod cancel;
mod change;
mod cursor;
mod home;
mod pace;
mod places;
mod snapshot;
mod wake;

#[cfg(target_os = "linux")]
#[path = "inotify_linux.rs"]
mod inotify;
#[cfg(not(target_os = "linux"))]
#[path = "inotify_elsewhere.rs"]
mod inotify;

use std::{
    io::PipeReader,
    path::Path,
    time::{Duration, Instant},
};

pub use self::{
    cancel::CancelHandle,
    change::{Aspect, Change, Departure},
    cursor::Cursor,
    snapshot::{Filter, LandingUnderWay, LogEnd, Snapshot},
};
use self::{
    change::{Former, Look, between},
    home::Home,
    pace::{Pace, Urgency},
    places::Place,
    snapshot::Reader,
    wake::{Waker, Woken},
};
use crate::{
    Result,
    git::Repo,
    model::{AgentId, Liveness},
    store::layout::PrivateDir,
};

/// The pause between a look and the next one that only output makes necessary, unless the reader asks for another: twice a second
/// is enough for somebody who watches many agents.
const GROWTH: Duration = Duration::from_millis(500);
/// The shortest and the longest time until everything is read again without an event. The kernel does not report everything: a
/// worktree may be removed by hand.
const FLOOR: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The same without events of the kernel, where only this notices that a supervisor died.
const FLOOR_UNTOLD: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// The longest wait in one call of [`Watch::next`].
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// The result of [`Watch::next`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Update {
    /// The changes since the last look; never empty. The new state is in [`Watch::snapshot`].
    Changed(Vec<Change>),
    /// Nothing changed within the time limit.
    Unchanged,
    /// The watch was cancelled.
    Cancelled,
}

/// A watch on the agents of a repository.
#[derive(Debug)]
pub struct Watch {
    home: Home,
    reader: Reader,
    waker: Waker,
    pace: Pace,
    cancel: CancelHandle,
    /// The cursor of [`Watch::resume`], until the first look.
    resumed: Option<Cursor>,
    /// The urgency of what was noticed and not read yet.
    noticed: Option<Urgency>,
    places: Vec<Place>,
    snapshot: Snapshot,
    /// `None` before the first look.
    look: Option<Look>,
}

impl Watch {
    /// Watches from now on: the first [`Watch::next`] returns [`Change::Reset`] at once.
    ///
    /// # Errors
    /// The repository does not exist, or no file descriptors are left.
    pub fn new(repo: &Repo, filter: Filter) -> Result<Self> {
        Self::woken_by(Waker::new, repo, filter)
    }

    /// As [`Watch::new`], but polls instead of waiting for events: for file systems that look local and that other machines change.
    ///
    /// # Errors
    /// As [`Watch::new`].
    pub fn by_polling(repo: &Repo, filter: Filter) -> Result<Self> {
        Self::woken_by(|_, ear| Waker::by_times(ear), repo, filter)
    }

    fn woken_by(waker: impl FnOnce(&Path, PipeReader) -> Waker, repo: &Repo, filter: Filter) -> Result<Self> {
        let private = PrivateDir::new(repo.private_dir()?);
        let places = places::all(&repo.common_dir()?, &private, std::iter::empty());
        // From here on, the repository is followed when it is renamed.
        let home = Home::of(repo)?;
        let (cancel, ear) = cancel::pair()?;
        let waker = waker(home.common_dir(), ear);
        let pace = Pace::new(GROWTH, if waker.is_told() { FLOOR } else { FLOOR_UNTOLD });
        Ok(Self {
            home,
            reader: Reader::new(filter),
            waker,
            pace,
            cancel,
            resumed: None,
            noticed: None,
            places,
            snapshot: Snapshot::default(),
            look: None,
        })
    }

    /// Watches from the place where a reader stopped: the first [`Watch::next`] returns every later change, each exactly once.
    ///
    /// # Errors
    /// As [`Watch::new`].
    pub fn resume(repo: &Repo, filter: Filter, cursor: Cursor) -> Result<Self> {
        Ok(Self { resumed: Some(cursor), ..Self::new(repo, filter)? })
    }

    /// Sets the pause before new output is reported, instead of half a second.
    #[must_use]
    pub const fn with_growth_pause(mut self, pause: Duration) -> Self {
        self.pace.growth = pause;
        self
    }

    /// Returns a handle that cancels waits from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// Returns everything in view, as it was at the last look.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the place up to which changes were reported, for [`Watch::resume`].
    pub fn cursor(&self) -> Cursor {
        self.look.as_ref().map(snapshot::cursor).unwrap_or_default()
    }

    /// Returns the path at which the common git directory was found at the last look.
    pub fn common_dir(&self) -> &Path {
        self.home.common_dir()
    }

    /// Opens the repository where it is now: its folder may have been renamed since the watch began.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn repo(&mut self) -> Result<Repo> {
        self.home.open()
    }

    /// Waits until something changes, at most for `limit`.
    ///
    /// # Errors
    /// An agent that the filter names does not exist (3), or the repository cannot be read at two looks in a row.
    pub fn next(&mut self, limit: Duration) -> Result<Update> {
        let end = Instant::now() + limit.min(LONGEST);
        loop {
            if self.cancel.is_cancelled() {
                return Ok(Update::Cancelled);
            }
            let now = Instant::now();
            if self.is_due(now) {
                let changes = self.read()?;
                if !changes.is_empty() {
                    return Ok(Update::Changed(changes));
                }
                continue;
            }
            if now >= end {
                return Ok(Update::Unchanged);
            }
            let (until, growth) = self.next_look(end);
            match self.waker.wait(until, growth) {
                Woken::News(urgency) => self.noticed = self.noticed.max(Some(urgency)),
                Woken::Late => {}
                Woken::Cancelled => return Ok(Update::Cancelled),
            }
        }
    }

    /// Returns whether it is time to read.
    fn is_due(&self, now: Instant) -> bool {
        let passed = |due: Option<Instant>| due.is_none_or(|due| due <= now);
        if self.home.has_failed() {
            // A second failure ends the watch, so events do not shorten this wait.
            return passed(self.pace.unasked());
        }
        self.noticed.is_some_and(|urgency| passed(self.pace.due(urgency)))
            || passed(self.pace.unasked())
            || self.measures() && passed(self.pace.measure_due())
    }

    /// Returns until when to wait for any event, and until when to gather more events about output.
    fn next_look(&self, end: Instant) -> (Instant, Option<Instant>) {
        if self.home.has_failed() {
            return (self.pace.unasked().map_or(end, |due| due.min(end)), None);
        }
        let gathered = self.noticed.and_then(|urgency| self.pace.due(urgency));
        let measure = if self.measures() { self.pace.measure_due() } else { None };
        let until = [self.pace.unasked(), measure].into_iter().flatten().fold(end, Instant::min);
        (until, gathered)
    }

    /// Returns whether uncommitted work is measured: it was requested, and a live agent may have some.
    fn measures(&self) -> bool {
        self.reader.measures()
            && self.snapshot.status.agents.iter().any(|agent| agent.liveness == Liveness::Live)
    }

    /// Reads everything, and compares it with the last look.
    fn read(&mut self) -> Result<Vec<Change>> {
        let begun = Instant::now();
        // Every change from here on is noticed, whether this look sees it or not.
        self.noticed = None;
        let measure = self.pace.measure_due().is_none_or(|due| due <= begun);
        let was_told = self.waker.is_told();
        let (waker, places, reader) = (&mut self.waker, &self.places, &mut self.reader);
        let (look, resumed) = (&self.look, &self.resumed);
        let found = self.home.read(look.is_none(), |repo, common| {
            waker.watch(common, places);
            let read = reader.read(repo, measure)?;
            // A folder that is watched only from now on may have changed after it was read.
            let again = waker.watch(common, &read.places);
            let changes = compare(repo, look.as_ref(), resumed.as_ref(), &read.look)?;
            Ok((read, again, changes))
        })?;
        let ended = Instant::now();
        if was_told && !self.waker.is_told() {
            self.pace.set_floor(FLOOR_UNTOLD);
        }
        let Some((read, again, changes)) = found else {
            self.pace.looked(begun, ended, true);
            return Ok(Vec::new());
        };
        self.noticed = again.then_some(Urgency::State);
        self.resumed = None;
        (self.snapshot, self.look, self.places) = (read.snapshot, Some(read.look), read.places);
        self.pace.looked(begun, ended, !changes.is_empty());
        if let Some((begun, ended, changed)) = read.measured {
            self.pace.measured(begun, ended, changed);
        }
        Ok(changes)
    }
}

/// Returns the changes since the look before, or since the place where a reader stopped.
fn compare(repo: &Repo, before: Option<&Look>, resumed: Option<&Cursor>, now: &Look) -> Result<Vec<Change>> {
    let departure = |id: &AgentId| snapshot::departure(repo, id);
    Ok(match (before, resumed) {
        (Some(before), _) => between(before, now, Former::Whole, departure),
        (None, None) => vec![Change::Reset],
        (None, Some(cursor)) => {
            let before = snapshot::look_at_cursor(repo, cursor, now)?;
            between(&before, now, Former::FromEvents, departure)
        }
    })
}
