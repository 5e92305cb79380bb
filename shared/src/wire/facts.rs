//! The schemas of the facts that events of logs state, for the description of the storage.

use super::schema::{self, MessageType};
use crate::model::{self, run, spec};

/// The facts of each subject that has a log, by the folder of its refs. Their names and keys are those in the JSON of events.
pub const FACTS: &[MessageType] = &[
    MessageType::new("agents", "The events of an agent", schema::of_request::<model::Fact>),
    MessageType::new("runs", "The events of a run", schema::of_request::<run::Fact>),
    MessageType::new("specs", "The events of a spec", schema::of_request::<spec::Fact>),
];
