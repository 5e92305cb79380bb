//! The settings of agents for `spawn` and `resume`: those of the request, otherwise those of the last attempt, otherwise git config.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::agents::Options;
use crate::{
    Code, Error, Result,
    agents::Launch,
    config::{Config, Key, keys},
    model::{
        Caps, ChosenSandbox, Cost, RunId, SandboxLevel,
        cap::{self, Amounts},
        duration,
    },
    sandbox,
    supervise::{
        preparation::{Preparation, Setup},
        spec::{Limits, Until},
        spending::Rules,
    },
};

/// How agents run. A setting that is not given is as in the last attempt, or as configured.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The options of the coding agent.
    pub options: Options,
    /// The number of agents that may run at once.
    pub jobs: Option<u32>,
    /// The time limit of each agent.
    #[serde(rename = "max_time_seconds", with = "crate::ops::seconds")]
    #[schemars(with = "Option<u64>")]
    pub max_time: Option<Duration>,
    /// The longest time that each agent may be idle; 0 means no limit.
    #[serde(rename = "idle_timeout_seconds", with = "crate::ops::seconds")]
    #[schemars(with = "Option<u64>")]
    pub idle_timeout: Option<Duration>,
    /// How often each agent is resumed after a transient failure.
    pub retries: Option<u32>,
    /// The wait before the first retry.
    #[serde(rename = "retry_delay_seconds", with = "crate::ops::seconds")]
    #[schemars(with = "Option<u64>")]
    pub retry_delay: Option<Duration>,
    /// The cap on the cost of each agent, in millionths of a US dollar.
    pub max_cost_micros: Option<u64>,
    /// The cap on the tokens of each agent.
    pub max_tokens: Option<u64>,
    /// The shell command that decides whether an agent is done: while it fails, the agent gets its output and continues. Empty for none.
    pub until: Option<String>,
    /// How many rounds of work and check there may be; [`DEFAULT_ROUNDS`] if this is not given.
    pub rounds: Option<u32>,
    /// The shell command that makes a new worktree ready; if this is not given, the configured one.
    pub setup: Option<String>,
    /// Whether no setup runs.
    pub no_setup: bool,
    /// The shell command that must succeed when an agent ends; as `until` with one round. Empty for none.
    pub check: Option<String>,
    /// Whether the check runs even if it is known to pass for the files of the agent.
    pub recheck: bool,
    /// The sandbox of each agent.
    pub sandbox: Option<SandboxLevel>,
    /// Whether the files that they start with are not the user's: nothing of the user's checkout is copied to them.
    #[serde(skip)]
    pub foreign_files: bool,
    /// What the agent has left that starts these agents, if one does.
    #[serde(skip)]
    pub at_most: Option<AtMost>,
}

/// What agents get at most, whatever was configured.
#[derive(Clone, Copy, Debug)]
pub struct AtMost {
    /// The time limit.
    pub time: Duration,
    /// How often one is resumed after a transient failure.
    pub retries: u32,
    /// How many rounds of work and check there may be.
    pub rounds: Option<u32>,
    /// The caps on money and tokens.
    pub caps: Amounts,
    /// How many agents may run at once.
    pub jobs: u32,
}

/// Maximum number of prices that are kept for an agent.
const MAX_PRICES: usize = 200;

/// How many rounds an agent has to make its check pass, unless the user says otherwise.
pub const DEFAULT_ROUNDS: u32 = 5;

/// Whose caps an agent has.
#[derive(Clone, Copy, Debug)]
pub(super) enum CapsOf<'a> {
    /// Those of its profile.
    Profile(&'a str),
    /// Those of all agents, and these of the role of its team that works.
    Role(Amounts),
}

/// Returns the caps of a profile in git config.
///
/// # Errors
/// One of them is invalid (3).
pub(super) fn caps_of_profile(config: &Config<'_>, profile: &str) -> Result<Amounts> {
    let (cost, tokens) = (keys::AGENT_MAX_COST.of(profile), keys::AGENT_MAX_TOKENS.of(profile));
    Ok(Amounts { cost: config.get(&cost)?, tokens: config.get(&tokens)? })
}

