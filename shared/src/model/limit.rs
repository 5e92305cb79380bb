//! Usage limits of the service behind a coding agent, as events and reports hold them, and how long to wait for their end.

use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;

/// The shortest wait, in seconds, because a reset that is due now may come a little later.
pub const MIN_WAIT: i64 = 60;
/// The longest wait, in seconds: no known limit lasts longer than a week.
pub const MAX_WAIT: i64 = 8 * 24 * 3600;
/// The waits for a limit whose end is unknown, in seconds; the last one repeats.
const UNKNOWN_WAITS: [i64; 3] = [15 * 60, 30 * 60, 60 * 60];
/// Maximum length of the name of a kind.
const MAX_KIND: usize = 40;

words! {
    /// The kind of a usage limit.
    pub enum LimitKind: or Other {
        /// Usage within five hours.
        FiveHour = "five_hour",
        /// Usage within a session, whatever the service means by that.
        Session = "session",
        /// Usage of all models within a week.
        SevenDay = "seven_day",
        /// Usage of the Opus models within a week.
        SevenDayOpus = "seven_day_opus",
        /// Usage of the Sonnet models within a week.
        SevenDaySonnet = "seven_day_sonnet",
        /// Usage that is paid for in addition to the plan.
        Overage = "overage",
        /// The maximum that the user or their organization wants to spend.
        Spend = "spend",
        /// Requests or tokens within a day.
        Daily = "daily",
        /// The prepaid credits are used up.
        Credits = "credits",
        /// Any other limit.
        #[serde(other)]
        Other = "other",
    }
}

impl LimitKind {
    /// Returns its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FiveHour => "5-hour limit",
            Self::Session => "session limit",
            Self::SevenDay => "weekly limit",
            Self::SevenDayOpus => "weekly Opus limit",
            Self::SevenDaySonnet => "weekly Sonnet limit",
            Self::Overage => "extra usage limit",
            Self::Spend => "spending limit",
            Self::Daily => "daily quota",
            Self::Credits => "credits",
            Self::Other => "usage limit",
        }
    }

    /// Returns a word in the names of the models that it applies to; `None` if it applies to all.
    pub const fn model(self) -> Option<&'static str> {
        match self {
            Self::SevenDayOpus => Some("opus"),
            Self::SevenDaySonnet => Some("sonnet"),
            _ => None,
        }
    }
}

/// A usage limit that an agent reached or came near, as in an event.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Limit {
    /// The word of a [`LimitKind`], or one that is newer than this program.
    pub kind: String,
    /// When it ends, or when to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
    /// Whether it is only near, not reached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warning: bool,
    /// How much of it is used, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u32>,
    /// Whether the agent's supervisor waits for its end and then resumes the agent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumes: bool,
}

impl Limit {
    /// Makes a limit that was reached, with no other field set.
    pub fn of(kind: LimitKind) -> Self {
        Self { kind: kind.as_str().to_owned(), until: None, warning: false, used: None, resumes: false }
    }

    /// Returns its name for people.
    pub fn name(&self) -> &'static str {
        LimitKind::parse(&self.kind).name()
    }

    /// Describes the limit in UTC, because people in any time zone read it in git:
    /// `limit until 2026-11-26 14:05 UTC (5-hour limit)`.
    pub fn sentence(&self) -> String {
        let name = self.name();
        match self.until.map(|until| TimeZone::UTC.to_datetime(until)) {
            Some(until) => format!("limit until {} UTC ({name})", until.strftime("%Y-%m-%d %H:%M")),
            None => format!("{name} reached"),
        }
    }

    /// Replaces a kind that does not fit into a trailer with `other`.
    #[must_use]
    pub fn with_safe_kind(mut self) -> Self {
        let is_word = |text: &str| {
            (1..=MAX_KIND).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        if !is_word(&self.kind) {
            LimitKind::Other.as_str().clone_into(&mut self.kind);
        }
        self
    }

    /// Formats the value of a trailer: `five_hour 2026-11-26T14:05:00Z resumes`.
    pub fn trailer(&self) -> String {
        let mut words = vec![self.kind.clone()];
        words.push(self.until.map_or_else(|| "-".to_owned(), |until| until.to_string()));
        words.extend(self.warning.then(|| "warning".to_owned()));
        words.extend(self.resumes.then(|| "resumes".to_owned()));
        words.extend(self.used.map(|used| format!("used={used}")));
        words.join(" ")
    }

    /// Parses the value of a trailer. Words that are newer than this program are ignored.
    pub fn read_trailer(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let kind = words.next().filter(|kind| !kind.is_empty())?.to_owned();
        let until = match words.next()? {
            "-" => None,
            at => Some(at.parse().ok()?),
        };
        let mut limit = Self { until, kind, ..Self::of(LimitKind::Other) };
        for word in words {
            match word {
                "warning" => limit.warning = true,
                "resumes" => limit.resumes = true,
                other => {
                    if let Some(used) = other.strip_prefix("used=") {
                        limit.used = Some(used.parse().ok()?);
                    }
                }
            }
        }
        Some(limit)
    }
}

