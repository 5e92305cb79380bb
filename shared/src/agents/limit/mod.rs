//! Usage limits of the services behind agent programs. Each program has its own words for them; their meaning, and how their end is
//! computed, are the same for all. Pure: the clock is a parameter.

mod reset;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::model::limit::{Limit, LimitKind};

/// The end of a limit, as the program reports it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// The program does not report it.
    #[default]
    Unknown,
    /// In seconds since 1970.
    At(i64),
    /// In words, which only the reader's clock and time zone make a time.
    Words(String),
}

/// A usage limit that a program reported as reached or near.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReportedLimit {
    /// The kind of limit.
    pub kind: LimitKind,
    /// When it ends.
    pub reset: Reset,
    /// Whether it is only near, not reached.
    pub warning: bool,
    /// How much of it is used, in percent.
    pub used: Option<u32>,
}

/// The clock and the time zones of this machine.
pub struct LocalClock<'a> {
    /// The present time.
    pub now: Timestamp,
    /// The user's time zone.
    pub zone: TimeZone,
    /// Looks up a time zone by a name such as `Asia/Shanghai`.
    pub named: &'a dyn Fn(&str) -> Option<TimeZone>,
}

impl ReportedLimit {
    /// Makes a limit of that kind that was reached.
    pub(super) const fn of(kind: LimitKind, reset: Reset) -> Self {
        Self { kind, reset, warning: false, used: None }
    }

    /// Makes a limit that was reached, of an unknown kind and with an unknown end.
    pub const fn unknown() -> Self {
        Self::of(LimitKind::Other, Reset::Unknown)
    }

    /// Returns when it ends, in seconds since 1970.
    pub fn until(&self, here: &LocalClock<'_>) -> Option<i64> {
        match &self.reset {
            Reset::Unknown => None,
            Reset::At(at) => Some(*at),
            Reset::Words(words) => reset::resolve(words, here),
        }
    }

    /// Converts it for an event, without an end that depends on the reader's clock.
    pub fn for_event(&self) -> Limit {
        let until = match self.reset {
            Reset::At(at) => Timestamp::from_second(at).ok(),
            Reset::Unknown | Reset::Words(_) => None,
        };
        Limit { until, warning: self.warning, used: self.used, ..Limit::of(self.kind) }
    }

    /// Describes it: `the 5-hour limit is reached`, `93 % of the 5-hour limit is used`.
    pub fn sentence(&self) -> String {
        let name = self.kind.name();
        match (self.warning, self.used) {
            (true, Some(used)) => format!("{used} % of the {name} is used"),
            (true, None) => format!("the {name} is near"),
            (false, _) => format!("the {name} is reached"),
        }
    }
}

/// Returns the text after a phrase, which is found in upper or lower case.
pub(super) fn text_after<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let at = text.to_ascii_lowercase().find(&phrase.to_ascii_lowercase())?;
    text.get(at + phrase.len()..)
}
