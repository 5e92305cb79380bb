//! The `orchestra.*` keys of git config, in one table that also makes the documentation.

mod keys;

use std::{path::PathBuf, time::Duration};

use self::keys::{
    AGENT, ALLOWED_CLI, AUTO_SYNC, BRANCH_PREFIX, BUILD, CHECK_TIME, DERIVED, GRACE, IDLE, JOBS, LABEL,
    LIMIT_WAIT, MAX_FILE, MAX_OUTPUT, MAX_TIME, MERGE_TIMEOUT, MIN_FREE, ON_PROMPT, PERMISSION, READS,
    RETRIES, RETRY_DELAY, REVIEW_ALLOW, REVIEW_MODEL, REVIEW_TEST, STDIN, TEST, TRASH_TIME, WORKTREES,
};
pub use self::keys::{KEYS, Key};
use crate::{
    Code, Error, Result,
    git::{Repo, refs},
    model::{OnPrompt, Permission},
};

/// Longest beginning of branch names, in bytes: the name of a file may have 255.
const LONGEST_PREFIX: usize = 200;

/// Typed reading of the keys.
pub struct Config<'repo> {
    repo: &'repo Repo,
}

impl<'repo> Config<'repo> {
    /// The user's settings for this repository.
    pub const fn of(repo: &'repo Repo) -> Self {
        Self { repo }
    }

    fn text(&self, key: Key) -> String {
        self.repo.config(key.name).filter(|value| !value.is_empty()).unwrap_or_else(|| key.default.to_owned())
    }

    /// How many agents run at once.
    ///
    /// # Errors
    /// The value is no number from 1 to 1000.
    pub fn jobs(&self) -> Result<u32> {
        let text = self.text(JOBS);
        let jobs = text.parse().ok().filter(|jobs| (1..=1000).contains(jobs));
        jobs.ok_or_else(|| bad(JOBS, &text, "a number from 1 to 1000"))
    }

    /// The agent that spawn starts.
    pub fn agent(&self) -> String {
        self.text(AGENT)
    }

    /// The command of a user's own agent.
    pub fn agent_command(&self, name: &str) -> Option<String> {
        self.repo.config(&format!("orchestra.agent.{name}.command")).filter(|value| !value.trim().is_empty())
    }

    /// Whether the standard input of a user's own agent is held open.
    ///
    /// # Errors
    /// The value is neither `held` nor `closed`.
    pub fn agent_stdin_held(&self, name: &str) -> Result<bool> {
        match self.repo.config(&format!("orchestra.agent.{name}.stdin")).as_deref() {
            None | Some("closed" | "") => Ok(false),
            Some("held") => Ok(true),
            Some(other) => Err(bad(STDIN, other, "'held' or 'closed'")),
        }
    }

    /// Whether a user's own agent reads its task as words and never runs it.
    ///
    /// # Errors
    /// The value is neither `prose` nor `script`.
    pub fn agent_reads_prose(&self, name: &str) -> Result<bool> {
        match self.repo.config(&format!("orchestra.agent.{name}.reads")).as_deref() {
            None | Some("script" | "") => Ok(false),
            Some("prose") => Ok(true),
            Some(other) => Err(bad(READS, other, "'prose' or 'script'")),
        }
    }

    /// Where the program of a known agent lies, if the user says so.
    pub fn agent_program(&self, name: &str) -> Option<String> {
        self.repo.config(&format!("orchestra.agent.{name}.program")).filter(|value| !value.trim().is_empty())
    }

    /// What a coding agent may do without asking.
    ///
    /// # Errors
    /// The value is no such word, or allows everything: that is typed each time, never set once.
    pub fn permission(&self) -> Result<Permission> {
        let text = self.text(PERMISSION);
        match Permission::parse(&text) {
            Some(Permission::BypassPermissions) => Err(Error::new(
                Code::ConfigInvalid,
                "git config 'orchestra.permission' allows everything, once and for all",
            )
            .hint("git config orchestra.permission acceptEdits")
            .hint("type --permission bypassPermissions for the agents that should have it")),
            Some(permission) => Ok(permission),
            None => Err(bad(PERMISSION, &text, "plan, default, dontAsk or acceptEdits")),
        }
    }

    /// What happens when an agent asks, if the user says so.
    ///
    /// # Errors
    /// The value is no such word.
    pub fn on_prompt(&self) -> Result<Option<OnPrompt>> {
        let text = self.text(ON_PROMPT);
        if text.is_empty() {
            return Ok(None);
        }
        OnPrompt::parse(&text).map(Some).ok_or_else(|| bad(ON_PROMPT, &text, "deny, ask or fail"))
    }

    /// Programs that a coding agent may run without asking.
    pub fn allowed_programs(&self) -> Vec<String> {
        let text = self.text(ALLOWED_CLI);
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }

