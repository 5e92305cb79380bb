//! The one door to what differs from run to run: clock, randomness, environment.

use std::{ffi::OsString, path::PathBuf};

pub use jiff::Timestamp;

/// Wall time in whole seconds since 1970, UTC. For people only: it never decides anything in the state.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Milliseconds since 1970. For the order of lists only.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn milliseconds() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Which boot of the machine this is, and the seconds since then, those in which it slept too. Nobody can set this clock. `None`
/// where the system does not tell.
pub fn uptime() -> Option<(String, u64)> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    Some((boot.trim().to_owned(), text.split('.').next()?.parse().ok()?))
}

/// Random bytes from the operating system.
///
/// # Errors
/// The system's source of randomness does not answer.
pub fn random<const N: usize>() -> crate::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| crate::Error::internal("no random numbers from the system").because(e.to_string()))?;
    Ok(bytes)
}

/// Random lower-case hexadecimal digits, two a byte.
///
/// # Errors
/// As [`random`].
pub fn random_hex<const N: usize>() -> crate::Result<String> {
    Ok(random::<N>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A random UUID, version 4.
///
/// # Errors
/// As [`random`].
pub fn uuid() -> crate::Result<String> {
    let mut bytes = random::<16>()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

/// A variable of the environment, absent when empty.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// A variable of the environment that must be text.
pub fn text_variable(name: &str) -> Option<String> {
    variable(name)?.into_string().ok()
}

/// All variables of the environment that are text.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn variables() -> Vec<(String, String)> {
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

/// The user's directory: the current one, or below it the folder from which a shell alias was called
/// (git moves aliases to the top of the checkout and leaves the place in `GIT_PREFIX`).
pub fn directory() -> PathBuf {
    let current = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    match variable("GIT_PREFIX") {
        Some(prefix) if current.join(&prefix).is_dir() => current.join(prefix),
        _ => current,
    }
}

/// The program that is running now, links resolved. After an update of the suite it is the new one in its place.
pub fn this_program() -> PathBuf {
    let path = std::env::current_exe().unwrap_or_default();
    let path = match path.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(replaced) => PathBuf::from(replaced),
        None => path,
    };
    path.canonicalize().unwrap_or(path)
}

/// Seconds since 1970 of a time in RFC 3339, as reports hold it.
pub fn seconds(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(|at| at.as_second())
}
