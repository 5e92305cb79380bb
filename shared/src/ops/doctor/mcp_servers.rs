//! MCP servers that could not be given to an agent as they are configured.

use super::finding::{Finding, Group, Severity};
use crate::{Result, agents, config::Config, git::Repo};

/// Maximum number of servers that are checked.
const MOST: usize = 20;

/// Checks the servers in git config. None is started.
///
/// # Errors
/// None.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let config = Config::of(repo);
    let names = agents::configured_servers(&config);
    let found = names.iter().take(MOST).filter_map(|name| {
        let error = agents::check_server(&config, name).err()?;
        Some(Finding::of_error(Group::Keys, "mcp-server", Severity::Warning, &error).about(name))
    });
    Ok(found.collect())
}
