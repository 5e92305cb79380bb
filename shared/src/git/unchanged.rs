//! Whether a file is unchanged since an index recorded it, by the file system's data alone.
//!
//! A file that changes in the instant in which the index is written may have the same data as before. So a file that is as young as
//! the index is compared by content. Git takes a second for that instant: of a new worktree it would read nearly all files again.
//! Here it is as short as the clock of the file system, where that is known: index and file are on one file system, so that one
//! clock rounds their times in one way, and all times have fractions of a second.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use gix::index::entry::{Stat, stat::Options};

use super::file_stat::FileStat;

/// When an index was written, and on which file system.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexTime {
    device: Option<u64>,
    seconds: i64,
    nanoseconds: u32,
}

impl IndexTime {
    /// Returns the time of an index that was read from the file at `path`, or from a copy of it with the same time.
    pub(super) fn of(index: &gix::index::State, path: &Path) -> Self {
        let written = index.timestamp();
        let device = fs::symlink_metadata(path).ok().map(|found| found.dev());
        Self { device, seconds: written.unix_seconds(), nanoseconds: written.nanoseconds() }
    }

    /// Returns whether a file with the data `found` is certainly the one that was recorded.
    pub(super) fn proves_unchanged(&self, recorded: &Stat, found: &FileStat, options: Options) -> bool {
        let use_nsec = options.use_nsec || self.is_precise(recorded, found);
        let is_precise = use_nsec && options.check_stat;
        recorded.matches(&found.stat, Options { use_nsec, ..options }) && self.is_later(recorded, is_precise)
    }

    fn is_precise(&self, recorded: &Stat, found: &FileStat) -> bool {
        let times = [recorded.mtime, recorded.ctime, found.stat.mtime, found.stat.ctime];
        let has_fractions = self.nanoseconds != 0 && times.iter().all(|time| time.nsecs != 0);
        has_fractions && self.device == Some(found.identity.0)
    }

    /// Returns whether the index was written after the file: whatever changed the file since would have given it another time.
    fn is_later(&self, recorded: &Stat, is_precise: bool) -> bool {
        let modified = i64::from(recorded.mtime.secs);
        self.seconds > modified
            || (is_precise && self.seconds == modified && self.nanoseconds > recorded.mtime.nsecs)
    }
}

#[cfg(test)]
mod tests {
    use gix::index::entry::stat::Time;

    use super::*;
    use crate::git::file_stat::FileKind;

    const DEVICE: u64 = 7;

    fn found(seconds: u32, nanoseconds: u32) -> FileStat {
        let time = Time { secs: seconds, nsecs: nanoseconds };
        let stat = Stat { mtime: time, ctime: time, ino: 1, size: 5, ..Stat::default() };
        FileStat { kind: FileKind::Regular(false), size: 5, identity: (DEVICE, 1), stat }
    }

    #[test]
    fn a_file_is_unchanged_only_if_the_index_is_certainly_later() {
        let index = |device, seconds, nanoseconds| IndexTime { device: Some(device), seconds, nanoseconds };
        for (recorded, now, index, expected) in [
            // A second later, whatever the precision.
            (found(1, 5), found(1, 5), index(DEVICE, 2, 1), true),
            (found(1, 0), found(1, 0), index(8, 2, 0), true),
            // In the same second: by fractions.
            (found(1, 5), found(1, 5), index(DEVICE, 1, 6), true),
            (found(1, 5), found(1, 5), index(DEVICE, 1, 5), false),
            (found(1, 5), found(1, 5), index(DEVICE, 1, 4), false),
            // Not by fractions: another file system, or one without them.
            (found(1, 5), found(1, 5), index(8, 1, 6), false),
            (found(1, 0), found(1, 0), index(DEVICE, 1, 6), false),
            (found(1, 5), found(1, 5), index(DEVICE, 1, 0), false),
            // The file is younger than the index, or was touched.
            (found(2, 5), found(2, 5), index(DEVICE, 1, 6), false),
            (found(1, 5), found(1, 9), index(DEVICE, 2, 1), false),
            (found(1, 5), found(3, 5), index(DEVICE, 2, 1), false),
        ] {
            let unchanged = index.proves_unchanged(&recorded.stat, &now, Options::default());
            assert_eq!(unchanged, expected, "{recorded:?} {now:?} {index:?}");
        }
        let minimal = Options { check_stat: false, ..Options::default() };
        let young = index(DEVICE, 1, 6);
        assert!(!young.proves_unchanged(&found(1, 5).stat, &found(1, 5), minimal), "core.checkStat=minimal");
    }
}