/// Returns when to try again, in seconds since 1970, for a limit that was reached at `now`. `refused` counts the attempts in a row
/// that the service refused before without any answer. An announced reset is respected within bounds; without one, or after one
/// that came too early, the wait grows, because every refused attempt may count against the user.
pub fn try_again_at(until: Option<i64>, now: i64, refused: u32) -> i64 {
    let grows = |step: u32| {
        now + UNKNOWN_WAITS[usize::try_from(step).unwrap_or(usize::MAX).min(UNKNOWN_WAITS.len() - 1)]
    };
    match until {
        Some(until) if until > now + MIN_WAIT || refused == 0 => until.clamp(now + MIN_WAIT, now + MAX_WAIT),
        Some(_) => grows(refused - 1),
        None => grows(refused),
    }
}

/// Formats a time in the reader's time zone: `14:05` today, `Nov 28 14:05` on another day.
pub fn clock_time(until: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (until, today) = (zone.to_datetime(until), zone.to_datetime(now).date());
    let format = if until.date() == today { "%H:%M" } else { "%b %-d %H:%M" };
    until.strftime(format).to_string()
}

/// Formats a time in the reader's time zone to the second: `Nov 28 14:05:07`. All have the same width.
pub fn exact_time(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%b %e %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_resets_are_clamped_and_other_waits_grow() {
        let now = 1_000_000;
        let minutes = |n: i64| now + n * 60;
        for (until, refused, expected) in [
            (Some(now + 5400), 0, now + 5400),
            (Some(now + 5400), 3, now + 5400),
            // Due now, in the past, or from a wrong clock: first after a minute, then after longer and longer waits.
            (Some(now + 20), 0, minutes(1)),
            (Some(0), 0, minutes(1)),
            (Some(i64::MIN), 1, minutes(15)),
            (Some(now), 2, minutes(30)),
            (Some(now), 9, minutes(60)),
            (Some(i64::MAX), 0, now + MAX_WAIT),
            (None, 0, minutes(15)),
            (None, 1, minutes(30)),
            (None, 2, minutes(60)),
            (None, u32::MAX, minutes(60)),
        ] {
            assert_eq!(try_again_at(until, now, refused), expected, "{until:?} {refused}");
        }
    }

    #[test]
    fn clock_times_are_in_the_readers_zone() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-26T13:00:00Z");
        let cairo = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(clock_time(at("2026-11-26T14:05:00Z"), now, &TimeZone::UTC), "14:05");
        assert_eq!(clock_time(at("2026-11-26T14:05:00Z"), now, &cairo), "16:05");
        assert_eq!(clock_time(at("2026-11-26T22:05:00Z"), now, &cairo), "Nov 27 00:05");
    }

    #[test]
    fn limits_round_trip_through_trailers() {
        let limit = Limit {
            until: Some("2026-11-26T14:05:00Z".parse().unwrap()),
            used: Some(93),
            warning: true,
            ..Limit::of(LimitKind::FiveHour)
        };
        assert_eq!(limit.trailer(), "five_hour 2026-11-26T14:05:00Z warning used=93");
        assert_eq!(Limit::read_trailer(&limit.trailer()), Some(limit));
        let bare = Limit { resumes: true, ..Limit::of(LimitKind::Other) };
        assert_eq!(Limit::read_trailer(&bare.trailer()), Some(bare));
        assert_eq!(
            Limit { kind: "a b\n".into(), ..Limit::of(LimitKind::Other) }.with_safe_kind().kind,
            "other"
        );
        for broken in ["", "five_hour", "five_hour soon", "five_hour - used=x"] {
            assert_eq!(Limit::read_trailer(broken), None, "{broken}");
        }
    }
}
