//! Usage limits of the services behind agent programs. The words for them are each program's own; what they mean, and when a limit
//! ends, is the same for all. Pure: texts and a clock in, a [`Reached`] out.

mod reset;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::model::limit::{Limit, LimitKind};

/// When a limit ends, as the program says it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// It does not say.
    #[default]
    Unknown,
    /// In seconds since 1970.
    At(i64),
    /// In words, in which the reader's clock and time zone are needed.
    Words(String),
}

/// A limit that a program speaks of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Reached {
    /// Which.
    pub kind: LimitKind,
    /// When it ends.
    pub reset: Reset,
    /// It is near, not reached.
    pub warning: bool,
    /// How much of it is used, in percent.
    pub used: Option<u32>,
}

/// The clock and the time zones of this machine.
pub struct Here<'a> {
    /// The time.
    pub now: Timestamp,
    /// The zone of the user.
    pub zone: TimeZone,
    /// The zone of a name such as `Asia/Shanghai`.
    pub named: &'a dyn Fn(&str) -> Option<TimeZone>,
}

impl Reached {
    /// A limit of that kind, which is reached.
    pub(super) const fn of(kind: LimitKind, reset: Reset) -> Self {
        Self { kind, reset, warning: false, used: None }
    }

    /// A limit of which nothing more is known.
    pub const fn unknown() -> Self {
        Self::of(LimitKind::Other, Reset::Unknown)
    }

    /// When it ends, in seconds since 1970.
    pub fn until(&self, here: &Here<'_>) -> Option<i64> {
        match &self.reset {
            Reset::Unknown => None,
            Reset::At(at) => Some(*at),
            Reset::Words(words) => reset::resolve(words, here),
        }
    }

    /// As events tell it: without a time where that takes the reader's clock.
    pub fn noted(&self) -> Limit {
        let until = match self.reset {
            Reset::At(at) => Timestamp::from_second(at).ok(),
            Reset::Unknown | Reset::Words(_) => None,
        };
        Limit { until, warning: self.warning, used: self.used, ..Limit::of(self.kind) }
    }

    /// `the 5-hour limit is reached`, `93 % of the 5-hour limit is used`.
    pub fn sentence(&self) -> String {
        let name = self.kind.name();
        match (self.warning, self.used) {
            (true, Some(used)) => format!("{used} % of the {name} is used"),
            (true, None) => format!("the {name} is near"),
            (false, _) => format!("the {name} is reached"),
        }
    }
}

/// What follows a phrase, whatever the case of its letters.
pub(super) fn after<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let at = text.to_ascii_lowercase().find(&phrase.to_ascii_lowercase())?;
    text.get(at + phrase.len()..)
}
