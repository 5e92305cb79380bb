//! Times as people type them.

use orchestra::{
    Error, Result,
    model::{duration, text},
    world,
};

use crate::here;

/// Parses a time, or a duration before now, into seconds since 1970.
///
/// # Errors
/// It is neither (2).
pub fn parse(typed: &str) -> Result<i64> {
    if let Some(ago) = duration::parse(typed).filter(|_| !typed.trim().ends_with('Z')) {
        return Ok(here::environment().now().as_second() - i64::try_from(ago.as_secs()).unwrap_or(i64::MAX));
    }
    let midnight = || world::parse_unix_seconds(&format!("{}T00:00:00Z", typed.trim()));
    world::parse_unix_seconds(typed.trim()).or_else(midnight).ok_or_else(|| {
        Error::usage(format!("'{}' is not a time", text::safe(typed)))
            .hint("--since 3d, --since 90m, --since 2026-11-21, --since 2026-11-21T14:00:00Z")
    })
}
