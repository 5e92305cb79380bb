//! Money, as the programs of coding agents count it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount of US dollars, in millionths: exact, and an integer in events.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Cost(u64);

impl Cost {
    /// An amount of so many millionths of a US dollar.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The amount in millionths of a US dollar.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// The amount nearest to a number of dollars. What is negative or not a number is nothing.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such a cast saturates")]
    pub fn from_dollars(dollars: f64) -> Self {
        Self((dollars * 1e6).round() as u64)
    }

    /// The amount in dollars, as reports tell it.
    #[expect(clippy::cast_precision_loss, reason = "exact to a cent far beyond any bill")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Both amounts together; at most the greatest amount that there is.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// An amount in dollars, for `#[serde(with = "…")]`: the shape of reports.
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
    /// It is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cost>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map(Cost::from_dollars))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever an agent may cost comes back from a report as it was.
        #[test]
        fn dollars_are_exact_to_the_micro(micros in 0u64..1_000_000_000_000) {
            let cost = Cost::from_micros(micros);
            prop_assert_eq!(Cost::from_dollars(cost.dollars()), cost);
        }
    }

    #[test]
    fn it_is_micros_in_events_and_dollars_in_reports() {
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
