//! Moments of the past as people type them.

use jiff::{Timestamp, ToSpan as _, civil, tz::TimeZone};

use super::duration;

/// Parses a moment of the past: a time ago (`8h`, `2d`), a time of day (`22:30`: the last one), a day, a day with a time, or a time in
/// RFC 3339. Returns `None` for anything else, and for a moment in the future.
pub fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    let found = ago(text, now)
        .or_else(|| text.parse::<Timestamp>().ok())
        .or_else(|| last_time_of_day(text, now, zone))
        .or_else(|| {
            text.parse::<civil::DateTime>().ok()?.to_zoned(zone.clone()).ok().map(|at| at.timestamp())
        })?;
    (found <= now).then_some(found)
}

fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    // A bare number could be a year as well as a number of seconds.
    let duration = duration::parse(text).filter(|_| text.ends_with(|c: char| c.is_ascii_alphabetic()))?;
    now.checked_sub(duration).ok()
}

fn last_time_of_day(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let time = text.contains(':').then(|| text.parse::<civil::Time>().ok()).flatten()?;
    let today = now.to_zoned(zone.clone()).date();
    let at = |day: civil::Date| day.to_datetime(time).to_zoned(zone.clone()).ok().map(|at| at.timestamp());
    at(today).filter(|at| *at <= now).or_else(|| at(today.checked_sub(1.day()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_ago_or_named() {
        let now: Timestamp = "2026-11-27T08:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        for (typed, expected) in [
            ("8h", Some("2026-11-27T00:00:00Z")),
            ("2d", Some("2026-11-25T08:00:00Z")),
            ("08:30", Some("2026-11-27T07:30:00Z")),
            ("22:30", Some("2026-11-26T21:30:00Z")),
            ("2026-11-26", Some("2026-11-25T23:00:00Z")),
            ("2026-11-26 20:00", Some("2026-11-26T19:00:00Z")),
            ("2026-11-26T20:00:00Z", Some("2026-11-26T20:00:00Z")),
            ("2026-11-28", None),
            ("2026", None),
            ("soon", None),
            ("", None),
        ] {
            let expected: Option<Timestamp> = expected.map(|at| at.parse().unwrap());
            assert_eq!(parse(typed, now, &zone), expected, "{typed}");
        }
    }
}
