//! Waits until something may have changed: for events of the kernel where there are any, otherwise by polling the modification
//! times of folders. Never says what changed.

use std::{
    io::PipeReader,
    os::fd::AsFd,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{
    inotify::Inotify,
    pace::{Backoff, Urgency},
    places::Place,
};

/// While new output waits to be read, further events are collected at this interval, however many there are.
const SLICE: Duration = Duration::from_millis(25);
/// The shortest and the longest pause between two polls of modification times.
const TICK: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(250));

/// Why a wait ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Woken {
    /// Something may have changed; the value says how urgent it is.
    News(Urgency),
    /// The time limit was reached.
    Late,
    /// The watch was cancelled.
    Cancelled,
}

/// Waits on behalf of a watcher.
#[derive(Debug)]
pub(super) struct Waker {
    source: Source,
    cancelled: PipeReader,
}

#[derive(Debug)]
enum Source {
    Kernel(Inotify),
    Times(Times),
}

impl Waker {
    /// Uses events of the kernel where they are complete, otherwise polls. `cancelled` becomes readable when all waits should end.
    pub(super) fn new(common: &Path, cancelled: PipeReader) -> Self {
        let source = Inotify::open(common).map_or_else(|| Source::Times(Times::new()), Source::Kernel);
        Self { source, cancelled }
    }

    /// As [`Waker::new`], but always polls.
    pub(super) fn by_times(cancelled: PipeReader) -> Self {
        Self { source: Source::Times(Times::new()), cancelled }
    }

    /// Returns whether the kernel reports changes.
    pub(super) const fn is_told(&self) -> bool {
        matches!(self.source, Source::Kernel(_))
    }

    /// Watches these folders: from now on, a change in one of them ends a wait. Call it before reading them. Returns whether any of
    /// them was not watched before: what was read from it may be out of date.
    pub(super) fn watch(&mut self, common: &Path, places: &[Place]) -> bool {
        if let Source::Kernel(inotify) = &mut self.source {
            if let Ok(is_new) = inotify.watch(common, places) {
                return is_new;
            }
            // The user's limit of watches is reached. Polling all folders is better than missing some.
            self.source = Source::Times(Times::new());
        }
        match &mut self.source {
            Source::Kernel(_) => false,
            Source::Times(times) => times.watch(common, places),
        }
    }

    /// Waits for a change until `until`. If `growth` is set, new output is known already, and is reported at that time.
    pub(super) fn wait(&mut self, until: Instant, growth: Option<Instant>) -> Woken {
        loop {
            let now = Instant::now();
            if now >= until {
                return Woken::Late;
            }
            if growth.is_some_and(|growth| now >= growth) {
                return Woken::News(Urgency::Growth);
            }
            let end = growth.map_or(until, |growth| growth.min(until));
            let news = match self.pause(end.saturating_duration_since(now), growth.is_some()) {
                Ok(news) => news,
                Err(Cancelled) => return Woken::Cancelled,
            };
            match news {
                Some(Urgency::Growth) if growth.is_none() => return Woken::News(Urgency::Growth),
                Some(Urgency::State) => return Woken::News(Urgency::State),
                _ => {}
            }
        }
    }

    /// Waits once, at most for `limit`. With `gathers`, an event of the kernel does not end the wait: events are collected at its end.
    fn pause(&mut self, limit: Duration, gathers: bool) -> Result<Option<Urgency>, Cancelled> {
        match &mut self.source {
            Source::Kernel(inotify) if gathers => {
                wait_for(&[&self.cancelled], limit.min(SLICE)).and_then(|found| cancelled(found & 1 != 0))?;
                Ok(read(inotify))
            }
            Source::Kernel(inotify) => {
                let found = wait_for(&[&self.cancelled, inotify], limit)?;
                cancelled(found & 1 != 0)?;
                Ok(read(inotify))
            }
            Source::Times(times) => {
                let found = wait_for(&[&self.cancelled], limit.min(times.tick.pause()))?;
                cancelled(found & 1 != 0)?;
                Ok(times.changed().then_some(Urgency::State))
            }
        }
    }
}

/// The error of a cancelled wait.
struct Cancelled;

const fn cancelled(is_it: bool) -> Result<(), Cancelled> {
    if is_it { Err(Cancelled) } else { Ok(()) }
}

/// Reads the pending events. If they cannot be read, anything may have changed.
fn read(inotify: &mut Inotify) -> Option<Urgency> {
    inotify.read().unwrap_or(Some(Urgency::State))
}

/// Waits until at least one of the files is readable; returns which ones, as one bit for each.
fn wait_for(files: &[&dyn AsFd], limit: Duration) -> Result<u32, Cancelled> {
    let mut asked: Vec<PollFd<'_>> =
        files.iter().map(|file| PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN)).collect();
    let limit = Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(limit.subsec_nanos()),
    };
    match poll(&mut asked, Some(&limit)) {
        Ok(_) => {
            let found = asked.iter().enumerate().filter(|(_, file)| !file.revents().is_empty());
            Ok(found.fold(0, |bits, (at, _)| bits | 1 << at))
        }
        // A signal came; the caller looks at the clock and continues to wait.
        Err(Errno::INTR) => Ok(0),
        // Waiting is impossible; end rather than loop without a pause.
        Err(_) => Err(Cancelled),
    }
}