impl Settings {
    /// Returns the limits of an agent of a profile that is started with these settings.
    ///
    /// # Errors
    /// A value in git config is invalid (3).
    pub fn limits(
        &self,
        config: &Config<'_>,
        profile: &str,
        launch: &Launch,
        before: Option<&Limits>,
    ) -> Result<Limits> {
        let of_profile = if before.is_none() { config.get(&keys::AGENT_MAX_TIME.of(profile))? } else { None };
        let or = |typed: Option<Duration>, before: Option<Duration>, key: &Key<Duration>| {
            typed.or(before).map_or_else(|| config.get(key), Ok)
        };
        let before_retries = before.map(|before| before.retries);
        let most_time = self.at_most.map_or(Duration::MAX, |most| most.time);
        let most_retries = self.at_most.map_or(u32::MAX, |most| most.retries);
        Ok(Limits {
            max_time: or(
                self.max_time.or(of_profile),
                before.map(|before| before.max_time),
                &keys::MAX_TIME,
            )?
            .min(most_time),
            idle_timeout: match (self.idle_timeout, before) {
                (Some(typed), _) => Some(typed).filter(|typed| !typed.is_zero()),
                (None, Some(before)) => before.idle_timeout,
                (None, None) => idle_timeout(config, launch)?,
            },
            retries: self
                .retries
                .or(before_retries)
                .map_or_else(|| config.get(&keys::RETRIES), Ok)?
                .min(most_retries),
            retry_delay: or(self.retry_delay, before.map(|before| before.retry_delay), &keys::RETRY_DELAY)?,
            grace: config.get(&keys::GRACE)?,
            max_output: config.get(&keys::MAX_OUTPUT)?,
            max_file: config.get(&keys::MAX_FILE)?,
            limit_wait: config.get(&keys::LIMIT_WAIT)?,
            stuck_turns: u64::from(config.get(&keys::STUCK_TURNS)?),
            sync_every: config.get(&keys::AUTO_SYNC)?,
        })
    }

    /// Returns the caps of an agent of this run, with what is needed to judge them. `before` are those of its last attempt: what was
    /// typed then holds, and a cap that is the same stays raised.
    ///
    /// # Errors
    /// A value in git config is invalid (3).
    pub(super) fn spending(
        &self,
        config: &Config<'_>,
        whose: CapsOf<'_>,
        run: RunId,
        before: Option<&Rules>,
    ) -> Result<Rules> {
        let typed = before.map(|before| before.typed).unwrap_or_default();
        let typed = Amounts {
            cost: self.max_cost_micros.map(Cost::from_micros).or(typed.cost),
            tokens: self.max_tokens.or(typed.tokens),
        };
        let of = |cost: &Key<Option<Cost>>, tokens: &Key<Option<u64>>| -> Result<Amounts> {
            Ok(Amounts { cost: config.get(cost)?, tokens: config.get(tokens)? })
        };
        // The caps of a role are on its own share of the work.
        let (own, role) = match whose {
            CapsOf::Profile(profile) => (caps_of_profile(config, profile)?, Amounts::default()),
            CapsOf::Role(caps) => (Amounts::default(), caps),
        };
        let all = of(&keys::MAX_COST, &keys::MAX_TOKENS)?;
        let agent = Amounts {
            cost: typed.cost.or(own.cost).or(all.cost),
            tokens: typed.tokens.or(own.tokens).or(all.tokens),
        };
        let agent = self.at_most.map_or(agent, |most| agent.at_most(most.caps));
        let caps = Caps {
            agent,
            role,
            run: of(&keys::MAX_RUN_COST, &keys::MAX_RUN_TOKENS)?,
            day: of(&keys::MAX_DAY_COST, &keys::MAX_DAY_TOKENS)?,
        };
        let known = before.filter(|_| self.max_cost_micros.is_none() && self.max_tokens.is_none());
        let same = known.filter(|before| before.caps.agent == agent);
        let raises = same.map(|before| before.raises).unwrap_or_default();
        let same_role = before.filter(|before| before.caps.role == role);
        let role_raises = same_role.map(|before| before.role_raises.clone()).unwrap_or_default();
        let names = config.names(&keys::PRICE);
        let price = |name: String| Some((name.clone(), config.get_or_default(&keys::PRICE.of(&name))?));
        let prices = names.into_iter().take(MAX_PRICES).filter_map(price).collect();
        let parent = before.and_then(|before| before.parent.clone());
        Ok(Rules { caps, typed, raises, role_raises, prices, run, parent })
    }

