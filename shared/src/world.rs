//! The only module that reads what differs from one start of a program to the next: the caller's environment, which is a value, and
//! randomness.

use std::path::PathBuf;

pub use jiff::Timestamp;

mod agent_settings;
pub mod ancestors;
mod clock;
mod environment;
mod secret_variables;
mod zone;

pub use clock::Clock;
pub use environment::{AGENT, ATTEMPT, Environment};
pub use secret_variables::SecretVariables;
pub use zone::named as zone_named;

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

/// Returns the path of the running program, with links resolved. After an update it is the new program at the same path.
pub fn this_program() -> PathBuf {
    let path = std::env::current_exe().unwrap_or_default();
    let path = match path.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(replaced) => PathBuf::from(replaced),
        None => path,
    };
    path.canonicalize().unwrap_or(path)
}

/// Parses a time in RFC 3339, as reports hold it, into seconds since 1970.
pub fn parse_unix_seconds(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(|at| at.as_second())
}
