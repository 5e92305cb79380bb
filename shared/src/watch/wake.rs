//! Waits until something may have changed: for events of the kernel where there are any, otherwise by polling the modification
//! times of folders. Says what may have changed, and never what did.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

use super::{
    folders::WatchedFolder,
    inotify::Inotify,
    noticed::Noticed,
    schedule::{Backoff, Urgency},
};
use crate::context::{Cancel, timespec};

/// While new output waits to be read, further events are collected at this interval, however many there are.
const GATHER_INTERVAL: Duration = Duration::from_millis(25);
/// The shortest and the longest pause between two polls of modification times.
const POLL_INTERVAL: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(250));

/// Why a wait ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WakeReason {
    /// Something may have changed; the value says how urgent it is.
    Changed(Urgency),
    /// The time limit was reached.
    TimedOut,
    /// The watch was cancelled.
    Cancelled,
    /// The reader's own file can be read.
    Woken,
}

/// Waits on behalf of a watcher.
#[derive(Debug)]
pub(super) struct Waker {
    source: Source,
    cancel: Cancel,
    /// Files of the reader; a wait ends as soon as one of them has data to read.
    own: Vec<OwnedFd>,
    /// What was noticed since [`Waker::take_noticed`].
    noticed: Noticed,
}

#[derive(Debug)]
enum Source {
    Kernel(Inotify),
    Times(FolderTimes),
}

impl Waker {
    /// Creates a waker for changes below `common`, whose waits `cancel` ends.
    pub(super) fn new(common: &Path, cancel: Cancel) -> Self {
        let source = Inotify::open(common).map_or_else(|| Source::Times(FolderTimes::new()), Source::Kernel);
        Self { source, cancel, own: Vec::new(), noticed: Noticed::default() }
    }

    /// As [`Waker::new`], but always polls.
    pub(super) fn polling(cancel: Cancel) -> Self {
        let source = Source::Times(FolderTimes::new());
        Self { source, cancel, own: Vec::new(), noticed: Noticed::default() }
    }

    /// Ends every wait in which something can be read from `file`.
    pub(super) fn wake_on(&mut self, file: OwnedFd) {
        self.own.push(file);
    }

    /// Returns whether the kernel reports changes.
    pub(super) const fn has_kernel_events(&self) -> bool {
        matches!(self.source, Source::Kernel(_))
    }

    /// Returns what was noticed during the waits since the last call.
    pub(super) fn take_noticed(&mut self) -> Noticed {
        std::mem::take(&mut self.noticed)
    }

    /// Watches these folders: from now on, a change in one of them ends a wait. Call it before reading them. Returns whether any of
    /// them was not watched before: what was read from it may be out of date.
    pub(super) fn watch(&mut self, common: &Path, folders: &[WatchedFolder]) -> bool {
        if let Source::Kernel(inotify) = &mut self.source {
            if let Ok(is_new) = inotify.watch(common, folders) {
                return is_new;
            }
            // The user's limit of watches is reached. Polling all folders is better than missing some.
            self.source = Source::Times(FolderTimes::new());
        }
        match &mut self.source {
            Source::Kernel(_) => false,
            Source::Times(times) => times.watch(common, folders),
        }
    }

    /// Waits for a change until `until`. If `growth` is set, new output is known already, and is reported at that time.
    pub(super) fn wait(&mut self, until: Instant, growth: Option<Instant>) -> WakeReason {
        loop {
            let now = Instant::now();
            if now >= until {
                return WakeReason::TimedOut;
            }
            if growth.is_some_and(|growth| now >= growth) {
                return WakeReason::Changed(Urgency::Output);
            }
            let end = growth.map_or(until, |growth| growth.min(until));
            let change = match self.pause(end.saturating_duration_since(now), growth.is_some()) {
                Ok(change) => change,
                Err(Cut::Cancelled) => return WakeReason::Cancelled,
                Err(Cut::Woken) => return WakeReason::Woken,
            };
            match change {
                Some(Urgency::Output) if growth.is_none() => return WakeReason::Changed(Urgency::Output),
                Some(Urgency::State) => return WakeReason::Changed(Urgency::State),
                _ => {}
            }
        }
    }

