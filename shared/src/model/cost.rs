//! What agents cost, as their programs report it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount in millionths of a US dollar, so that it is exact, and an integer in events.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Cost(u64);

impl Cost {
    /// Makes an amount from millionths of a US dollar.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Returns the amount in millionths of a US dollar.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Parses an amount of US dollars that is more than 0, such as `5` or `2.50`.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        if whole.is_empty() && part.is_empty() || part.len() > 6 || !part.bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let part: u64 = format!("{part:0<6}").parse().ok()?;
        let micros = whole.checked_mul(1_000_000)?.checked_add(part)?;
        (1..=1_000_000_000_000).contains(&micros).then_some(Self(micros))
    }

    /// Returns the amount as [`Cost::parse`] reads it, with at least two decimals.
    pub fn text(self) -> String {
        let (whole, part) = (self.0 / 1_000_000, format!("{:06}", self.0 % 1_000_000));
        let (cents, rest) = part.split_at(2);
        format!("{whole}.{cents}{}", rest.trim_end_matches('0'))
    }

    /// Returns the amount nearest to a number of dollars; 0 for a negative number and for `NaN`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such a cast saturates")]
    pub fn from_dollars(dollars: f64) -> Self {
        Self((dollars * 1e6).round() as u64)
    }

    /// Returns the amount in dollars, for reports.
    #[expect(clippy::cast_precision_loss, reason = "exact to a cent far beyond any bill")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Returns the sum of both amounts, at most the largest amount.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Serializes an amount in dollars, as reports have it, for `#[serde(with = "cost::in_dollars")]`.
pub mod in_dollars {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Cost;

    /// Writes a number of dollars, or `null`.
    ///
    /// # Errors
    /// The serializer fails.
    pub fn serialize<S: Serializer>(cost: &Option<Cost>, serializer: S) -> Result<S::Ok, S::Error> {
        cost.map(Cost::dollars).serialize(serializer)
    }

    /// Reads a number of dollars, or `null`.
    ///
    /// # Errors
    /// The value is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cost>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map(Cost::from_dollars))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A cost of up to a million dollars is the same after it was read from a report.
        #[test]
        fn dollars_are_exact_to_the_micro(micros in 0u64..1_000_000_000_000) {
            let cost = Cost::from_micros(micros);
            prop_assert_eq!(Cost::from_dollars(cost.dollars()), cost);
        }
    }

    #[test]
    fn costs_are_micros_in_events_and_dollars_in_reports() {
        #[derive(Debug, Deserialize, PartialEq, Serialize)]
        struct Report {
            #[serde(with = "in_dollars")]
            cost_usd: Option<Cost>,
        }
        assert_eq!(serde_json::to_string(&Cost::from_micros(210_108)).unwrap(), "210108");
        for (cost, json) in [
            (Some(210_108), r#"{"cost_usd":0.210108}"#),
            (Some(0), r#"{"cost_usd":0.0}"#),
            (None, r#"{"cost_usd":null}"#),
        ] {
            let report = Report { cost_usd: cost.map(Cost::from_micros) };
            assert_eq!(serde_json::to_string(&report).unwrap(), json);
            assert_eq!(serde_json::from_str::<Report>(json).unwrap(), report);
        }
    }
}