    /// Returns how many agents may run at once. `before` is the value of the agent's last attempt.
    ///
    /// # Errors
    /// The value in git config is invalid (3), or the one that was typed exceeds the limit that the user set (2).
    pub fn jobs(&self, config: &Config<'_>, before: Option<u32>) -> Result<u32> {
        let most = config.get(&keys::MAX_JOBS)?;
        let jobs = match self.jobs {
            Some(typed) if typed > most => {
                let key = &keys::MAX_JOBS;
                let error = Error::new(
                    Code::LimitExceeded,
                    format!("--jobs {typed} exceeds git config '{}', which is {most}", key.name()),
                );
                return Err(error.hint(format!("--jobs {most}")).hint(key.hint(&typed.to_string())));
            }
            Some(typed) => typed,
            None => before.map_or_else(|| config.get(&keys::JOBS), Ok)?.min(most),
        };
        Ok(self.at_most.map_or(jobs, |most| jobs.min(most.jobs)))
    }

    /// Returns the check that decides whether a new agent is done: the typed one, otherwise that of the configuration, which a reviewing
    /// agent does not have. An empty command turns the configured one off.
    ///
    /// # Errors
    /// As [`Self::until`], and the command is empty (2).
    pub fn until_of_new(&self, config: &Config<'_>, is_reviewer: bool) -> Result<Option<Until>> {
        let configured = if is_reviewer { None } else { config.get(&keys::CHECK)? };
        match (self.check.as_deref(), self.until.as_deref(), configured) {
            (_, Some(""), _) => Err(not_a_command("until")),
            (Some(""), _, None) => Err(not_a_command("check")),
            (None, None, Some(check)) if self.rounds.is_none() => {
                Self { check: Some(check), ..self.clone() }.until(config, None)
            }
            _ => self.until(config, None),
        }
    }

    /// Returns the check that decides whether an agent is done: the typed one, or that of its last attempt. An empty command ends it.
    ///
    /// # Errors
    /// The command is not one, there are two of them, or there is a number of rounds without a check that has rounds (2); the time limit
    /// in git config is invalid (3).
    pub fn until(&self, config: &Config<'_>, before: Option<&Until>) -> Result<Option<Until>> {
        let (name, typed) = match (&self.check, &self.until) {
            (Some(_), Some(_)) => {
                let error = Error::usage("--check and --until: an agent has one check");
                return Err(error.hint("--until 'cargo test' --rounds 1 is the same as --check 'cargo test'"));
            }
            (Some(check), None) => ("check", Some(check)),
            (None, until) => ("until", until.as_ref()),
        };
        let command = typed.or_else(|| before.map(|before| &before.command));
        let Some(command) = command.filter(|command| !command.is_empty()) else {
            let unused = self.rounds.filter(|_| typed.is_none());
            return unused.map_or(Ok(None), |_| {
                Err(Error::usage("--rounds: there is no check").hint("--until 'cargo test' is one"))
            });
        };
        if command.trim().is_empty() || command.contains('\0') {
            return Err(not_a_command(name));
        }
        if name == "check" && self.rounds.is_some() {
            return Err(Error::usage("--rounds: a check of --check runs once").hint("--until has rounds"));
        }
        let before = before.map(|before| before.rounds).filter(|_| self.until.is_none());
        let rounds = match typed {
            Some(_) if name == "check" => 1,
            _ => self.rounds.or(before).unwrap_or(DEFAULT_ROUNDS),
        };
        Ok(Some(Until {
            command: command.clone(),
            rounds: self.at_most.and_then(|most| most.rounds).map_or(rounds, |most| rounds.min(most)).max(1),
            limit: config.get(&keys::CHECK_TIME)?,
            recheck: self.recheck,
        }))
    }

