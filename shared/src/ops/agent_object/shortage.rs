//! What the machine is short of in `--json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::supervise::guard::ShownShortage;

/// What the machine is short of, in `--json`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ShortageObject {
    /// What there is too little of: `disk_space`, `files`, `memory`, `starting_memory`, `memory_pressure` or `disk_pressure`.
    pub resource: String,
    /// Whether the program of the agent runs and is held. If not, it is not started yet.
    pub held: bool,
    /// A sentence that says what there is and what is needed.
    pub text: String,
}

impl From<ShownShortage> for ShortageObject {
    fn from(shown: ShownShortage) -> Self {
        Self {
            resource: shown.shortage.resource.as_str().to_owned(),
            held: shown.held,
            text: shown.sentence(),
        }
    }
}
