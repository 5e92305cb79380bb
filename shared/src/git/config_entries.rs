//! Reading every value of one section of the configuration.

pub(crate) use super::config_values::ConfigEntry;
use super::config_values::entries;
use crate::{
    Result,
    git::{Repo, caller},
    world::Environment,
};

impl Repo {
    /// Returns the values of a section, from those that others override to those that take precedence. It is the configuration
    /// from which the repository's keys are read.
    pub(crate) fn config_entries(&self, section: &str) -> Vec<ConfigEntry> {
        entries(self.gix.config_snapshot().plumbing(), section)
    }
}

/// Returns the values of a section outside of any repository.
///
/// # Errors
/// A configuration file of the user or the system cannot be read (3).
pub(crate) fn outside_a_repository(environment: &Environment, section: &str) -> Result<Vec<ConfigEntry>> {
    Ok(entries(&caller::without_repository(environment)?, section))
}
