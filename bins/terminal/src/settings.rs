//! The flags that say how agents shall run, for every command that starts them.

use std::{path::PathBuf, time::Duration};

use clap::{
    Args, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
};
use orchestra::{
    model::{OnPrompt, Permission, duration},
    ops::settings::{self, Options, Settings},
};

use crate::{Terminal, here};

/// Flattened into commands that start agents.
#[derive(Args, Clone, Debug, Default)]
pub struct HowToRun {
    /// How many agents run at once; the others wait (default: {orchestra.jobs})
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub jobs: Option<u32>,
    /// The longest an agent may run: 90s, 5m, 1h30m (default: {orchestra.maxTime})
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub max_time: Option<Duration>,
    /// The longest it may give no sign of life; 0 for ever (default: {orchestra.idleTimeout})
    ///
    /// Output, a line in its conversation's file and any change in its worktree are signs of life. Programs that say nothing
    /// while they work (sh, your own) are watched only where this is given.
    #[arg(long, value_name = "TIME", value_parser = idle)]
    pub idle_timeout: Option<Duration>,
    /// How often it goes on after a failure that may pass (default: {orchestra.retries})
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: Option<u32>,
    /// The wait before the first retry; it doubles (default: {orchestra.retryDelay})
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub retry_delay: Option<Duration>,
    /// What it may do without asking: plan, default, dontAsk, acceptEdits or bypassPermissions (default:
    /// {orchestra.permission})
    ///
    /// plan changes nothing; default asks for every change; dontAsk does only what --allow names; acceptEdits changes files in
    /// its worktree; bypassPermissions does everything, and status says so.
    #[arg(long, value_name = "MODE", value_parser = permission(), hide_possible_values = true)]
    pub permission: Option<Permission>,
    /// What happens when it asks for more: deny, ask or fail
    ///
    /// deny: it is refused, and goes on without; ask: it waits for 'git orchestra send AGENT --allow' or --deny; fail: it is
    /// ended. The default is {orchestra.onPrompt}, else ask while this command watches on a terminal, else deny.
    #[arg(long, value_name = "WHAT", value_parser = on_prompt(), hide_possible_values = true)]
    pub on_prompt: Option<OnPrompt>,
    /// A tool it may use without asking, such as 'Bash(git *)'; may be given several times
    #[arg(long, value_name = "TOOL", allow_hyphen_values = false)]
    pub allow: Vec<String>,
    /// A tool it may not use at all; may be given several times
    #[arg(long, value_name = "TOOL")]
    pub deny: Vec<String>,
    /// A folder besides its worktree; may be given several times
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub add_dir: Vec<PathBuf>,
    /// The model
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// What it is told beyond its own instructions
    #[arg(long, value_name = "TEXT")]
    pub append_system_prompt: Option<String>,
    /// Rounds with the model, at the most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_turns: Option<u32>,
    /// US dollars, at the most, such as 2.50; a round that is under way may exceed it
    #[arg(long, value_name = "USD", value_parser = budget)]
    pub budget: Option<u64>,
}

impl HowToRun {
    /// For the library. `detached`: nobody will watch.
    pub fn settings(&self, terminal: &Terminal, detached: bool) -> Settings {
        let folder = here::environment().directory();
        Settings {
            options: Options {
                permission: self.permission,
                on_prompt: self.on_prompt,
                watched: !detached && terminal.stderr_size().is_some(),
                allow: self.allow.clone(),
                deny: self.deny.clone(),
                add_dirs: self.add_dir.iter().map(|dir| folder.join(dir)).collect(),
                model: self.model.clone(),
                append_system_prompt: self.append_system_prompt.clone(),
                max_turns: self.max_turns,
                budget_micros: self.budget,
            },
            jobs: self.jobs,
            max_time: self.max_time,
            idle_timeout: self.idle_timeout,
            retries: self.retries,
            retry_delay: self.retry_delay,
        }
    }
}

fn permission() -> impl TypedValueParser<Value = Permission> {
    PossibleValuesParser::new(Permission::ALL.map(Permission::as_str))
        .try_map(|word| Permission::parse(&word).ok_or("no such permission"))
}

fn on_prompt() -> impl TypedValueParser<Value = OnPrompt> {
    PossibleValuesParser::new(OnPrompt::ALL.map(OnPrompt::as_str))
        .try_map(|word| OnPrompt::parse(&word).ok_or("no such reaction"))
}

/// Reads a span of time, for options of clap.
///
/// # Errors
/// It is none.
pub fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| "a duration such as 90s, 5m or 1h30m is wanted".to_owned())
}

fn idle(text: &str) -> Result<Duration, String> {
    settings::idle_time(text).ok_or_else(|| "a duration such as 90s or 5m is wanted, or 0".to_owned())
}

fn budget(text: &str) -> Result<u64, String> {
    settings::budget(text).ok_or_else(|| "an amount such as 5 or 2.50 is wanted".to_owned())
}
