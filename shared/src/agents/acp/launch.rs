//! Starting a program that speaks the protocol.

use super::Acp;
use crate::{
    Result,
    agents::{Launch, Options, Protocol, Stdin, TaskHandling},
    config::{Config, keys::ON_PROMPT},
    model::{OnPrompt, Permission},
};

/// The options that the protocol can express.
const SUPPORTED: [&str; 3] = ["--permission", "--on-prompt", "--model"];

/// Makes the launch of a program that speaks the protocol.
///
/// # Errors
/// It does not support an option (2), or a value in git config is invalid (3).
pub(super) fn launch(
    name: &str,
    argv: Vec<String>,
    config: &Config<'_>,
    options: &Options,
) -> Result<Launch> {
    options.refuse_beyond(name, &SUPPORTED)?;
    let permission = match options.permission {
        Some(permission) => permission,
        None => config.permission()?,
    };
    let unless = if options.watched { OnPrompt::Ask } else { OnPrompt::Deny };
    let on_prompt = match options.on_prompt {
        // In this mode nothing is asked.
        _ if permission == Permission::DontAsk => OnPrompt::Deny,
        Some(on_prompt) => on_prompt,
        None => config.get(&ON_PROMPT)?.unwrap_or(unless),
    };
    Ok(Launch {
        protocol: Protocol::of(&Acp),
        reports_session: true,
        permission: Some(permission),
        on_prompt,
        ..Launch::plain(argv, Stdin::Talk, TaskHandling::Prose)
    })
}
