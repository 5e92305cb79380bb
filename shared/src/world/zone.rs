//! Time zones, from the machine's database.

use std::{io::Read, path::Path};

use jiff::tz::TimeZone;

/// Maximum size of a time zone file, in bytes.
const LONGEST_ZONE: u64 = 1 << 20;

/// Returns the time zone that the value of `TZ` names, else that of the machine, else UTC.
pub(super) fn of(variable: Option<&str>) -> TimeZone {
    let name = variable.map(|name| name.trim_start_matches(':'));
    let of_name = name.and_then(|name| named(name).or_else(|| TimeZone::posix(name).ok()));
    of_name.or_else(|| read(Path::new("/etc/localtime"), "local")).unwrap_or(TimeZone::UTC)
}

/// Looks up a time zone such as `Europe/Berlin` in the machine's database.
pub fn named(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    let is_plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
    };
    let path = Path::new("/usr/share/zoneinfo").join(name);
    if name.split('/').all(is_plain) { read(&path, name) } else { None }
}

fn read(path: &Path, name: &str) -> Option<TimeZone> {
    let mut data = Vec::new();
    std::fs::File::open(path).ok()?.take(LONGEST_ZONE).read_to_end(&mut data).ok()?;
    TimeZone::tzif(name, &data).ok()
}
