//! Formats durations, times and sizes for people.

use std::path::{Component, Path};

use orchestra::{
    model::{duration, limit},
    world::Timestamp,
};

use crate::here;

/// Formats a time in the user's time zone: `14:05`, or `Nov 28 14:05` on another day than today.
pub fn clock_time(at: Timestamp) -> String {
    limit::clock_time(at, here::environment().now(), &here::environment().time_zone())
}

/// Formats a time in the user's time zone to the second, with its day: `Nov 28 14:05:07`.
pub fn exact_time(at: Timestamp) -> String {
    limit::exact_time(at, &here::environment().time_zone())
}

/// Formats a number of seconds in its largest unit: `3s`, `5m`, `2h`, `4d`.
pub fn age(seconds: i64) -> String {
    duration::age(seconds)
}

/// Formats a number of bytes: `512 B`, `3.4 KiB`, `1.2 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// The number of folders to leave up to which a path is shown as seen from another.
const MAX_PARENTS: usize = 3;

/// Formats an absolute path as seen from a folder, such as `../app.worktrees/tidy`. Returns `None` if it is far away, and then shorter
/// as a whole.
pub fn path_from(path: &Path, folder: &Path) -> Option<String> {
    if !path.is_absolute() || !folder.is_absolute() {
        return None;
    }
    let (to, from): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (path.components().collect(), folder.components().collect());
    let shared = to.iter().zip(&from).take_while(|(one, other)| one == other).count();
    let parents = from.len() - shared;
    // Only the root in common: the path says more as a whole.
    if parents > MAX_PARENTS || shared < 2 {
        return None;
    }
    let down = to[shared..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = std::iter::repeat_n("..".to_owned(), parents).chain(down).collect();
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_a_folder() {
        for (path, folder, seen) in [
            ("/src/app.worktrees/tidy", "/src/app", Some("../app.worktrees/tidy")),
            ("/src/app.worktrees/tidy", "/src/app/lib/a", Some("../../../app.worktrees/tidy")),
            ("/src/app.worktrees/tidy", "/src/app/lib/a/b", None),
            ("/src/app.worktrees/tidy", "/src/app.worktrees/tidy", Some(".")),
            ("/src/app.worktrees/tidy", "/src", Some("app.worktrees/tidy")),
            ("/big/app.worktrees/tidy", "/src/app", None),
            ("tidy", "/src/app", None),
        ] {
            assert_eq!(path_from(Path::new(path), Path::new(folder)).as_deref(), seen);
        }
    }

    #[test]
    fn short_and_round() {
        assert_eq!([0, 59, 60, 3599, 7200, 200_000].map(age), ["0s", "59s", "1m", "59m", "2h", "2d"]);
        assert_eq!(age(-5), "0s");
        assert_eq!(
            [0, 1023, 1024, 3481, 1 << 30].map(size),
            ["0 B", "1023 B", "1.0 KiB", "3.3 KiB", "1.0 GiB"]
        );
    }
}
