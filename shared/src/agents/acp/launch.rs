//! Starting a program that speaks the protocol.

use super::PROTOCOL;
use crate::{
    Result,
    agents::{Launch, Options, Stdin, TaskHandling, mcp, options},
    config::Config,
    model::{OnPrompt, Permission},
};

/// The options that the protocol can express.
pub(in crate::agents) const SUPPORTED: &[&str] =
    &[options::PERMISSION, options::ON_PROMPT, options::MODEL, options::MCP_SERVER];

/// Makes the launch of a program that speaks the protocol.
///
/// # Errors
/// It does not support an option (2), or a value in git config is invalid (3).
pub(in crate::agents) fn launch(
    name: &str,
    argv: Vec<String>,
    config: &Config<'_>,
    options: &Options,
) -> Result<Launch> {
    options.refuse_except(name, SUPPORTED)?;
    let permission = options.permission(config)?;
    let on_prompt = match permission {
        // In this mode nothing is asked.
        Permission::DontAsk => OnPrompt::Deny,
        _ => options.on_prompt(config)?,
    };
    Ok(Launch {
        protocol: PROTOCOL,
        reports_session: true,
        permission: Some(permission),
        on_prompt,
        servers: mcp::servers(config, options)?,
        ..Launch::plain(argv, Stdin::Talk, TaskHandling::Prose)
    })
}