/// The folders whose modification times are polled.
#[derive(Debug)]
struct Times {
    tick: Backoff,
    seen: Vec<(PathBuf, Time)>,
    /// Whether the next poll counts as a change: a later change may have the same modification time as the last one.
    again: bool,
}

/// The modification time and the size of a folder or file; `None` if it does not exist.
type Time = Option<(SystemTime, u64)>;

impl Times {
    const fn new() -> Self {
        Self { tick: Backoff::new(TICK.0, TICK.1), seen: Vec::new(), again: false }
    }

    fn watch(&mut self, common: &Path, places: &[Place]) -> bool {
        let paths = places.iter().map(|place| common.join(&place.path));
        let paths = paths.chain([common.join("packed-refs"), common.join("config")]);
        let mut is_new = false;
        let mut seen = Vec::with_capacity(places.len() + 2);
        for path in paths {
            let known = self.seen.iter().find(|(known, _)| *known == path).map(|(_, time)| *time);
            is_new |= known.is_none();
            seen.push((path.clone(), known.unwrap_or_else(|| time_of(&path))));
        }
        self.seen = seen;
        is_new
    }

    fn changed(&mut self) -> bool {
        let mut changed = false;
        for (path, time) in &mut self.seen {
            let now = time_of(path);
            changed |= *time != now;
            *time = now;
        }
        let counts = changed || std::mem::take(&mut self.again);
        self.again = changed;
        if counts {
            self.tick.restart();
        } else {
            self.tick.lengthen();
        }
        counts
    }
}

fn time_of(path: &Path) -> Time {
    let found = path.metadata().ok()?;
    Some((found.modified().ok()?, found.len()))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::watch::{cancel, places::Folder};

    const SOON: Duration = Duration::from_secs(60);

    /// Runs a test with events and with polling, in a repository with one folder of refs.
    fn each_way(test: impl Fn(&Path, &mut Waker)) {
        for told in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("refs")).unwrap();
            let (_cancel, ear) = cancel::pair().unwrap();
            let mut waker = if told { Waker::new(folder.path(), ear) } else { Waker::by_times(ear) };
            test(folder.path(), &mut waker);
        }
    }

    fn places() -> Vec<Place> {
        let place = |path: &str, kind| Place { path: PathBuf::from(path), kind };
        vec![place("", Folder::Repository), place("refs", Folder::Refs), place("refs/later", Folder::Refs)]
    }

    #[test]
    fn what_changes_between_reading_and_waiting_ends_the_wait() {
        each_way(|folder, waker| {
            assert!(waker.watch(folder, &places()), "all are new");
            // The watcher reads here. This happens after that and before it waits:
            fs::write(folder.join("refs/a"), "1").unwrap();
            assert_eq!(waker.wait(Instant::now() + SOON, None), Woken::News(Urgency::State));
        });
    }

    #[test]
    fn a_folder_that_is_made_later_is_watched_from_then_on() {
        each_way(|folder, waker| {
            waker.watch(folder, &places());
            fs::create_dir(folder.join("refs/later")).unwrap();
            assert_eq!(waker.wait(Instant::now() + SOON, None), Woken::News(Urgency::State));
            waker.watch(folder, &places());
            // Polling may need one more look, since two changes can have the same time.
            while waker.wait(Instant::now() + Duration::from_millis(300), None) != Woken::Late {}
            fs::write(folder.join("refs/later/b"), "1").unwrap();
            assert_eq!(waker.wait(Instant::now() + SOON, None), Woken::News(Urgency::State));
        });
    }

    #[test]
    fn a_folder_that_was_removed_and_made_again_counts_as_new() {
        each_way(|folder, waker| {
            waker.watch(folder, &places());
            assert!(!waker.watch(folder, &places()), "nothing is new");
            fs::remove_dir(folder.join("refs")).unwrap();
            fs::create_dir(folder.join("refs")).unwrap();
            assert_eq!(waker.wait(Instant::now() + SOON, None), Woken::News(Urgency::State));
            // When polling, the new folder counts as the old one.
            assert_eq!(waker.watch(folder, &places()), waker.is_told(), "it has to be read once more");
        });
    }

    #[test]
    fn a_wait_ends_when_its_time_is_over_or_somebody_cancels() {
        each_way(|folder, waker| {
            waker.watch(folder, &places());
            assert_eq!(waker.wait(Instant::now(), None), Woken::Late);
        });
        let (handle, ear) = cancel::pair().unwrap();
        let mut waker = Waker::by_times(ear);
        let other = std::thread::spawn(move || handle.cancel());
        assert_eq!(waker.wait(Instant::now() + SOON, None), Woken::Cancelled);
        other.join().unwrap();
        assert_eq!(waker.wait(Instant::now() + SOON, None), Woken::Cancelled, "and every later one");
    }
}
