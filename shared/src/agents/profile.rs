//! The options that are configured for the agents of one profile.

use super::{
    Options,
    options::{self, Rules},
};
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{AGENT_ALLOW, AGENT_BUDGET, AGENT_DENY, AGENT_MAX_TURNS, AGENT_MCP, AGENT_MODEL},
    },
    model::{Cost, quote, text},
};

/// The options of a profile.
pub(super) struct ProfileOptions {
    name: String,
    rules: Rules,
    rest: Options,
}

impl ProfileOptions {
    /// Reads the options of the profile `name`.
    ///
    /// # Errors
    /// A value is invalid (3).
    pub(super) fn of(name: &str, config: &Config<'_>) -> Result<Self> {
        let rules = Rules {
            allow: config.valid(&AGENT_ALLOW.of(name))?,
            deny: config.valid(&AGENT_DENY.of(name))?,
            ..Rules::default()
        };
        let rest = Options {
            permission: config.profile_permission(name)?,
            model: config.get(&AGENT_MODEL.of(name))?,
            max_turns: config.get(&AGENT_MAX_TURNS.of(name))?,
            budget_micros: config.get(&AGENT_BUDGET.of(name))?.map(Cost::micros),
            mcp: config.valid(&AGENT_MCP.of(name))?,
            ..Options::default()
        };
        Ok(Self { name: name.to_owned(), rules, rest })
    }

    /// Combines them with the options of one agent, which take precedence.
    pub(super) fn with(self, typed: Options) -> Options {
        self.rest.with(typed).with_rules(self.rules)
    }

    /// Returns the error of a program that supports only these options; `None` if no other is configured.
    pub(super) fn unsupported(&self, supported: &[&str]) -> Option<Error> {
        let set = [
            (options::ALLOW_TOOL, AGENT_ALLOW.of(&self.name).name().to_owned(), !self.rules.allow.is_empty()),
            (options::DENY_TOOL, AGENT_DENY.of(&self.name).name().to_owned(), !self.rules.deny.is_empty()),
            (options::MODEL, AGENT_MODEL.of(&self.name).name().to_owned(), self.rest.model.is_some()),
            (
                options::MAX_TURNS,
                AGENT_MAX_TURNS.of(&self.name).name().to_owned(),
                self.rest.max_turns.is_some(),
            ),
            (
                options::BUDGET,
                AGENT_BUDGET.of(&self.name).name().to_owned(),
                self.rest.budget_micros.is_some(),
            ),
            (options::MCP_SERVER, AGENT_MCP.of(&self.name).name().to_owned(), !self.rest.mcp.is_empty()),
            (options::PERMISSION, Config::profile_permission_key(&self.name), self.rest.permission.is_some()),
        ];
        let refused = set.into_iter().filter(|(option, _, is_set)| *is_set && !supported.contains(option));
        let keys: Vec<String> = refused.map(|(_, key, _)| key).collect();
        let first = keys.first()?;
        let unset = format!("git orchestra config unset {}", quote::word(first));
        let message =
            format!("agent '{}' does not support {}", text::safe(&self.name), text::safe(&keys.join(", ")));
        Some(Error::new(Code::OptionUnsupported, message).hint(unset))
    }
}
