//! The options of a coding agent.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{self, ADD_DIR, ALLOW, DENY},
    },
    model::{OnPrompt, Permission, text},
};

/// All options, by their names on the command line; that of MCP servers is the last.
pub(super) const ALL: &[&str] = &[
    PERMISSION,
    ON_PROMPT,
    ALLOW_TOOL,
    DENY_TOOL,
    ADD_FOLDER,
    MODEL,
    APPEND_SYSTEM_PROMPT,
    MAX_TURNS,
    BUDGET,
    MCP_SERVER,
];
/// All options but MCP servers.
pub(super) const ALL_BUT_MCP: &[&str] = match ALL.split_last() {
    Some((_, others)) => others,
    None => &[],
};
pub(super) const PERMISSION: &str = "--permission";
pub(super) const ON_PROMPT: &str = "--on-prompt";
pub(super) const ALLOW_TOOL: &str = "--allow";
pub(super) const DENY_TOOL: &str = "--deny";
pub(super) const ADD_FOLDER: &str = "--add-dir";
pub(super) const MODEL: &str = "--model";
pub(super) const APPEND_SYSTEM_PROMPT: &str = "--append-system-prompt";
pub(super) const MAX_TURNS: &str = "--max-turns";
pub(super) const BUDGET: &str = "--budget";
pub(super) const MCP_SERVER: &str = "--mcp";

/// What git config allows and denies to agents.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Rules {
    /// The tools that they may use without asking.
    pub(super) allow: Vec<String>,
    /// The tools that they must not use.
    pub(super) deny: Vec<String>,
    /// The folders that they may use.
    pub(super) add_dirs: Vec<PathBuf>,
}

impl Rules {
    /// Reads the rules for all agents.
    ///
    /// # Errors
    /// A value is invalid, or a folder does not exist (3).
    pub(super) fn of(config: &Config<'_>) -> Result<Self> {
        Ok(Self {
            allow: config.valid(&ALLOW)?,
            deny: config.valid(&DENY)?,
            add_dirs: config.folders(&ADD_DIR)?,
        })
    }

    /// Fails if anything is denied, for a program that cannot enforce it.
    pub(super) fn refuse_denials(&self, agent: &str) -> Result<()> {
        if self.deny.is_empty() {
            return Ok(());
        }
        let key = DENY.name();
        Err(Error::new(
            Code::OptionUnsupported,
            format!("agent '{}' cannot enforce {key}", text::safe(agent)),
        )
        .hint(format!(
            "{} denies tools to the agents of one profile only",
            keys::AGENT_DENY.of("NAME").name()
        ))
        .hint(format!("git orchestra config unset {key}")))
    }
}

/// Options of a coding agent. They come only from the user: typed, or set in git config.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Options {
    /// What it may do without asking.
    pub permission: Option<Permission>,
    /// The most that it may do without asking, if an agent starts it that may do no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Permission>,
    /// What happens when it asks for a permission.
    pub on_prompt: Option<OnPrompt>,
    /// Whether somebody watches on a terminal and can answer.
    #[serde(skip)]
    pub watched: bool,
    /// The tools that it may use without asking, such as `Bash(git *)`.
    pub allow: Vec<String>,
    /// The tools that it may not use at all.
    pub deny: Vec<String>,
    /// The folders that it may use in addition to its worktree.
    pub add_dirs: Vec<PathBuf>,
    /// The model.
    pub model: Option<String>,
    /// Text that is appended to its system prompt.
    pub append_system_prompt: Option<String>,
    /// Maximum number of turns of the model.
    pub max_turns: Option<u32>,
    /// Maximum cost, in millionths of a US dollar.
    pub budget_micros: Option<u64>,
    /// The names of the MCP servers that it gets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mcp: Vec<String>,
    /// Whether the tools and folders that git config allows to agents are not allowed to this one, as to a reviewer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
}

