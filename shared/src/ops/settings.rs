//! How agents shall run, as `spawn` and `resume` are told: what is typed, then what was said before, then git config.

use std::time::Duration;

use crate::{
    Error, Result,
    config::{self, Config},
    profile::Launch,
    supervise::spec::Limits,
};

pub use crate::profile::Options;

/// Where a coding agent is watched for signs of life without anybody having said how long.
const IDLE: Duration = Duration::from_secs(300);

/// What is typed. Nothing has to be.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What is asked of the coding agent.
    pub options: Options,
    /// How many run at once.
    pub jobs: Option<u32>,
    /// The longest each may run.
    pub max_time: Option<Duration>,
    /// The longest each may give no sign of life.
    pub idle_timeout: Option<Duration>,
    /// How often each goes on after a failure that may pass.
    pub retries: Option<u32>,
    /// The wait before the first retry.
    pub retry_delay: Option<Duration>,
}

impl Settings {
    /// What an agent may use, started so.
    ///
    /// # Errors
    /// A value in git config is wrong (3).
    pub fn limits(&self, config: &Config<'_>, launch: &Launch, before: Option<&Limits>) -> Result<Limits> {
        let or = |typed: Option<Duration>, before: Option<u64>, config: &dyn Fn() -> Result<Duration>| match (
            typed, before,
        ) {
            (Some(typed), _) => Ok(typed.as_secs()),
            (None, Some(before)) => Ok(before),
            (None, None) => config().map(|time| time.as_secs()),
        };
        // A program that says nothing while it works may well be at work.
        let watched = launch.speech.is_understood();
        let idle = || {
            let unless = if watched { IDLE } else { Duration::ZERO };
            config.idle_timeout().map(|said| said.unwrap_or(unless))
        };
        Ok(Limits {
            max_time: or(self.max_time, before.map(|l| l.max_time), &|| config.max_time())?,
            idle: or(self.idle_timeout, before.map(|l| l.idle), &idle)?,
            retries: match (self.retries, before) {
                (Some(typed), _) => typed,
                (None, Some(before)) => before.retries,
                (None, None) => config.retries()?,
            },
            retry_delay: or(self.retry_delay, before.map(|l| l.retry_delay), &|| config.retry_delay())?,
            grace: config.grace()?.as_secs(),
            max_output: config.max_output()?,
            max_file: config.max_file()?,
            limit_wait: config.limit_wait()?.as_secs(),
            sync_every: config.auto_sync()?.map_or(0, |every| every.as_secs()),
        })
    }

    /// How many run at once; `before` is what held for the agent when it ran last.
    ///
    /// # Errors
    /// The value in git config is wrong (3).
    pub fn jobs(&self, config: &Config<'_>, before: Option<u32>) -> Result<u32> {
        self.jobs.or(before).map_or_else(|| config.jobs(), Ok)
    }

    /// Folders must be there: a program would pass over one that is not.
    ///
    /// # Errors
    /// One is not there (2).
    pub fn check(&self) -> Result<()> {
        match self.options.add_dirs.iter().find(|dir| !dir.is_dir()) {
            Some(dir) => Err(Error::usage(format!("--add-dir: no folder '{}'", dir.display()))),
            None => Ok(()),
        }
    }
}

/// Reads an amount of US dollars, such as `5` or `2.50`, into millionths.
pub fn budget(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && part.is_empty() || part.len() > 6 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u64 = format!("{part:0<6}").parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(part).filter(|micros| (1..=1_000_000_000_000).contains(micros))
}

/// Reads a time for `--idle-timeout`; 0 watches for no sign of life.
pub fn idle_time(text: &str) -> Option<Duration> {
    if text.trim() == "0" { Some(Duration::ZERO) } else { config::duration(text) }
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
