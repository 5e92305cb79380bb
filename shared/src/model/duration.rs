//! Durations as people type them and as state files store them.

use std::time::Duration;

/// Seconds in a day of exactly 24 hours.
const DAY: u64 = 24 * 3600;
/// The longest duration that is accepted, in seconds.
const MAX_SECONDS: u64 = 366 * DAY;

/// Parses `90s`, `5m`, `1h 30m`, `7d`, or a bare number of seconds.
///
/// Returns `None` for anything else, for zero, and for more than 366 days.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let days = text.strip_suffix('d').and_then(|days| days.trim().parse::<u64>().ok());
    let seconds = match text.parse::<u64>() {
        _ if days.is_some() => days?.checked_mul(DAY)?,
        Ok(seconds) => seconds,
        Err(_) => u64::try_from(text.parse::<jiff::SignedDuration>().ok()?.as_secs()).ok()?,
    };
    (1..=MAX_SECONDS).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// Formats a duration in whole seconds so that [`parse`] reads the same one: `30d`, `1h 30m`, `5s`.
pub fn text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= DAY && seconds.is_multiple_of(DAY) {
        return format!("{}d", seconds / DAY);
    }
    let parts = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if parts.is_empty() { "0".to_owned() } else { parts.join(" ") }
}

/// Formats a number of seconds in its largest unit: `3s`, `5m`, `2h`, `4d`.
pub fn age(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3600 => format!("{}m", s / 60),
        s @ 3600..86400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86400),
    }
}

/// Serializes a duration as whole seconds, for `#[serde(with = "duration::seconds")]`.
pub mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the number of whole seconds.
    ///
    /// # Errors
    /// The serializer fails.
    pub fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(duration.as_secs())
    }

    /// Reads a number of seconds.
    ///
    /// # Errors
    /// The value is not a non-negative integer.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_secs)
    }
}

/// Serializes an optional duration as whole seconds, where 0 means `None`.
pub mod seconds_or_zero {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    /// Writes the number of whole seconds; 0 for `None`.
    ///
    /// # Errors
    /// The serializer fails.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        super::seconds::serialize(&duration.unwrap_or_default(), to)
    }

    /// Reads a number of seconds; 0 is `None`.
    ///
    /// # Errors
    /// The value is not a non-negative integer.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        super::seconds::deserialize(from).map(|duration| Some(duration).filter(|some| !some.is_zero()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_typed_values() {
        for (text, seconds) in [
            ("90", Some(90)),
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("1h 30m", Some(5400)),
            ("1h30m", Some(5400)),
            ("7d", Some(7 * 86400)),
            ("99999999999999999d", None),
            ("0", None),
            ("-5s", None),
            ("soon", None),
            ("", None),
            ("9999999999999", None),
        ] {
            assert_eq!(parse(text).map(|duration| duration.as_secs()), seconds, "{text}");
        }
    }

    #[test]
    fn formats_values() {
        let shown = [5, 60, 5400, 3661, 86400, 90000].map(|seconds| text(Duration::from_secs(seconds)));
        assert_eq!(shown, ["5s", "1m", "1h 30m", "1h 1m 1s", "1d", "25h"]);
    }

    proptest! {
        #[test]
        fn formatted_values_can_be_parsed(seconds in 1..=MAX_SECONDS) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse(&text(duration)), Some(duration));
        }
    }
}