impl Options {
    /// Combines these options with newer ones, which extend the lists and replace the other values.
    #[must_use]
    pub fn with(self, newer: Self) -> Self {
        let join = |mut all: Vec<String>, more: Vec<String>| {
            all.extend(more);
            all.dedup();
            all
        };
        Self {
            permission: newer.permission.or(self.permission),
            // A person who types a permission later may give more.
            at_most: newer.at_most.or(self.at_most.filter(|_| newer.permission.is_none())),
            on_prompt: newer.on_prompt.or(self.on_prompt),
            watched: newer.watched,
            allow: join(self.allow, newer.allow),
            deny: join(self.deny, newer.deny),
            add_dirs: self.add_dirs.into_iter().chain(newer.add_dirs).collect(),
            model: newer.model.or(self.model),
            append_system_prompt: newer.append_system_prompt.or(self.append_system_prompt),
            max_turns: newer.max_turns.or(self.max_turns),
            budget_micros: newer.budget_micros.or(self.budget_micros),
            mcp: join(self.mcp, newer.mcp),
            restricted: self.restricted || newer.restricted,
        }
    }

    /// Adds what git config allows and denies to agents. What was typed takes precedence: a configured rule is left out if the
    /// opposite was typed for the same tool.
    #[must_use]
    pub(super) fn with_rules(self, rules: Rules) -> Self {
        let Rules { allow, deny, add_dirs } =
            if self.restricted { Rules { deny: rules.deny, ..Rules::default() } } else { rules };
        let allow = allow.into_iter().filter(|tool| !self.deny.contains(tool)).collect();
        let deny = deny.into_iter().filter(|tool| !self.allow.contains(tool)).collect();
        let base = Self { allow, deny, add_dirs, ..Self::default() };
        Self { watched: self.watched, ..base.with(self) }
    }

    /// Returns what the agent may do without asking: as typed, or as git config says.
    ///
    /// # Errors
    /// The value in git config is invalid (3).
    pub(super) fn permission(&self, config: &Config<'_>) -> Result<Permission> {
        self.permission.map_or_else(|| config.permission(), Ok)
    }

    /// Lowers a configured permission to the most that the agent may do. `typed` is the one that was typed, which is not lowered.
    ///
    /// # Errors
    /// The typed permission is too high (3), or the value in git config is invalid (3).
    pub(super) fn lower(&mut self, typed: Option<Permission>, config: &Config<'_>) -> Result<()> {
        let Some(limit) = self.at_most else { return Ok(()) };
        let wanted = self.permission(config)?;
        if !wanted.exceeds(limit) {
            return Ok(());
        }
        if typed == Some(wanted) {
            return Err(too_much(&format!("'{wanted}' is more than")));
        }
        self.permission = Some(limit);
        Ok(())
    }

    /// Fails if an agent may do more than this one may, or may not be known to do less.
    ///
    /// # Errors
    /// It may do more (3).
    pub(super) fn check_most(&self, agent: &str, permission: Option<Permission>) -> Result<()> {
        match (self.at_most, permission) {
            (None | Some(Permission::BypassPermissions), _) => Ok(()),
            (Some(limit), Some(permission)) if !permission.exceeds(limit) => Ok(()),
            (Some(_), Some(permission)) => Err(too_much(&format!("'{permission}' is more than"))),
            (Some(_), None) => Err(too_much(&format!(
                "agent '{}' knows no permissions, and so could do more than",
                text::safe(agent)
            ))),
        }
    }

    /// Returns what happens when the agent asks: as typed, as git config says, or depending on whether somebody watches.
    ///
    /// # Errors
    /// The value in git config is invalid (3).
    pub(super) fn on_prompt(&self, config: &Config<'_>) -> Result<OnPrompt> {
        let unless = if self.watched { OnPrompt::Ask } else { OnPrompt::Deny };
        match self.on_prompt {
            Some(on_prompt) => Ok(on_prompt),
            None => Ok(config.get(&keys::ON_PROMPT)?.unwrap_or(unless)),
        }
    }

