//! Parsing times that programs write for people: `8:45am (UTC)`, `3:28 PM`, `Aug 8th, 2026 12:30 PM`, `in 2 days 17 hours`.

use jiff::{
    ToSpan,
    civil::{Date, DateTime, Time},
};

use super::LocalClock;

/// A time of day that passed at most this many seconds ago means today, because it is rounded and read a little later.
const MAX_PASSED_SECONDS: i64 = 10 * 60;
/// A date without a year that was more than this many days ago means next year.
const MAX_PASSED_DAYS: i64 = 180;
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Returns the time in seconds since 1970; `None` if the words cannot be parsed with certainty.
pub(super) fn resolve(words: &str, here: &LocalClock<'_>) -> Option<i64> {
    let words = words.trim();
    if let Some(time) = words.strip_prefix("in ") {
        return here.now.as_second().checked_add(seconds(time)?);
    }
    let (words, zone) = match words.rsplit_once('(') {
        Some((words, name)) => (words, (here.named)(name.split(')').next()?.trim())?),
        None => (words, here.zone.clone()),
    };
    let words = words.to_ascii_lowercase().replace(',', " ");
    let words: Vec<&str> = words.split_whitespace().filter(|word| *word != "at").collect();
    let (date, rest) = date(&words)?;
    let time = if rest.is_empty() { Time::midnight() } else { time(&rest.concat())? };
    let today = zone.to_datetime(here.now).date();
    let moment = |day: Date| {
        let at = zone.to_timestamp(DateTime::from_parts(day, time)).ok()?;
        Some(at.as_second())
    };
    let now = here.now.as_second();
    match date {
        None if rest.is_empty() => None,
        None => match moment(today)? {
            at if at >= now - MAX_PASSED_SECONDS => Some(at),
            _ => moment(today.checked_add(1.day()).ok()?),
        },
        Some((month, day, Some(year))) => moment(Date::new(year, month, day).ok()?),
        Some((month, day, None)) => {
            let of = |year: i16| Date::new(year, month, day).ok().and_then(moment);
            match of(today.year())? {
                at if at >= now - MAX_PASSED_DAYS * 24 * 3600 => Some(at),
                _ => of(today.year().checked_add(1)?),
            }
        }
    }
}

type Day = (i8, i8, Option<i16>);

/// Parses a date such as `nov 30` or `aug 8th 2026`, if there is one; returns it with the remaining words.
fn date<'a, 'w>(words: &'w [&'a str]) -> Option<(Option<Day>, &'w [&'a str])> {
    let month = words.first().and_then(|word| {
        let known = MONTHS.iter().position(|month| word.starts_with(month))?;
        i8::try_from(known + 1).ok()
    });
    let Some(month) = month else { return Some((None, words)) };
    let day = words.get(1)?.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().ok()?;
    let year = words.get(2).filter(|word| word.len() == 4).and_then(|word| word.parse().ok());
    Some((Some((month, day, year)), words.get(if year.is_some() { 3 } else { 2 }..)?))
}

/// Parses a time of day: `2am`, `8:45am`, `3:28pm`, `15:28`.
fn time(text: &str) -> Option<Time> {
    let (digits, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (_, Some(digits)) => (digits, Some(12)),
        _ => (text, None),
    };
    let (hour, minute) = digits.split_once(':').unwrap_or((digits, "0"));
    let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        // A bare number may mean anything.
        None if !digits.contains(':') => return None,
        None => hour,
    };
    Time::new(hour, minute, 0, 0).ok()
}

/// Parses a duration such as `2 days 17 hours 14 minutes` or `34.07s`; returns it in seconds, rounded up.
fn seconds(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    let mut number: Option<i64> = None;
    for word in text.split([' ', ',']).filter(|word| !word.is_empty() && *word != "and") {
        let end = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
        let (digits, unit) = word.split_at(end);
        if !digits.is_empty() {
            // A part of a second counts as a whole one.
            let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
            let extra = i64::from(part.bytes().any(|digit| digit != b'0'));
            number = Some(whole.parse::<i64>().ok()?.checked_add(extra)?);
        }
        if unit.is_empty() {
            continue;
        }
        let factor = match unit {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 24 * 3600,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(factor)?)?;
    }
    (total > 0 && number.is_none()).then_some(total)
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::*;

    #[test]
    fn parses_times_as_programs_write_them() {
        let zone = |name: &str| match name {
            "UTC" => Some(TimeZone::UTC),
            "Asia/Shanghai" => Some(TimeZone::fixed(jiff::tz::offset(8))),
            _ => None,
        };
        let now: Timestamp = "2026-11-26T07:15:47Z".parse().unwrap();
        // The user is two hours east of Greenwich: 9:15 in the morning.
        let here = LocalClock { now, zone: TimeZone::fixed(jiff::tz::offset(2)), named: &zone };
        for (words, expected) in [
            ("8:45am (UTC)", Some("2026-11-26T08:45:00Z")),
            ("2am (UTC)", Some("2026-11-27T02:00:00Z")),
            ("2pm (Asia/Shanghai)", Some("2026-11-27T06:00:00Z")),
            ("5pm (Asia/Shanghai)", Some("2026-11-26T09:00:00Z")),
            ("2am", Some("2026-11-27T00:00:00Z")),
            ("12am", Some("2026-11-26T22:00:00Z")),
            ("12pm", Some("2026-11-26T10:00:00Z")),
            ("3:28 PM", Some("2026-11-26T13:28:00Z")),
            ("15:28", Some("2026-11-26T13:28:00Z")),
            // Five minutes ago, and an hour ago.
            ("7:10am (UTC)", Some("2026-11-26T07:10:00Z")),
            ("6:10am (UTC)", Some("2026-11-27T06:10:00Z")),
            ("Aug 8th, 2026 12:30 PM", Some("2026-08-08T10:30:00Z")),
            ("Nov 30 at 3pm (UTC)", Some("2026-11-30T15:00:00Z")),
            ("Nov 30, 3pm (UTC)", Some("2026-11-30T15:00:00Z")),
            ("Jan 2 (UTC)", Some("2027-01-02T00:00:00Z")),
            ("in 2 days 17 hours 14 minutes", Some("2026-11-29T00:29:47Z")),
            ("in 34.07s", Some("2026-11-26T07:16:22Z")),
            ("in 60s", Some("2026-11-26T07:16:47Z")),
            // An unknown time zone, and texts that are not times.
            ("2pm (Mars/Base)", None),
            ("13pm", None),
            ("25:00", None),
            ("3", None),
            ("soon", None),
            ("in a while", None),
            ("in 99999999999999999999 days", None),
            ("Feb 31 (UTC)", None),
            ("", None),
            ("(", None),
        ] {
            let expected = expected.map(|at| at.parse::<Timestamp>().unwrap().as_second());
            assert_eq!(resolve(words, &here), expected, "{words}");
        }
    }
}
