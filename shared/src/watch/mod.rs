//! What changed, and when to look again: for every window that stays open, such as `status --watch`, a `spawn` that waits, a web page
//! or a program that drives agents.
//!
//! A [`Watch`] reads everything in view ([`Snapshot`]), waits until the kernel tells of a change in a folder of refs, in a lock or
//! in an agent's output, reads again, and says what is different ([`Change`]). It derives the state anew each time, as `status`
//! does, and never believes an event: events only say that it is time to look. While nothing changes it sleeps.
//!
//! | module | knows |
//! |---|---|
//! | `change`, `cursor`, `pace`, `places` | what is different, where a reader stopped, when to look, which events matter. Pure |
//! | `snapshot` | reading everything in view |
//! | `wake`, `inotify` | waiting for the kernel, or for the times of folders |
//! | `home` | the repository, also after it was renamed |
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use orchestra::{context::Cancel, git::Repo, watch::{Filter, Update, Watch}};
//!
//! fn follow(repo: &Repo) -> orchestra::Result<()> {
//!     let mut watch = Watch::new(&Cancel::never(), repo, Filter::default())?;
//!     loop {
//!         match watch.next(Duration::from_secs(60))? {
//!             Update::Changed(changes) => println!("{changes:?}; {} agents", watch.snapshot().status.agents.len()),
//!             Update::Unchanged => {}
//!             Update::Cancelled => return Ok(()),
//!         }
//!     }
//! }
//! ```

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
    path::Path,
    time::{Duration, Instant},
};

pub use self::{
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
    context::Cancel,
    git::Repo,
    model::{AgentId, Liveness},
    store::layout::PrivateDir,
};

/// How long after a look output that grew is read again, unless the reader asks for another pace: twice a second is enough for
/// whoever watches many agents.
const GROWTH: Duration = Duration::from_millis(500);
/// The shortest and the longest time until everything is read without a reason. The kernel does not tell of everything: a worktree
/// may be removed by hand.
const FLOOR: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The same where the kernel tells nothing, and a supervisor that died is noticed by this alone.
const FLOOR_UNTOLD: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// The longest wait; nobody waits longer without asking again.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// What [`Watch::next`] came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Update {
    /// Something changed; how it is now stands in [`Watch::snapshot`]. Never empty.
    Changed(Vec<Change>),
    /// The time is over, and nothing changed.
    Unchanged,
    /// Somebody cancelled.
    Cancelled,
}

/// Watches the agents of a repository.
#[derive(Debug)]
pub struct Watch {
    home: Home,
    reader: Reader,
    waker: Waker,
    pace: Pace,
    cancel: Cancel,
    /// Where the reader stopped, until the first look.
    resumed: Option<Cursor>,
    /// What was noticed and not read yet.
    noticed: Option<Urgency>,
    places: Vec<Place>,
    snapshot: Snapshot,
    /// `None` before the first look.
    look: Option<Look>,
}

impl Watch {
    /// Watches from now on: the first [`Watch::next`] gives [`Change::Reset`] at once. `cancel` ends its waits, the present one and all
    /// that follow.
    ///
    /// # Errors
    /// The repository is gone.
    pub fn new(cancel: &Cancel, repo: &Repo, filter: Filter) -> Result<Self> {
        Self::woken_by(Waker::new, cancel, repo, filter)
    }

    /// As [`Watch::new`], without help of the kernel: for file systems that other machines change though they look like local ones.
    ///
    /// # Errors
    /// As [`Watch::new`].
    pub fn by_polling(cancel: &Cancel, repo: &Repo, filter: Filter) -> Result<Self> {
        Self::woken_by(|_, cancel| Waker::by_times(cancel), cancel, repo, filter)
    }

