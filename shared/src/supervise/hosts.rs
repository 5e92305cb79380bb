//! The hosts that an agent in a sandbox `net` reaches: those of its program, and those that the user allows.

use std::fs;

use crate::{
    Result, agents,
    config::{Config, keys::SANDBOX_HOST},
    git::careful,
    model::{
        AgentId,
        host::{HostAndPort, HostRule},
    },
    store::layout::AgentDir,
    supervise::spec::Spec,
};

/// The end of the names of variables that hold the address of a program's service.
const ADDRESS: &str = "_BASE_URL";

/// Returns the hosts of an agent; `None` if its sandbox leaves it the network of the machine.
///
/// # Errors
/// A value in git config is no host (3).
pub fn of_agent(config: &Config<'_>, spec: &Spec, id: &AgentId) -> Result<Option<Vec<HostRule>>> {
    if !spec.sandbox.has_network_rules() {
        return Ok(None);
    }
    let allowed = config.valid(&SANDBOX_HOST)?;
    let program = agents::program(&spec.profile);
    let of_program = program.map_or(&[][..], |program| program.hosts());
    let variables = program.map_or(&[][..], |program| program.account_variables());
    let own = spec.program_environment(config.environment(), id);
    let addresses = variables.iter().filter(|name| name.ends_with(ADDRESS));
    let addresses = addresses.filter_map(|name| HostAndPort::of_url(&own.text_variable(name)?));
    let named = of_program.iter().copied().chain(allowed.iter().map(String::as_str));
    Ok(Some(named.filter_map(HostRule::parse).chain(addresses.map(HostRule::only)).collect()))
}

/// Returns the hosts that the agent's sandbox refused since this was last asked.
pub(super) fn take_refused(dir: &AgentDir) -> Vec<String> {
    let path = dir.refused_hosts();
    let text = careful::small_text(&path).unwrap_or_default();
    let _ = fs::remove_file(&path);
    text.lines().map(str::to_owned).collect()
}
