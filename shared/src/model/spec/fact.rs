//! The facts that the events of a spec state.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    AgentId, IdOrText,
    facts::{EventFact, facts},
};

/// The most versions that one version merges.
pub const MAX_MERGED: usize = 20;

facts! {
    /// A fact about a spec. Its name in JSON is `t`.
    #[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
    #[serde(tag = "t")]
    pub enum Fact {
        /// Somebody wrote its first version.
        Created(Saved) = "created",
        /// Somebody saved another version.
        Changed(Saved) = "changed",
    }
}

/// A version of a spec. The time and the writer are those of the event.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Saved {
    /// The id of the event with the version that was changed, shortened; absent for the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The ids of the events with versions that it merges.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merges: Vec<String>,
    /// The first line of the text, shortened.
    pub title: String,
    /// The name of the person, the label of the clone, or the agent whose program wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The designer that hears what changes, from this version on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub designer: Option<IdOrText<AgentId>>,
    /// The text; absent if it is the blob `spec` in the tree of the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl EventFact for Fact {
    const VERSION: u32 = 1;
    const NAMES: &'static [&'static str] = &Self::NAMES;
    const LONG_TEXTS: &'static [&'static str] = &[TEXT];

    fn is_sound(&self) -> bool {
        let (Self::Created(saved) | Self::Changed(saved)) = self;
        saved.merges.len() <= MAX_MERGED
    }

    fn begins(&self) -> bool {
        matches!(self, Self::Created(_))
    }

    fn words(&self) -> Vec<&str> {
        let (Self::Created(saved) | Self::Changed(saved)) = self;
        std::iter::once(saved.title.as_str()).chain(saved.text.as_deref()).collect()
    }

    fn long_text(&mut self) -> Option<(&'static str, &mut Option<String>)> {
        let (Self::Created(saved) | Self::Changed(saved)) = self;
        Some((TEXT, &mut saved.text))
    }
}

/// The name of the blob with a text.
pub const TEXT: &str = "spec";
