//! A usage limit of the service behind a coding agent, as events and reports tell it, and how long to wait for its end.

use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;

/// The shortest wait, in seconds: a reset that is now or over is not trusted to the second.
pub const SHORTEST: i64 = 60;
/// The longest wait, in seconds: no limit known to us lasts longer than a week.
pub const LONGEST: i64 = 8 * 24 * 3600;
/// The waits where nothing says when the limit ends, in seconds; the last one repeats.
const UNKNOWN: [i64; 3] = [15 * 60, 30 * 60, 60 * 60];
/// Longest name of a kind.
const NAME: usize = 40;

words! {
    /// Which limit.
    pub enum LimitKind: or Other {
        /// Of five hours.
        FiveHour = "five_hour",
        /// Of a session, however long that is.
        Session = "session",
        /// Of a week, all models together.
        SevenDay = "seven_day",
        /// Of a week, the largest model alone.
        SevenDayOpus = "seven_day_opus",
        /// Of a week, the middle model alone.
        SevenDaySonnet = "seven_day_sonnet",
        /// Of what is paid for beyond the plan.
        Overage = "overage",
        /// What the user, or their organization, wants to spend at the most.
        Spend = "spend",
        /// The requests or tokens of a day.
        Daily = "daily",
        /// Nothing is left of what was paid for.
        Credits = "credits",
        /// Any other.
        #[serde(other)]
        Other = "other",
    }
}

impl LimitKind {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FiveHour => "5-hour limit",
            Self::Session => "session limit",
            Self::SevenDay => "weekly limit",
            Self::SevenDayOpus => "weekly Opus limit",
            Self::SevenDaySonnet => "weekly Sonnet limit",
            Self::Overage => "limit of extra usage",
            Self::Spend => "spending limit",
            Self::Daily => "daily quota",
            Self::Credits => "credits",
            Self::Other => "usage limit",
        }
    }

    /// The models that it holds for, by a word in their names; `None`: all.
    pub const fn model(self) -> Option<&'static str> {
        match self {
            Self::SevenDayOpus => Some("opus"),
            Self::SevenDaySonnet => Some("sonnet"),
            _ => None,
        }
    }
}

/// What an event says of a limit: reached, or near.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Limit {
    /// The word of a [`LimitKind`].
    pub kind: String,
    /// When it ends, or is looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
    /// It is near, not reached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warning: bool,
    /// How much of it is used, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u32>,
    /// The agent's supervisor waits for its end, and resumes the agent then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumes: bool,
}

impl Limit {
    /// A limit without anything more to say.
    pub fn of(kind: LimitKind) -> Self {
        Self { kind: kind.as_str().to_owned(), until: None, warning: false, used: None, resumes: false }
    }

    /// Its name for people.
    pub fn name(&self) -> &'static str {
        LimitKind::parse(&self.kind).name()
    }

    /// For people who read plain git, wherever they are: `limit until 2026-11-26 14:05 UTC (5-hour limit)`.
    pub fn sentence(&self) -> String {
        let name = self.name();
        match self.until.map(|until| TimeZone::UTC.to_datetime(until)) {
            Some(until) => format!("limit until {} UTC ({name})", until.strftime("%Y-%m-%d %H:%M")),
            None => format!("{name} reached"),
        }
    }

    /// The same, with a kind that fits into a line of trailers.
    #[must_use]
    pub fn safe(mut self) -> Self {
        let is_word = |text: &str| {
            (1..=NAME).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        if !is_word(&self.kind) {
            LimitKind::Other.as_str().clone_into(&mut self.kind);
        }
        self
    }

    /// As a trailer holds it: `five_hour 2026-11-26T14:05:00Z resumes`.
    pub fn trailer(&self) -> String {
        let mut words = vec![self.kind.clone()];
        words.push(self.until.map_or_else(|| "-".to_owned(), |until| until.to_string()));
        words.extend(self.warning.then(|| "warning".to_owned()));
        words.extend(self.resumes.then(|| "resumes".to_owned()));
        words.extend(self.used.map(|used| format!("used={used}")));
        words.join(" ")
    }

    /// Reads a trailer. Words that are newer than this program are passed over.
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

/// When to try again, in seconds since 1970, for a limit that was met at `now`. `refused` is how often in a row the service
/// refused the agent before without any answer. A reset that was said holds, within reason; one that proved to be too early, or
/// none, means a wait that grows: every try that is refused counts against the user.
pub fn try_again_at(until: Option<i64>, now: i64, refused: u32) -> i64 {
    let grows = |step: u32| now + UNKNOWN[usize::try_from(step).unwrap_or(usize::MAX).min(UNKNOWN.len() - 1)];
    match until {
        Some(until) if until > now + SHORTEST || refused == 0 => until.clamp(now + SHORTEST, now + LONGEST),
        Some(_) => grows(refused - 1),
        None => grows(refused),
    }
}

/// `14:05`, or `Nov 28 14:05` on another day than today, where the reader is.
pub fn clock_time(until: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (until, today) = (zone.to_datetime(until), zone.to_datetime(now).date());
    let format = if until.date() == today { "%H:%M" } else { "%b %-d %H:%M" };
    until.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_that_was_said_holds_within_reason_and_other_waits_grow() {
        let now = 1_000_000;
        let minutes = |n: i64| now + n * 60;
        for (until, refused, expected) in [
            (Some(now + 5400), 0, now + 5400),
            (Some(now + 5400), 3, now + 5400),
            // Just over, in the past, or a clock that is wrong: once after a minute, then more and more slowly.
            (Some(now + 20), 0, minutes(1)),
            (Some(0), 0, minutes(1)),
            (Some(i64::MIN), 1, minutes(15)),
            (Some(now), 2, minutes(30)),
            (Some(now), 9, minutes(60)),
            (Some(i64::MAX), 0, now + LONGEST),
            (None, 0, minutes(15)),
            (None, 1, minutes(30)),
            (None, 2, minutes(60)),
            (None, u32::MAX, minutes(60)),
        ] {
            assert_eq!(try_again_at(until, now, refused), expected, "{until:?} {refused}");
        }
    }

    #[test]
    fn times_are_those_of_the_reader() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-26T13:00:00Z");
        let cairo = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(clock_time(at("2026-11-26T14:05:00Z"), now, &TimeZone::UTC), "14:05");
        assert_eq!(clock_time(at("2026-11-26T14:05:00Z"), now, &cairo), "16:05");
        assert_eq!(clock_time(at("2026-11-26T22:05:00Z"), now, &cairo), "Nov 27 00:05");
    }

    #[test]
    fn a_trailer_is_the_limit() {
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
        assert_eq!(Limit { kind: "a b\n".into(), ..Limit::of(LimitKind::Other) }.safe().kind, "other");
        for broken in ["", "five_hour", "five_hour soon", "five_hour - used=x"] {
            assert_eq!(Limit::read_trailer(broken), None, "{broken}");
        }
    }
}
