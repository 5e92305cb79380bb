//! Notices: what a person wants to be told while nobody looks. The commands of `orchestra.notify` are run by a process of their own in
//! the background, which outlives the supervisor or the command that has something to tell.
//!
//! A notice follows the event that it tells of, and is started by the process that wrote that event, after it: so there
//! is at most one notice of each event, also if supervisors are killed and agents resumed.

use std::{
    io::{Seek as _, Write as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::Stdio,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    config::{Config, keys},
    model::{AgentId, Phase, text, words::words},
    process,
    supervise::{ending::AttemptEnd, processes::NONCE},
    world::{Environment, ancestors::NOTICE},
};

/// What stands for the agent of a notice that is about none.
const NO_AGENT: &str = "-";
/// The most commands that are run for a notice.
const MAX_COMMANDS: usize = 8;
/// The maximum length of a reason, in characters and in columns.
const MAX_REASON: usize = 200;

words! {
    /// What a notice says.
    pub enum NoticeKind {
        /// An agent waits for an answer.
        Waits = "waits",
        /// An agent is paused by a usage limit or a cap.
        Paused = "paused",
        /// An agent is done.
        Done = "done",
        /// An agent failed.
        Failed = "failed",
        /// An agent ran too long, or was idle for too long.
        Timeout = "timeout",
        /// A run waits at a gate for a person's answer.
        RunGate = "run-gate",
        /// A run ended, and all of its tasks were done.
        RunDone = "run-done",
        /// A run ended, and some of its tasks were not done.
        RunPartial = "run-partial",
        /// A run ended, and it did none of its tasks.
        RunFailed = "run-failed",
        /// Everything that was to land is in the target.
        Landed = "landed",
        /// A landing ended, and something is not in the target.
        NotLanded = "not-landed",
    }
}

/// Something of which a person gets notice.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Notice {
    /// What happened.
    pub kind: NoticeKind,
    /// The agent that it is about, if it is about one.
    pub agent: Option<AgentId>,
    /// Why, on one line.
    pub reason: Option<String>,
    /// The JSON object for the commands; `None` for that of the agent.
    pub object: Option<Value>,
    /// The user's commands.
    pub commands: Vec<String>,
}

impl Notice {
    /// Makes a notice. The reason is put on one line, without control characters, and cut.
    pub fn new(kind: NoticeKind, commands: Vec<String>, reason: Option<&str>) -> Self {
        Self { kind, agent: None, reason: reason.and_then(one_line), object: None, commands }
    }

    /// Makes a notice about an agent.
    #[must_use]
    pub fn about(self, agent: &AgentId) -> Self {
        Self { agent: Some(agent.clone()), ..self }
    }

    /// Sets the object that the commands get.
    #[must_use]
    pub fn with_object(self, object: Value) -> Self {
        Self { object: Some(object), ..self }
    }
}

/// Returns the commands that the user wants to be run.
pub fn commands(config: &Config<'_>) -> Vec<String> {
    let all = config.all(&keys::NOTIFY).into_iter();
    all.filter(|command| !command.trim().is_empty()).take(MAX_COMMANDS).collect()
}

/// Returns the notice of the end of an attempt: there is none of what a person asked for.
pub fn of_end(end: &AttemptEnd, phase: Phase) -> Option<NoticeKind> {
    match phase {
        Phase::Done => Some(NoticeKind::Done),
        Phase::Failed => Some(NoticeKind::Failed),
        Phase::Timeout => Some(NoticeKind::Timeout),
        Phase::Paused if matches!(end, AttemptEnd::Limited(_) | AttemptEnd::Capped(_)) => {
            Some(NoticeKind::Paused)
        }
        _ => None,
    }
}

/// Starts the process that runs the commands of a notice, if there are any. A failure is not reported: what happened is recorded, and
/// must not be disturbed.
pub fn start(environment: &Environment, common_dir: &Path, notice: &Notice) {
    if notice.commands.is_empty() {
        return;
    }
    // A file without a name: it holds more than a pipe, and is gone with its reader.
    let Ok(mut file) = tempfile::tempfile() else { return };
    let written = serde_json::to_vec(notice).map_err(Into::into).and_then(|text| file.write_all(&text));
    if written.and_then(|()| file.rewind()).is_err() {
        return;
    }
    let mut command = process::background_command(environment, NOTICE.0);
    let agent = notice.agent.as_ref().map_or(NO_AGENT, AgentId::as_str);
    let quiet = command.stdin(Stdio::from(file)).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.arg(NOTICE.1).arg(common_dir).arg(agent);
    // Without the agent's mark, it is not ended with the agent.
    let _ = process::spawn(quiet.env_remove(NONCE).process_group(0));
}

fn one_line(reason: &str) -> Option<String> {
    let line: String = text::one_line(reason, MAX_REASON).chars().take(MAX_REASON).collect();
    Some(line).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Limit, LimitKind};

    #[test]
    fn a_reason_is_one_short_line() {
        for (reason, expected) in [(" exit code 1 ", Some("exit code 1")), ("", None), (" \n ", None)] {
            assert_eq!(one_line(reason).as_deref(), expected, "{reason:?}");
        }
        let hostile = format!("$(reboot)\n\u{1b}]0;x\u{7}\r{}", "e\u{301}".repeat(9000));
        let line = one_line(&hostile).expect("a line");
        assert!(line.chars().count() <= MAX_REASON && !line.contains(char::is_control), "{line:?}");
    }

    #[test]
    fn a_person_is_not_told_what_a_person_asked_for() {
        let limit = AttemptEnd::Limited(Limit::of(LimitKind::FiveHour));
        for (end, phase, expected) in [
            (AttemptEnd::Exit(0), Phase::Done, Some(NoticeKind::Done)),
            (AttemptEnd::Exit(1), Phase::Failed, Some(NoticeKind::Failed)),
            (AttemptEnd::Idle(9), Phase::Timeout, Some(NoticeKind::Timeout)),
            (limit, Phase::Paused, Some(NoticeKind::Paused)),
            (AttemptEnd::Paused(None), Phase::Paused, None),
            (AttemptEnd::Stopped(None), Phase::Stopped, None),
        ] {
            assert_eq!(of_end(&end, phase), expected, "{end:?}");
        }
    }
}
