//! Waiting until something may have changed: for events of the kernel where it tells of them, else by looking at the times of
//! folders. Never says what changed.

use std::{
    os::fd::AsFd,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

use super::{
    inotify::Inotify,
    pace::{Backoff, Urgency},
    places::Place,
};
use crate::context::{Cancel, timespec};

/// While output that grew waits to be read, events are gathered for this long, however many there are.
const SLICE: Duration = Duration::from_millis(25);
/// How often the times of folders are looked at where the kernel tells nothing.
const TICK: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(250));

/// Why a wait ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Woken {
    /// Something may have changed.
    News(Urgency),
    /// The time is over.
    Late,
    /// Somebody wants it to end.
    Cancelled,
}

/// What wakes a watcher.
#[derive(Debug)]
pub(super) struct Waker {
    source: Source,
    cancel: Cancel,
}

#[derive(Debug)]
enum Source {
    Kernel(Inotify),
    Times(Times),
}

impl Waker {
    /// Wakes when something changes below `common`, and when `cancel` ends all waits.
    pub(super) fn new(common: &Path, cancel: Cancel) -> Self {
        let source = Inotify::open(common).map_or_else(|| Source::Times(Times::new()), Source::Kernel);
        Self { source, cancel }
    }

    /// As [`Waker::new`], without the kernel.
    pub(super) fn by_times(cancel: Cancel) -> Self {
        Self { source: Source::Times(Times::new()), cancel }
    }

    /// Whether the kernel tells of changes.
    pub(super) const fn is_told(&self) -> bool {
        matches!(self.source, Source::Kernel(_))
    }

    /// From now on a change in one of these folders ends a wait. To be called before they are read. Gives whether any of them was
    /// not watched before: what was read of it by then may be out of date.
    pub(super) fn watch(&mut self, common: &Path, places: &[Place]) -> bool {
        if let Source::Kernel(inotify) = &mut self.source {
            if let Ok(is_new) = inotify.watch(common, places) {
                return is_new;
            }
            // The user's limit is reached: no folder is left out in silence, all are looked at.
            self.source = Source::Times(Times::new());
        }
        match &mut self.source {
            Source::Kernel(_) => false,
            Source::Times(times) => times.watch(common, places),
        }
    }

    /// Waits for news until `until`, and for those of growing output only until `growth`, if that is set.
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

    /// Waits once, at most for `limit`. Where news of growth are known already, the kernel's are not waited for but gathered.
    fn pause(&mut self, limit: Duration, gathers: bool) -> Result<Option<Urgency>, Cancelled> {
        match &mut self.source {
            Source::Kernel(inotify) if gathers => {
                wait_for(&self.cancel, None, limit.min(SLICE))?;
                Ok(read(inotify))
            }
            Source::Kernel(inotify) => {
                wait_for(&self.cancel, Some(inotify), limit)?;
                Ok(read(inotify))
            }
            Source::Times(times) => {
                wait_for(&self.cancel, None, limit.min(times.tick.pause()))?;
                Ok(times.changed().then_some(Urgency::State))
            }
        }
    }
}

/// Somebody wants the wait to end.
struct Cancelled;

/// What the kernel cannot tell may be anything.
fn read(inotify: &mut Inotify) -> Option<Urgency> {
    inotify.read().unwrap_or(Some(Urgency::State))
}

/// Waits until a file can be read, if there is one.
fn wait_for(cancel: &Cancel, file: Option<&dyn AsFd>, limit: Duration) -> Result<(), Cancelled> {
    let files = cancel.pipe().into_iter().chain(file.map(|file| file.as_fd()));
    let mut asked: Vec<PollFd<'_>> =
        files.map(|file| PollFd::from_borrowed_fd(file, PollFlags::IN)).collect();
    match poll(&mut asked, Some(&timespec(limit))) {
        Ok(_) if cancel.is_cancelled() => Err(Cancelled),
        // After a signal, whoever waits looks at the clock and waits on.
        Ok(_) | Err(Errno::INTR) => Ok(()),
        // Nothing can be waited for: rather end than turn in circles.
        Err(_) => Err(Cancelled),
    }
}

/// Folders whose times are looked at.
#[derive(Debug)]
struct Times {
    tick: Backoff,
    seen: Vec<(PathBuf, Time)>,
    /// The last change may share its time with one that came after it: the next look counts as a change as well.
    again: bool,
}

/// What a look at a folder, or at the file `packed-refs`, shows.
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
    use crate::watch::places::Folder;

    const SOON: Duration = Duration::from_secs(60);

    /// Both ways to notice, in a folder with one watched folder of refs.
    fn each_way(test: impl Fn(&Path, &mut Waker)) {
        for told in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("refs")).unwrap();
            let cancel = Cancel::never();
            let mut waker = if told { Waker::new(folder.path(), cancel) } else { Waker::by_times(cancel) };
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
            // Here the watcher reads; then, before it waits:
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
            // The times of folders may need one look more, since two changes can share a time.
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
            // By their times, the new folder is watched like the old one.
            assert_eq!(waker.watch(folder, &places()), waker.is_told(), "it has to be read once more");
        });
    }

    #[test]
    fn a_wait_ends_when_its_time_is_over_or_somebody_cancels() {
        each_way(|folder, waker| {
            waker.watch(folder, &places());
            assert_eq!(waker.wait(Instant::now(), None), Woken::Late);
        });
        let cancel = Cancel::new().unwrap();
        let mut waker = Waker::by_times(cancel.clone());
        let other = std::thread::spawn(move || cancel.cancel());
        assert_eq!(waker.wait(Instant::now() + SOON, None), Woken::Cancelled);
        other.join().unwrap();
        assert_eq!(waker.wait(Instant::now() + SOON, None), Woken::Cancelled, "and every later one");
    }
}