    /// How long an agent may give no sign of life; `None` where the user does not say.
    ///
    /// # Errors
    /// The value is no duration.
    pub fn idle_timeout(&self) -> Result<Option<Duration>> {
        if self.repo.config(IDLE.name).is_none() {
            return Ok(None);
        }
        self.duration(IDLE).map(Some)
    }

    /// How often an agent is started anew after a failure that may pass.
    ///
    /// # Errors
    /// The value is no number from 0 to 100.
    pub fn retries(&self) -> Result<u32> {
        let text = self.text(RETRIES);
        let retries = text.parse().ok().filter(|retries| (0..=100).contains(retries));
        retries.ok_or_else(|| bad(RETRIES, &text, "a number from 0 to 100"))
    }

    /// How long to wait before the first retry.
    ///
    /// # Errors
    /// The value is no duration.
    pub fn retry_delay(&self) -> Result<Duration> {
        self.duration(RETRY_DELAY)
    }

    /// How long an agent waits for the end of a usage limit.
    ///
    /// # Errors
    /// The value is no duration.
    pub fn limit_wait(&self) -> Result<Duration> {
        self.duration(LIMIT_WAIT)
    }

    /// The command that builds.
    pub fn build(&self) -> Option<String> {
        Some(self.text(BUILD)).filter(|command| !command.trim().is_empty())
    }

    /// The command that tests.
    pub fn test(&self) -> Option<String> {
        Some(self.text(TEST)).filter(|command| !command.trim().is_empty())
    }

    /// The command that tests what an agent reviews.
    pub fn review_test(&self) -> Option<String> {
        Some(self.text(REVIEW_TEST)).filter(|command| !command.trim().is_empty()).or_else(|| self.test())
    }

    /// What a reviewing agent may use without asking.
    pub fn review_allow(&self) -> Vec<String> {
        let text = self.text(REVIEW_ALLOW);
        text.split(',').map(str::trim).filter(|tool| !tool.is_empty()).map(str::to_owned).collect()
    }

    /// The model of a reviewing agent, if the user wants a certain one.
    pub fn review_model(&self) -> Option<String> {
        Some(self.text(REVIEW_MODEL)).filter(|model| !model.trim().is_empty())
    }

    /// The longest that one of them may take.
    ///
    /// # Errors
    /// The value is no duration.
    pub fn check_time(&self) -> Result<Duration> {
        self.duration(CHECK_TIME)
    }

    /// How long git may take for one merge.
    ///
    /// # Errors
    /// The value is no duration.
    pub fn merge_timeout(&self) -> Result<Duration> {
        self.duration(MERGE_TIMEOUT)
    }

