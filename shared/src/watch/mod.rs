//! Watches the agents of a repository for every window that stays open, such as `status --watch`, a `spawn` that waits, a web page,
//! or a program that drives agents.
//!
//! A [`Watch`] reads everything in view ([`Snapshot`]), waits until the kernel reports a change in a folder of refs, in a lock, or
//! in an agent's output, reads again, and reports the differences ([`Change`]). It derives the state again each time, as `status`
//! does, and never trusts an event: an event only says that it is time to look, and at which agents. If nothing but their refs moved,
//! only these are read; whatever they alone do not tell is read with everything. While nothing changes, it sleeps.
//!
//! | module | knows |
//! |---|---|
//! | `change`, `cursor`, `schedule`, `noticed`, `folders` | what changed, where a reader stopped, when to look, at what, which events matter. Pure |
//! | `snapshot` | reading everything in view |
//! | `streamed` | a change with the state after it |
//! | `wake`, `inotify` | waiting for events of the kernel, or polling the modification times of folders |
//! | `repo_tracker` | finding the repository, also after it was renamed |
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
mod fields;
mod folders;
mod noticed;
mod repo_tracker;
mod schedule;
mod snapshot;
mod streamed;
mod wake;

#[cfg(target_os = "linux")]
#[path = "inotify_linux.rs"]
mod inotify;
#[cfg(not(target_os = "linux"))]
#[path = "inotify_elsewhere.rs"]
mod inotify;

use std::{
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

pub use self::{
    change::{Aspect, Change, Departure},
    cursor::Cursor,
    snapshot::{Filter, LogEnd, Snapshot, UnfinishedLanding},
    streamed::StreamedChange,
};
use self::{
    change::{LookSource, Observation, changes_between},
    folders::WatchedFolder,
    noticed::Noticed,
    repo_tracker::RepoTracker,
    schedule::{Schedule, Urgency},
    snapshot::SnapshotReader,
    wake::{WakeReason, Waker},
};
use crate::{
    Result,
    context::Cancel,
    git::Repo,
    model::{AgentId, Liveness},
    store::layout::PrivateDir,
    supervise::tree,
};

/// The pause between a look and the next one that only output makes necessary, unless the reader asks for another: twice a second
/// is enough for somebody who watches many agents.
const OUTPUT_PAUSE: Duration = Duration::from_millis(500);
/// The shortest and the longest time until everything is read again without an event. The kernel does not report everything: a
/// worktree may be removed by hand.
const FULL_READ_INTERVAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The same without events of the kernel, where only this notices that a supervisor died.
const FULL_READ_INTERVAL_POLLING: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// The longest wait in one call of [`Watch::next`].
const MAX_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

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
    repo_tracker: RepoTracker,
    reader: SnapshotReader,
    waker: Waker,
    schedule: Schedule,
    cancel: Cancel,
    /// The cursor of [`Watch::resume`], until the first look.
    resumed: Option<Cursor>,
    /// What was noticed and not read yet.
    noticed: Noticed,
    /// How many looks read everything, and how many only the agents whose refs moved.
    looks: (u64, u64),
    folders: Vec<WatchedFolder>,
    snapshot: Snapshot,
    /// `None` before the first look.
    look: Option<Observation>,
}

impl Watch {
    /// Watches from now on: the first [`Watch::next`] returns [`Change::Reset`] at once. `cancel` ends the present wait and all
    /// later ones.
    ///
    /// # Errors
    /// The repository does not exist any more.
    pub fn new(cancel: &Cancel, repo: &Repo, filter: Filter) -> Result<Self> {
        Self::with_waker(Waker::new, cancel, repo, filter)
    }

    /// As [`Watch::new`], but polls instead of waiting for events: for file systems that look local and that other machines change.
    ///
    /// # Errors
    /// As [`Watch::new`].
    pub fn by_polling(cancel: &Cancel, repo: &Repo, filter: Filter) -> Result<Self> {
        Self::with_waker(|_, cancel| Waker::polling(cancel), cancel, repo, filter)
    }

    fn with_waker(
        waker: impl FnOnce(&Path, Cancel) -> Waker,
        cancel: &Cancel,
        repo: &Repo,
        filter: Filter,
    ) -> Result<Self> {
        let private = PrivateDir::new(repo.private_dir()?);
        let folders = folders::all(&repo.common_dir()?, &private, std::iter::empty());
        // From here on, the repository is followed when it is renamed.
        let repo_tracker = RepoTracker::of(repo)?;
        let waker = waker(repo_tracker.common_dir(), cancel.clone());
        let schedule = Schedule::new(
            OUTPUT_PAUSE,
            if waker.has_kernel_events() { FULL_READ_INTERVAL } else { FULL_READ_INTERVAL_POLLING },
        );
        Ok(Self {
            repo_tracker,
            reader: SnapshotReader::new(filter),
            waker,
            schedule,
            cancel: cancel.clone(),
            resumed: None,
            noticed: Noticed::default(),
            looks: (0, 0),
            folders,
            snapshot: Snapshot::default(),
            look: None,
        })
    }