    /// Returns what makes the worktree of an agent ready: the typed setup, that of its last attempt, or the configured one.
    ///
    /// # Errors
    /// The setup is not a command (2), or a value in git config is invalid or not approved (3).
    pub fn preparation(&self, config: &Config<'_>, before: Option<&Preparation>) -> Result<Preparation> {
        let command = match (&self.setup, before) {
            _ if self.no_setup => None,
            (Some(typed), _) if typed.trim().is_empty() || typed.contains('\0') => {
                return Err(Error::usage("--setup: this is not a command").hint("--setup 'npm ci'"));
            }
            (Some(typed), _) => Some(typed.clone()),
            (None, Some(before)) => before.setup.as_ref().map(|setup| setup.command.clone()),
            (None, None) => config.get(&keys::SETUP)?,
        };
        let limit = config.get(&keys::SETUP_TIME)?;
        Ok(Preparation {
            include: config.all(&keys::INCLUDE),
            max_include: config.get(&keys::MAX_INCLUDE)?,
            disposable: config.get(&keys::DISPOSABLE_DIRS)?,
            submodules: config.get(&keys::SUBMODULES)? && !self.foreign_files,
            copies_nothing: self.foreign_files || before.is_some_and(|before| before.copies_nothing),
            removes_builds: config.get(&keys::REMOVE_BUILDS)? == keys::RemoveBuilds::Ended,
            lfs_pointers: config.get(&keys::LFS_POINTERS)?,
            setup: command.map(|command| Setup { command, limit }),
            port: before.and_then(|before| before.port),
            temporary: before.and_then(|before| before.temporary.clone()),
        })
    }

    /// Returns the sandbox of an agent: the typed one, or else the stricter one of its last attempt and of the configuration. What
    /// enforces it is decided for each attempt.
    ///
    /// # Errors
    /// A value in git config is invalid, or this machine cannot make the sandbox (3).
    pub fn sandbox(&self, config: &Config<'_>, before: Option<SandboxLevel>) -> Result<ChosenSandbox> {
        let level = match self.sandbox {
            Some(typed) => typed,
            None => config.sandbox()?.max(before.unwrap_or_default()),
        };
        if level.is_some() {
            config.folders(&keys::ADD_DIR)?;
        }
        if level.has_network_rules() {
            config.valid(&keys::SANDBOX_HOST)?;
        }
        let wanted = config.get(&keys::SANDBOX_ENGINE)?;
        let engine = sandbox::choose(config.environment(), level, wanted)?;
        Ok(ChosenSandbox { level, engine })
    }

    /// Checks that additional folders exist, because a program may silently ignore a missing one.
    ///
    /// # Errors
    /// A folder does not exist (2).
    pub fn check(&self) -> Result<()> {
        match self.options.add_dirs.iter().find(|dir| !dir.is_dir()) {
            Some(dir) => Err(Error::usage(format!("--add-dir: no folder '{}'", dir.display()))),
            None => Ok(()),
        }
    }
}

/// Returns the default idle timeout of a program. A program without a structured protocol may be silent while it works, so it has a
/// timeout only if the user sets one.
fn idle_timeout(config: &Config<'_>, launch: &Launch) -> Result<Option<Duration>> {
    let unless = launch.protocol.is_structured().then(|| keys::IDLE_TIMEOUT.default());
    Ok(config.get_if_set(&keys::IDLE_TIMEOUT)?.or(unless))
}

/// Parses an amount of US dollars, such as `5` or `2.50`, into millionths.
pub fn budget(text: &str) -> Option<u64> {
    Cost::parse(text).map(Cost::micros)
}

/// Parses a number of tokens, such as `500000`, `500k` or `2m`.
pub fn tokens(text: &str) -> Option<u64> {
    cap::parse_tokens(text)
}

/// Parses a time for `--idle-timeout`; 0 means no limit.
pub fn idle_time(text: &str) -> Option<Duration> {
    if text.trim() == "0" { Some(Duration::ZERO) } else { duration::parse(text) }
}

fn not_a_command(option: &str) -> Error {
    Error::usage(format!("--{option}: this is not a command")).hint(format!("--{option} 'cargo test'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_money() {
        for (text, micros) in [
            ("5", Some(5_000_000)),
            ("2.50", Some(2_500_000)),
            (".25", Some(250_000)),
            ("0.000001", Some(1)),
            ("0", None),
            ("", None),
            (".", None),
            ("-1", None),
            ("1.0000001", None),
            ("1e9", None),
            ("99999999999999", None),
        ] {
            assert_eq!(budget(text), micros, "{text}");
        }
    }
}