    /// Returns the names of the options that are set, as on the command line.
    fn named(&self) -> Vec<&'static str> {
        [
            (PERMISSION, self.permission.is_some()),
            (ON_PROMPT, self.on_prompt.is_some()),
            (ALLOW_TOOL, !self.allow.is_empty()),
            (DENY_TOOL, !self.deny.is_empty()),
            (ADD_FOLDER, !self.add_dirs.is_empty()),
            (MODEL, self.model.is_some()),
            (APPEND_SYSTEM_PROMPT, self.append_system_prompt.is_some()),
            (MAX_TURNS, self.max_turns.is_some()),
            (BUDGET, self.budget_micros.is_some()),
            (MCP_SERVER, !self.mcp.is_empty()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }

    /// Fails if any option is set, for a program that supports none of them and would ignore it.
    pub(super) fn refuse_for(&self, agent: &str) -> Result<()> {
        self.refuse_except(agent, &[])
    }

    /// Fails if any option is set that is not among those that a program supports.
    pub(super) fn refuse_except(&self, agent: &str, supported: &[&str]) -> Result<()> {
        let mut named = self.named();
        named.retain(|name| !supported.contains(name));
        match named.as_slice() {
            [] => Ok(()),
            named => Err(Error::new(
                Code::OptionUnsupported,
                format!("agent '{}' does not support {}", text::safe(agent), named.join(", ")),
            )
            .hint("put such instructions into the program's own command, or into the task")),
        }
    }
}

fn too_much(what: &str) -> Error {
    Error::new(Code::NotForAgents, format!("{what} the agent may do that starts it"))
        .hint("git orchestra inbox tell --kind question 'may I start one that …?' asks a person")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_options_add_to_lists_and_replace_the_rest() {
        let old = Options {
            permission: Some(Permission::Plan),
            allow: vec!["Edit".into()],
            max_turns: Some(3),
            ..Options::default()
        };
        let newer = Options {
            permission: Some(Permission::AcceptEdits),
            allow: vec!["Bash(git *)".into()],
            ..Options::default()
        };
        let both = old.with(newer);
        assert_eq!(both.permission, Some(Permission::AcceptEdits));
        assert_eq!((both.allow.len(), both.max_turns), (2, Some(3)));
    }

    #[test]
    fn a_permission_that_a_person_types_later_may_be_higher() {
        let below = Options { at_most: Some(Permission::Plan), ..Options::default() };
        assert_eq!(below.clone().with(Options::default()).at_most, Some(Permission::Plan));
        let typed = Options { permission: Some(Permission::AcceptEdits), ..Options::default() };
        assert_eq!(below.clone().with(typed.clone()).at_most, None);
        assert_eq!(typed.with(below).at_most, Some(Permission::Plan));
    }

    #[test]
    fn an_agent_starts_none_that_may_do_more() {
        use Permission::{AcceptEdits, BypassPermissions, Plan};
        for (limit, permission, refused) in [
            (None, Some(BypassPermissions), false),
            (None, None, false),
            (Some(BypassPermissions), None, false),
            (Some(Plan), Some(AcceptEdits), true),
            (Some(AcceptEdits), Some(AcceptEdits), false),
            (Some(AcceptEdits), Some(Permission::Default), false),
            (Some(AcceptEdits), None, true),
        ] {
            let options = Options { at_most: limit, ..Options::default() };
            let found = options.check_most("x", permission).map_err(|error| error.code).err();
            assert_eq!(found, refused.then_some(Code::NotForAgents), "{limit:?} {permission:?}");
        }
    }

    #[test]
    fn configured_rules_yield_to_what_was_typed() {
        let texts = |list: &[&str]| -> Vec<String> { list.iter().map(|&one| one.to_owned()).collect() };
        let rules = Rules {
            allow: texts(&["Edit", "Bash(make *)"]),
            deny: texts(&["WebFetch", "Bash(rm *)"]),
            add_dirs: vec!["/notes".into()],
        };
        let typed = Options {
            allow: texts(&["WebFetch"]),
            deny: texts(&["Edit"]),
            watched: true,
            ..Options::default()
        };
        let both = typed.clone().with_rules(rules.clone());
        assert_eq!(both.allow, ["Bash(make *)", "WebFetch"]);
        assert_eq!(both.deny, ["Bash(rm *)", "Edit"]);
        assert_eq!((both.add_dirs.len(), both.watched), (1, true));
        // A reviewer gets only what was chosen for it; what is denied stays denied.
        let reviewer = Options { restricted: true, ..typed }.with_rules(rules);
        assert_eq!(reviewer.allow, ["WebFetch"]);
        assert_eq!((reviewer.deny.len(), reviewer.add_dirs.len()), (2, 0));
    }

    #[test]
    fn unsupported_options_are_refused() {
        let options = Options { model: Some("m".into()), ..Options::default() };
        let error = options.refuse_for("sh").unwrap_err();
        assert_eq!(error.message, "agent 'sh' does not support --model");
        assert!(Options::default().refuse_for("sh").is_ok());
        assert!(options.refuse_except("x", &["--model"]).is_ok());
    }
}