    fn woken_by(
        waker: impl FnOnce(&Path, Cancel) -> Waker,
        cancel: &Cancel,
        repo: &Repo,
        filter: Filter,
    ) -> Result<Self> {
        let private = PrivateDir::new(repo.private_dir()?);
        let places = places::all(&repo.common_dir()?, &private, std::iter::empty());
        // From here on a rename of the repository does no harm.
        let home = Home::of(repo)?;
        let waker = waker(home.common_dir(), cancel.clone());
        let pace = Pace::new(GROWTH, if waker.is_told() { FLOOR } else { FLOOR_UNTOLD });
        Ok(Self {
            home,
            reader: Reader::new(filter),
            waker,
            pace,
            cancel: cancel.clone(),
            resumed: None,
            noticed: None,
            places,
            snapshot: Snapshot::default(),
            look: None,
        })
    }

    /// Watches from where a reader stopped: the first [`Watch::next`] tells at once what changed since, nothing twice and nothing left out.
    ///
    /// # Errors
    /// As [`Watch::new`].
    pub fn resume(cancel: &Cancel, repo: &Repo, filter: Filter, cursor: Cursor) -> Result<Self> {
        Ok(Self { resumed: Some(cursor), ..Self::new(cancel, repo, filter)? })
    }

    /// Output that grew is told after this pause, and not half a second.
    #[must_use]
    pub const fn with_growth_pause(mut self, pause: Duration) -> Self {
        self.pace.growth = pause;
        self
    }

    /// Everything in view, as it was at the last look.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Where the reader stands, for [`Watch::resume`].
    pub fn cursor(&self) -> Cursor {
        self.look.as_ref().map(snapshot::cursor).unwrap_or_default()
    }

    /// The common git directory, where it was found at the last look.
    pub fn common_dir(&self) -> &Path {
        self.home.common_dir()
    }

    /// The repository as it is found now: its folder may have been renamed since the watch began.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn repo(&mut self) -> Result<Repo> {
        self.home.open()
    }

    /// Waits until something changed, at most for `limit`.
    ///
    /// # Errors
    /// An agent that the filter names is not there (3), or the repository cannot be read at two looks in a row.
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

    /// Whether it is time to read.
    fn is_due(&self, now: Instant) -> bool {
        let passed = |due: Option<Instant>| due.is_none_or(|due| due <= now);
        if self.home.has_failed() {
            // Whatever happens meanwhile: the next look may be the last, and gives it time.
            return passed(self.pace.unasked());
        }
        self.noticed.is_some_and(|urgency| passed(self.pace.due(urgency)))
            || passed(self.pace.unasked())
            || self.measures() && passed(self.pace.measure_due())
    }

    /// Until when to wait for anything at all, and until when to gather more output that grew.
    fn next_look(&self, end: Instant) -> (Instant, Option<Instant>) {
        if self.home.has_failed() {
            return (self.pace.unasked().map_or(end, |due| due.min(end)), None);
        }
        let gathered = self.noticed.and_then(|urgency| self.pace.due(urgency));
        let measure = if self.measures() { self.pace.measure_due() } else { None };
        let until = [self.pace.unasked(), measure].into_iter().flatten().fold(end, Instant::min);
        (until, gathered)
    }

    /// Whether uncommitted work is to be measured: it is asked for, and there may be any.
    fn measures(&self) -> bool {
        self.reader.measures()
            && self.snapshot.status.agents.iter().any(|agent| agent.liveness == Liveness::Live)
    }

    /// Reads everything and compares it with the last look.
    fn read(&mut self) -> Result<Vec<Change>> {
        let begun = Instant::now();
        // What changes from here on is noticed, whether this look sees it or not.
        self.noticed = None;
        let measure = self.pace.measure_due().is_none_or(|due| due <= begun);
        let was_told = self.waker.is_told();
        let (waker, places, reader) = (&mut self.waker, &self.places, &mut self.reader);
        let (look, resumed) = (&self.look, &self.resumed);
        let found = self.home.read(look.is_none(), |repo, common| {
            waker.watch(common, places);
            let read = reader.read(repo, measure)?;
            // Of a folder that is watched only now, something may have changed after it was read.
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

/// What is different from the look before, or from where a reader stopped.
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