    /// The names of the user's own agents.
    pub fn agents(&self) -> Vec<String> {
        let names = self.repo.config_sections("orchestra");
        let mut names: Vec<String> = names
            .iter()
            .filter_map(|name| name.strip_prefix("agent."))
            .filter(|name| self.agent_command(name).is_some())
            .map(str::to_owned)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What other clones call this one.
    pub fn label(&self) -> Option<String> {
        Some(self.text(LABEL)).filter(|label| !label.trim().is_empty())
    }

    /// How often supervisors sync unasked, if they do.
    ///
    /// # Errors
    /// The value is no duration.
    pub fn auto_sync(&self) -> Result<Option<Duration>> {
        if self.text(AUTO_SYNC).is_empty() { Ok(None) } else { self.duration(AUTO_SYNC).map(Some) }
    }

    /// What agents' branches begin with.
    ///
    /// # Errors
    /// Git would not make a branch whose name begins so.
    pub fn branch_prefix(&self) -> Result<String> {
        let text = self.text(BRANCH_PREFIX);
        if is_branch_prefix(&text) {
            Ok(text)
        } else {
            Err(bad(BRANCH_PREFIX, &text, "what git allows the name of a branch to begin with"))
        }
    }

    /// As [`Config::branch_prefix`], for who only looks: the default where the value is wrong.
    pub fn branch_prefix_or_default(&self) -> String {
        self.branch_prefix().unwrap_or_else(|_| BRANCH_PREFIX.default.to_owned())
    }

    /// The folder for worktrees, if the user chose one, `~` spelled out.
    ///
    /// # Errors
    /// The value is not a path, such as one in the home of a user who does not exist.
    pub fn worktrees(&self) -> Result<Option<PathBuf>> {
        self.repo.path_setting(WORKTREES.name).map_err(|why| self.bad_worktrees("not a path").because(why))
    }

    /// An error about the value of `orchestra.worktrees`, which `why` completes as a sentence.
    pub fn bad_worktrees(&self, why: &str) -> Error {
        let shown = crate::model::text::safe(&self.text(WORKTREES)).into_owned();
        Error::new(Code::ConfigInvalid, format!("git config '{}' is '{shown}', {why}", WORKTREES.name))
            .hint(format!("git config {} ../another-folder", WORKTREES.name))
    }

    /// The longest an agent may run.
    ///
    /// # Errors
    /// The value is no duration.
    pub fn max_time(&self) -> Result<Duration> {
        self.duration(MAX_TIME)
    }

    /// How long a stopped agent may tidy up.
    ///
    /// # Errors
    /// The value is no duration.
    pub fn grace(&self) -> Result<Duration> {
        self.duration(GRACE)
    }

    /// The most output of one attempt, in bytes.
    ///
    /// # Errors
    /// The value is no size.
    pub fn max_output(&self) -> Result<u64> {
        self.size(MAX_OUTPUT)
    }

    /// The largest file that is taken, in bytes.
    ///
    /// # Errors
    /// The value is no size.
    pub fn max_file(&self) -> Result<u64> {
        self.size(MAX_FILE)
    }

    /// Free disk space below which no agent is started, in bytes.
    ///
    /// # Errors
    /// The value is no size.
    pub fn min_free(&self) -> Result<u64> {
        self.size(MIN_FREE)
    }

    /// Names of folders whose content can be made again.
    pub fn derived(&self) -> Vec<String> {
        let text = self.text(DERIVED);
        let names = text.split(',').map(|name| name.trim().trim_end_matches('/'));
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// How long operations can be taken back.
    ///
    /// # Errors
    /// The value is no duration.
    pub fn trash_time(&self) -> Result<Duration> {
        self.duration(TRASH_TIME)
    }

    fn duration(&self, key: Key) -> Result<Duration> {
        let text = self.text(key);
        duration(&text).ok_or_else(|| bad(key, &text, "a duration such as '90s', '5m' or '1h 30m'"))
    }

    fn size(&self, key: Key) -> Result<u64> {
        let text = self.text(key);
        size(&text).ok_or_else(|| bad(key, &text, "a size such as '500k', '100m' or '2g'"))
    }
}

/// Whether git takes branches that begin so. `refs/heads/` at the beginning would be a part of their names.
fn is_branch_prefix(text: &str) -> bool {
    text.len() <= LONGEST_PREFIX
        && !text.starts_with("refs/")
        && refs::is_branch_name(&format!("{text}agent-00000"))
}

fn bad(key: Key, value: &str, wanted: &str) -> Error {
    let shown = crate::model::text::safe(value);
    Error::new(Code::ConfigInvalid, format!("git config '{}' is '{shown}', not {wanted}", key.name))
        .hint(format!("git config {} {}", key.name, if key.default.is_empty() { "…" } else { key.default }))
}

/// Reads `90s`, `5m`, `1h 30m`, `7d`, or a bare number of seconds. Zero, less and more than a year are none.
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let days = text.strip_suffix('d').and_then(|days| days.trim().parse::<u64>().ok());
    let seconds = match text.parse::<u64>() {
        _ if days.is_some() => days?.checked_mul(24 * 3600)?,
        Ok(seconds) => seconds,
        Err(_) => u64::try_from(text.parse::<jiff::SignedDuration>().ok()?.as_secs()).ok()?,
    };
    (1..=366 * 24 * 3600).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// Reads a size as git does: `500k`, `100m`, `2g`, or bytes.
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (digits, unit) = match text.strip_suffix(['k', 'm', 'g']) {
        Some(digits) => (digits, text.as_bytes()[text.len() - 1]),
        None => (text.as_str(), b' '),
    };
    let factor = match unit {
        b'k' => 1 << 10,
        b'm' => 1 << 20,
        b'g' => 1 << 30,
        _ => 1,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_of_branch_names() {
        for prefix in ["orchestra/", "x", "a/b/", "@/", "ünï/", "HEAD"] {
            assert!(is_branch_prefix(prefix), "{prefix}");
        }
        let long = "x".repeat(LONGEST_PREFIX + 1);
        for prefix in [
            "DOMAIN\\john.doe/",
            "with space/",
            "a..b/",
            "x.lock/",
            "/lead",
            "@{/",
            "tail//",
            "-dash/",
            ".dot/",
            "a/./",
            "~/",
            "a:b",
            "refs/heads/x/",
            "tab\t/",
            &long,
        ] {
            assert!(!is_branch_prefix(prefix), "{prefix}");
        }
    }

    #[test]
    fn durations_and_sizes() {
        for (text, seconds) in [
            ("90", Some(90)),
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("1h 30m", Some(5400)),
            ("1h30m", Some(5400)),
            ("7d", Some(7 * 86400)),
            ("99999999999999999d", None),
            ("0", None),
            ("-5s", None),
            ("soon", None),
            ("", None),
            ("9999999999999", None),
        ] {
            assert_eq!(duration(text).map(|d| d.as_secs()), seconds, "{text}");
        }
        for (text, bytes) in [
            ("1", Some(1)),
            ("2K", Some(2048)),
            ("1g", Some(1 << 30)),
            ("", None),
            ("1t", None),
            ("99999999999g", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }
}
