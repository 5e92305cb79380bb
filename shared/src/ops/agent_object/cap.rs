//! The cap of an agent in `--json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    Cap, Cost,
    cap::{CapScope, CapUnit},
    cost,
};

/// A cap on money or tokens that an agent reached or came near, in `--json`. Either the amounts of money are set or those of tokens.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct CapObject {
    /// Whose use it limits: `agent`, `run`, or `day`, for all agents of this clone on one day.
    pub scope: CapScope,
    /// Where it is now, in US dollars.
    #[serde(with = "cost::in_dollars")]
    #[schemars(with = "Option<f64>")]
    pub limit_usd: Option<Cost>,
    /// How much of it was used, in US dollars.
    #[serde(with = "cost::in_dollars")]
    #[schemars(with = "Option<f64>")]
    pub used_usd: Option<Cost>,
    /// Where it is now, in tokens.
    pub limit_tokens: Option<u64>,
    /// How much of it was used, in tokens.
    pub used_tokens: Option<u64>,
    /// The share of it that is used, in percent.
    pub used_percent: u64,
    /// Whether it is only near, and not reached.
    pub warning: bool,
    /// The sentence for people, such as `reached its cap of $5.00 ($5.02 used)`.
    pub sentence: String,
}

impl CapObject {
    /// Returns what it counts.
    pub(in crate::ops) const fn unit(&self) -> CapUnit {
        if self.limit_usd.is_some() { CapUnit::CostMicros } else { CapUnit::Tokens }
    }
}

impl From<Cap> for CapObject {
    fn from(cap: Cap) -> Self {
        let money = |number: u64| (cap.unit == CapUnit::CostMicros).then(|| Cost::from_micros(number));
        let tokens = |number: u64| (cap.unit == CapUnit::Tokens).then_some(number);
        Self {
            scope: cap.scope,
            limit_usd: money(cap.limit),
            used_usd: money(cap.used),
            limit_tokens: tokens(cap.limit),
            used_tokens: tokens(cap.used),
            used_percent: cap.used_percent(),
            warning: cap.warning,
            sentence: if cap.warning { cap.warning_sentence() } else { cap.sentence() },
        }
    }
}
