//! The only place that reads what differs from run to run: clock, randomness, environment.

use std::{
    ffi::OsString,
    io::Read,
    path::{Path, PathBuf},
};

pub use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Maximum size of a time zone file, in bytes.
const LONGEST_ZONE: u64 = 1 << 20;

/// Returns the wall time in whole seconds, UTC. It is for people only and never decides anything in the state.
#[expect(clippy::disallowed_methods, reason = "the clock is read here only")]
pub fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Returns the milliseconds since 1970, to sort lists by.
#[expect(clippy::disallowed_methods, reason = "the clock is read here only")]
pub fn milliseconds() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Returns the id of the current boot and the seconds since then, time asleep included. Nobody can set this clock. `None` where
/// the system does not have these files.
pub fn uptime() -> Option<(String, u64)> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    Some((boot.trim().to_owned(), text.split('.').next()?.parse().ok()?))
}

/// Returns random bytes from the operating system.
///
/// # Errors
/// The system's source of randomness fails.
pub fn random<const N: usize>() -> crate::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| crate::Error::internal("cannot get random numbers").because(e.to_string()))?;
    Ok(bytes)
}

/// Returns random lower-case hexadecimal digits, two per byte.
///
/// # Errors
/// As [`random`].
pub fn random_hex<const N: usize>() -> crate::Result<String> {
    Ok(faster_hex::hex_string(&random::<N>()?))
}

/// Returns a random UUID, version 4.
///
/// # Errors
/// As [`random`].
pub fn uuid() -> crate::Result<String> {
    let mut bytes = random::<16>()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = faster_hex::hex_string(&bytes);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

/// Returns an environment variable; an empty one counts as unset.
#[expect(clippy::disallowed_methods, reason = "the environment is read here only")]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns an environment variable; one that is empty or not UTF-8 counts as unset.
pub fn text_variable(name: &str) -> Option<String> {
    variable(name)?.into_string().ok()
}

/// Returns the environment variables whose name and value are UTF-8.
#[expect(clippy::disallowed_methods, reason = "the environment is read here only")]
pub fn variables() -> Vec<(String, String)> {
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

/// Returns the user's directory: the current one, or below it the folder from which a git alias was called. Git runs aliases at
/// the top of the checkout and leaves the folder in `GIT_PREFIX`.
pub fn directory() -> PathBuf {
    let current = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    match variable("GIT_PREFIX") {
        Some(prefix) if current.join(&prefix).is_dir() => current.join(prefix),
        _ => current,
    }
}

/// Returns the path of the running program, with links resolved. After an update it is the new program at the same path.
pub fn this_program() -> PathBuf {
    let path = std::env::current_exe().unwrap_or_default();
    let path = match path.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(replaced) => PathBuf::from(replaced),
        None => path,
    };
    path.canonicalize().unwrap_or(path)
}

/// Returns the user's time zone: from `TZ`, else the machine's, else UTC.
pub fn time_zone() -> TimeZone {
    let named = text_variable("TZ").map(|name| name.trim_start_matches(':').to_owned());
    let of_name = named.and_then(|name| zone_named(&name).or_else(|| TimeZone::posix(&name).ok()));
    of_name.or_else(|| zone_in(Path::new("/etc/localtime"), "local")).unwrap_or(TimeZone::UTC)
}

/// Looks up a time zone such as `Europe/Berlin` in the machine's database.
pub fn zone_named(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    let is_plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
    };
    let path = Path::new("/usr/share/zoneinfo").join(name);
    if name.split('/').all(is_plain) { zone_in(&path, name) } else { None }
}

fn zone_in(path: &Path, name: &str) -> Option<TimeZone> {
    let mut data = Vec::new();
    std::fs::File::open(path).ok()?.take(LONGEST_ZONE).read_to_end(&mut data).ok()?;
    TimeZone::tzif(name, &data).ok()
}

/// Parses a time in RFC 3339, as reports hold it, into seconds since 1970.
pub fn seconds(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(|at| at.as_second())
}