    /// Watches from the place where a reader stopped: the first [`Watch::next`] returns every later change, each exactly once.
    ///
    /// # Errors
    /// As [`Watch::new`].
    pub fn resume(cancel: &Cancel, repo: &Repo, filter: Filter, cursor: Cursor) -> Result<Self> {
        Ok(Self { resumed: Some(cursor), ..Self::new(cancel, repo, filter)? })
    }

    /// Sets the pause before new output is reported, instead of half a second.
    #[must_use]
    pub const fn with_output_pause(mut self, pause: Duration) -> Self {
        self.schedule.growth = pause;
        self
    }

    /// Sets the shortest and the longest time until everything is read without an event.
    #[must_use]
    pub fn with_full_reads_every(mut self, shortest: Duration, longest: Duration) -> Self {
        self.schedule.set_full_read_interval((shortest, longest));
        self
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
        self.repo_tracker.common_dir()
    }

    /// Opens the repository where it is now: its folder may have been renamed since the watch began.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn repo(&mut self) -> Result<Repo> {
        self.repo_tracker.open()
    }

    /// Ends a call of [`Watch::next`] early, with [`Update::Unchanged`], while something can be read from `file`, one of several: the
    /// reader has a window of another size to fill, for example, or keys were pressed. The reader empties it.
    pub fn wake_on(&mut self, file: OwnedFd) {
        self.waker.wake_on(file);
    }

    /// Waits until something changes, at most for `limit`.
    ///
    /// # Errors
    /// An agent that the filter names does not exist (3), or the repository cannot be read at two looks in a row.
    pub fn next(&mut self, limit: Duration) -> Result<Update> {
        let end = Instant::now() + limit.min(MAX_WAIT);
        loop {
            if self.cancel.is_cancelled() {
                return Ok(Update::Cancelled);
            }
            let now = Instant::now();
            if self.is_due(now) {
                let changes = match self.read_moved() {
                    Some(changes) => changes,
                    None => self.read()?,
                };
                if !changes.is_empty() {
                    return Ok(Update::Changed(changes));
                }
                continue;
            }
            if now >= end {
                return Ok(Update::Unchanged);
            }
            let (until, growth) = self.next_look(end);
            let why = self.waker.wait(until, growth);
            self.noticed.add(self.waker.take_noticed());
            match why {
                WakeReason::Changed(_) | WakeReason::TimedOut => {}
                WakeReason::Cancelled => return Ok(Update::Cancelled),
                WakeReason::Woken => return Ok(Update::Unchanged),
            }
        }
    }

    /// Returns whether it is time to read.
    fn is_due(&self, now: Instant) -> bool {
        let passed = |due: Option<Instant>| due.is_none_or(|due| due <= now);
        if self.repo_tracker.has_failed() {
            // A second failure ends the watch, so events do not shorten this wait.
            return passed(self.schedule.full_read_due());
        }
        self.noticed.urgency().is_some_and(|urgency| passed(self.schedule.due(urgency)))
            || passed(self.schedule.full_read_due())
            || self.measures() && passed(self.schedule.measure_due())
    }

    /// Returns until when to wait for any event, and until when to gather more events about output.
    fn next_look(&self, end: Instant) -> (Instant, Option<Instant>) {
        if self.repo_tracker.has_failed() {
            return (self.schedule.full_read_due().map_or(end, |due| due.min(end)), None);
        }
        let gathered = self.noticed.urgency().and_then(|urgency| self.schedule.due(urgency));
        let measure = if self.measures() { self.schedule.measure_due() } else { None };
        let until = [self.schedule.full_read_due(), measure].into_iter().flatten().fold(end, Instant::min);
        (until, gathered)
    }

    /// Returns whether uncommitted work is measured: it was requested, and a live agent may have some.
    fn measures(&self) -> bool {
        self.reader.measures()
            && self.snapshot.status.agents.iter().any(|agent| agent.liveness == Liveness::Live)
    }

    /// Returns how many looks read everything, and how many only the agents whose refs moved.
    pub const fn looks(&self) -> (u64, u64) {
        self.looks
    }

    /// Reads only the agents whose refs moved. `None` if anything else may have changed, everything is due, or the agents alone do not tell
    /// what changed.
    fn read_moved(&mut self) -> Option<Vec<Change>> {
        let (begun, cpu_before) = (Instant::now(), tree::thread_cpu_time());
        let is_due = |due: Option<Instant>| due.is_none_or(|due| due <= begun);
        if self.noticed.moved.is_empty()
            || self.noticed.rest.is_some_and(|rest| rest == Urgency::State || is_due(self.schedule.due(rest)))
            || is_due(self.schedule.full_read_due())
            || self.measures() && is_due(self.schedule.measure_due())
            || self.repo_tracker.has_failed()
        {
            return None;
        }
        // A later change of them is noticed, whether this look sees it or not.
        let moved = std::mem::take(&mut self.noticed.moved);
        let repo = self.repo_tracker.kept()?;
        let seen = (&mut self.snapshot, self.look.as_mut()?);
        let (changes, folders) = self.reader.read_moved(&repo, &moved, seen).ok()??;
        self.repo_tracker.keep(repo);
        // A folder that is watched only from now on may have changed after it was read.
        if self.watch(&folders) {
            self.noticed.add(Noticed::anything(Urgency::State));
        }
        self.folders = folders;
        self.looks.1 += 1;
        let ended = Instant::now();
        let cost = cost_since(cpu_before, ended.saturating_duration_since(begun));
        self.schedule.record_part(ended, cost, !changes.is_empty());
        Some(changes)
    }

    /// Watches these folders, and returns whether any of them was not watched before.
    fn watch(&mut self, folders: &[WatchedFolder]) -> bool {
        let had_kernel_events = self.waker.has_kernel_events();
        let is_new = self.waker.watch(self.repo_tracker.common_dir(), folders);
        if had_kernel_events && !self.waker.has_kernel_events() {
            self.schedule.set_full_read_interval(FULL_READ_INTERVAL_POLLING);
        }
        is_new
    }

    /// Reads everything, and compares it with the last look.
    fn read(&mut self) -> Result<Vec<Change>> {
        let (begun, cpu_before) = (Instant::now(), tree::thread_cpu_time());
        // Every change from here on is noticed, whether this look sees it or not.
        self.noticed = Noticed::default();
        let measure = self.schedule.measure_due().is_none_or(|due| due <= begun);
        let had_kernel_events = self.waker.has_kernel_events();
        let (waker, folders, reader) = (&mut self.waker, &self.folders, &mut self.reader);
        let (look, resumed) = (&self.look, &self.resumed);
        let found = self.repo_tracker.read(look.is_none(), |repo, common| {
            waker.watch(common, folders);
            let read = reader.read(repo, measure)?;
            // A folder that is watched only from now on may have changed after it was read.
            let is_new = waker.watch(common, &read.folders);
            let changes = compare(repo, look.as_ref(), resumed.as_ref(), &read.look)?;
            Ok((read, is_new, changes))
        })?;
        let ended = Instant::now();
        let cost = cost_since(cpu_before, ended.saturating_duration_since(begun));
        if had_kernel_events && !self.waker.has_kernel_events() {
            self.schedule.set_full_read_interval(FULL_READ_INTERVAL_POLLING);
        }
        let Some((read, is_new, changes)) = found else {
            self.schedule.record_look(ended, cost, true);
            return Ok(Vec::new());
        };
        if is_new {
            self.noticed.add(Noticed::anything(Urgency::State));
        }
        self.looks.0 += 1;
        self.resumed = None;
        (self.snapshot, self.look, self.folders) = (read.snapshot, Some(read.look), read.folders);
        self.schedule.record_look(ended, cost, !changes.is_empty());
        if let Some((begun, ended, changed)) = read.measured {
            self.schedule.measured(begun, ended, changed);
        }
        Ok(changes)
    }
}

/// Returns what a look cost: the CPU time of this thread since `before`. The time that passed counts only where the system does not
/// say: while agents keep the machine busy, a cheap look takes long, and a pause by its length would report their end late.
fn cost_since(before: Option<Duration>, passed: Duration) -> Duration {
    let used = before.zip(tree::thread_cpu_time()).map(|(before, now)| now.saturating_sub(before));
    used.unwrap_or(passed)
}

/// Returns the changes since the look before, or since the place where a reader stopped.
fn compare(
    repo: &Repo,
    before: Option<&Observation>,
    resumed: Option<&Cursor>,
    now: &Observation,
) -> Result<Vec<Change>> {
    let departure = |id: &AgentId| snapshot::departure(repo, id);
    Ok(match (before, resumed) {
        (Some(before), _) => changes_between(before, now, LookSource::Observed, departure),
        (None, None) => vec![Change::Reset],
        (None, Some(cursor)) => {
            let before = snapshot::observation_at_cursor(repo, cursor, now)?;
            changes_between(&before, now, LookSource::FromEvents, departure)
        }
    })
}
