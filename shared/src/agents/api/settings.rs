//! How one process of the agent runs, as the supervisor starts it.

use std::path::PathBuf;

use super::{permission::Policy, rules::Rule};
use crate::model::{Cost, Permission, Price};

/// The settings of one process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The id of its session.
    pub session: String,
    /// Whether the session is resumed.
    pub resumes: bool,
    /// The model.
    pub model: String,
    /// What it may do without asking.
    pub permission: Permission,
    /// The tools that it may use without asking, such as `Bash(git *)`.
    pub allow: Vec<String>,
    /// The tools that it may not use at all.
    pub deny: Vec<String>,
    /// The folders that it may use in addition to its worktree.
    pub add_dirs: Vec<PathBuf>,
    /// Text that is appended to its system prompt.
    pub append_system_prompt: Option<String>,
    /// Maximum number of requests to the model in one turn.
    pub max_turns: Option<u32>,
    /// Maximum cost of its session. It needs the price.
    pub budget: Option<Cost>,
    /// The command whose first line of output is the key, if that is not in the environment.
    pub key_command: Option<String>,
    /// The size of the model's context, in tokens.
    pub context: u64,
    /// The price of the model; without it, costs are unknown.
    pub price: Option<Price>,
}

impl Settings {
    pub(super) fn policy(&self) -> Policy {
        let rules = |texts: &[String]| texts.iter().map(|text| Rule::of(text)).collect();
        Policy { mode: self.permission, allow: rules(&self.allow), deny: rules(&self.deny) }
    }
}