    /// Waits once, at most for `limit`. With `gathers`, an event of the kernel does not end the wait: events are collected at its end.
    fn pause(&mut self, limit: Duration, gathers: bool) -> Result<Option<Urgency>, Cut> {
        let own = self.own.as_slice();
        let found = match &mut self.source {
            Source::Kernel(inotify) if gathers => {
                wait_for(&self.cancel, own, None, limit.min(GATHER_INTERVAL))?;
                read(inotify)
            }
            Source::Kernel(inotify) => {
                wait_for(&self.cancel, own, Some(inotify), limit)?;
                read(inotify)
            }
            Source::Times(times) => {
                wait_for(&self.cancel, own, None, limit.min(times.tick.pause()))?;
                if times.changed() { Noticed::anything(Urgency::State) } else { Noticed::default() }
            }
        };
        let urgency = found.urgency();
        self.noticed.add(found);
        Ok(urgency)
    }
}

/// Why a wait ended early, other than by a change.
enum Cut {
    Cancelled,
    Woken,
}

/// Reads the pending events. If they cannot be read, anything may have changed.
fn read(inotify: &mut Inotify) -> Noticed {
    inotify.read().unwrap_or_else(|_| Noticed::anything(Urgency::State))
}

/// Waits until one of the reader's own files or another one, if there are any, can be read, for at most `limit`.
fn wait_for(cancel: &Cancel, own: &[OwnedFd], file: Option<&dyn AsFd>, limit: Duration) -> Result<(), Cut> {
    let files = own.iter().map(OwnedFd::as_fd).chain(cancel.pipe()).chain(file.map(|file| file.as_fd()));
    let mut asked: Vec<PollFd<'_>> =
        files.map(|file| PollFd::from_borrowed_fd(file, PollFlags::IN)).collect();
    let found = poll(&mut asked, Some(&timespec(limit)));
    let own = asked.iter().take(own.len());
    let is_woken = own.map(PollFd::revents).any(|found| found.intersects(PollFlags::IN | PollFlags::HUP));
    match found {
        Ok(_) if cancel.is_cancelled() => Err(Cut::Cancelled),
        Ok(_) if is_woken => Err(Cut::Woken),
        // After a signal, the caller waits for the rest of its time.
        Ok(_) | Err(Errno::INTR) => Ok(()),
        // Waiting is impossible; end rather than loop without a pause.
        Err(_) => Err(Cut::Cancelled),
    }
}

/// The folders whose modification times are polled.
#[derive(Debug)]
struct FolderTimes {
    tick: Backoff,
    seen: Vec<(PathBuf, Stamp)>,
    /// Whether the next poll counts as a change: a later change may have the same modification time as the last one.
    recheck: bool,
}

/// The modification time and the size of a folder or file; `None` if it does not exist.
type Stamp = Option<(SystemTime, u64)>;

impl FolderTimes {
    const fn new() -> Self {
        Self { tick: Backoff::new(POLL_INTERVAL.0, POLL_INTERVAL.1), seen: Vec::new(), recheck: false }
    }

    fn watch(&mut self, common: &Path, folders: &[WatchedFolder]) -> bool {
        let paths = folders.iter().map(|place| common.join(&place.path));
        let paths = paths.chain([common.join("packed-refs"), common.join("config")]);
        let mut is_new = false;
        let mut seen = Vec::with_capacity(folders.len() + 2);
        for path in paths {
            let known = self.seen.iter().find(|(known, _)| *known == path).map(|(_, time)| *time);
            is_new |= known.is_none();
            seen.push((path.clone(), known.unwrap_or_else(|| stamp_of(&path))));
        }
        self.seen = seen;
        is_new
    }

    fn changed(&mut self) -> bool {
        let mut changed = false;
        for (path, time) in &mut self.seen {
            let now = stamp_of(path);
            changed |= *time != now;
            *time = now;
        }
        let counts = changed || std::mem::take(&mut self.recheck);
        self.recheck = changed;
        if counts {
            self.tick.restart();
        } else {
            self.tick.lengthen();
        }
        counts
    }
}

