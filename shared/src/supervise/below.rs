//! The limits on the agents below an agent and on its messages, as the person's configuration had them when its supervisor started. What
//! the agent's own calls say, by their variables or by the repository's configuration, does not change them.

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    config::{
        Config,
        keys::{MAX_CHILDREN, MAX_DEPTH, MAX_MESSAGES_PER_HOUR},
    },
};

/// The limits of one agent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BelowLimits {
    /// How many agents may be in a row in which each started the next.
    pub max_depth: u32,
    /// How many agents that have not ended may come from one that a person started.
    pub max_children: u32,
    /// How many messages it may send to another agent in an hour.
    pub max_messages_per_hour: u32,
}

impl BelowLimits {
    /// Reads the limits of the configuration.
    ///
    /// # Errors
    /// A value is invalid (3).
    pub fn of(config: &Config<'_>) -> Result<Self> {
        Ok(Self {
            max_depth: config.get(&MAX_DEPTH)?,
            max_children: config.get(&MAX_CHILDREN)?,
            max_messages_per_hour: config.get(&MAX_MESSAGES_PER_HOUR)?,
        })
    }
}
