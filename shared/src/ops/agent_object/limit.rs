//! The usage limit of an agent in `--json`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Limit, LimitKind};

/// A usage limit in `--json`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct LimitObject {
    /// The kind of limit: `five_hour`, `seven_day`, …, `other`.
    pub kind: String,
    /// When it ends, or is checked again.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
    /// Whether it is near, and not reached.
    pub warning: bool,
    /// The share of it that is used, in percent.
    pub used_percent: Option<u32>,
    /// Whether the agent starts or resumes automatically when it ends.
    pub resumes: bool,
}

impl LimitObject {
    /// Returns the sentence of [`Limit::sentence`].
    pub(in crate::ops) fn sentence(&self) -> String {
        Limit { until: self.until, kind: self.kind.clone(), ..Limit::of(LimitKind::Other) }.sentence()
    }
}

impl From<Limit> for LimitObject {
    fn from(limit: Limit) -> Self {
        Self {
            until: limit.until,
            kind: limit.kind,
            warning: limit.warning,
            used_percent: limit.used,
            resumes: limit.resumes,
        }
    }
}