fn stamp_of(path: &Path) -> Stamp {
    let found = path.metadata().ok()?;
    Some((found.modified().ok()?, found.len()))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{Read, Write},
        path::Path,
    };

    use super::*;
    use crate::watch::folders::FolderKind;

    const SOON: Duration = Duration::from_secs(60);

    /// Runs a test with events and with polling, in a repository with one folder of refs.
    fn with_each_source(test: impl Fn(&Path, &mut Waker)) {
        for with_events in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("refs")).unwrap();
            let cancel = Cancel::never();
            let mut waker =
                if with_events { Waker::new(folder.path(), cancel) } else { Waker::polling(cancel) };
            test(folder.path(), &mut waker);
        }
    }

    fn folders() -> Vec<WatchedFolder> {
        let place = |path: &str, kind| WatchedFolder { path: PathBuf::from(path), kind };
        vec![
            place("", FolderKind::Repository),
            place("refs", FolderKind::Refs),
            place("refs/later", FolderKind::Refs),
        ]
    }

    #[test]
    fn what_changes_between_reading_and_waiting_ends_the_wait() {
        with_each_source(|folder, waker| {
            assert!(waker.watch(folder, &folders()), "all are new");
            // The watcher reads here. This happens after that and before it waits:
            fs::write(folder.join("refs/a"), "1").unwrap();
            assert_eq!(waker.wait(Instant::now() + SOON, None), WakeReason::Changed(Urgency::State));
        });
    }

    #[test]
    fn a_folder_that_is_made_later_is_watched_from_then_on() {
        with_each_source(|folder, waker| {
            waker.watch(folder, &folders());
            fs::create_dir(folder.join("refs/later")).unwrap();
            assert_eq!(waker.wait(Instant::now() + SOON, None), WakeReason::Changed(Urgency::State));
            waker.watch(folder, &folders());
            // Polling may need one more look, since two changes can have the same time.
            while waker.wait(Instant::now() + Duration::from_millis(300), None) != WakeReason::TimedOut {}
            fs::write(folder.join("refs/later/b"), "1").unwrap();
            assert_eq!(waker.wait(Instant::now() + SOON, None), WakeReason::Changed(Urgency::State));
        });
    }

    #[test]
    fn a_folder_that_was_removed_and_made_again_counts_as_new() {
        with_each_source(|folder, waker| {
            waker.watch(folder, &folders());
            assert!(!waker.watch(folder, &folders()), "nothing is new");
            fs::remove_dir(folder.join("refs")).unwrap();
            fs::create_dir(folder.join("refs")).unwrap();
            assert_eq!(waker.wait(Instant::now() + SOON, None), WakeReason::Changed(Urgency::State));
            // When polling, the new folder counts as the old one.
            assert_eq!(
                waker.watch(folder, &folders()),
                waker.has_kernel_events(),
                "it has to be read once more"
            );
        });
    }

    #[test]
    fn a_wait_ends_when_its_time_is_over_or_somebody_cancels() {
        with_each_source(|folder, waker| {
            waker.watch(folder, &folders());
            assert_eq!(waker.wait(Instant::now(), None), WakeReason::TimedOut);
        });
        let cancel = Cancel::new().unwrap();
        let mut waker = Waker::polling(cancel.clone());
        let other = std::thread::Builder::new().spawn(move || cancel.cancel()).unwrap();
        assert_eq!(waker.wait(Instant::now() + SOON, None), WakeReason::Cancelled);
        other.join().unwrap();
        assert_eq!(waker.wait(Instant::now() + SOON, None), WakeReason::Cancelled, "and every later one");
    }

    #[test]
    fn a_wait_ends_when_the_reader_s_own_file_can_be_read() {
        with_each_source(|folder, waker| {
            waker.watch(folder, &folders());
            let (mut reader, mut writer) = std::io::pipe().unwrap();
            waker.wake_on(reader.try_clone().unwrap().into());
            for _ in 0..2 {
                writer.write_all(b"!").unwrap();
                assert_eq!(waker.wait(Instant::now() + SOON, None), WakeReason::Woken);
                reader.read_exact(&mut [0]).unwrap();
            }
            assert_eq!(waker.wait(Instant::now(), None), WakeReason::TimedOut);
        });
    }
}
