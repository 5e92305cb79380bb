//! The first message of an attempt.

use super::Supervisor;
use crate::{Kind, Result, agents::Stdin, error::ErrorContext, git::careful};

/// What an attempt begins with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Opening {
    /// The task; in a conversation that was interrupted, also why, if that is known.
    Task(Option<String>),
    /// A report on the work of the attempt before, to continue from.
    Report(String),
}

impl Supervisor {
    /// Returns whether the program gets messages: its input is open, or it can be resumed with another prompt.
    pub(super) fn has_messages(&self) -> bool {
        self.spec.launch.stdin == Stdin::Talk || self.has_prompt()
    }

    /// Returns whether the program reads its messages when it starts, and only then.
    pub(super) fn has_prompt(&self) -> bool {
        self.spec.launch.stdin != Stdin::Talk && self.spec.launch.has_sessions()
    }

    /// Returns whether the program reads this opening. One that may run its task as a script gets no report.
    pub(super) fn reads(&self, opening: &Opening) -> bool {
        let is_composed = matches!(opening, Opening::Report(_)) || self.spec.team.is_some();
        self.has_messages() || is_composed && self.spec.launch.takes_prose()
    }

    /// Returns the first message of the attempt: the task, or in a known conversation a report, or the reason for the interruption and
    /// the task. `None` if it was not interrupted and there are messages to continue with.
    pub(super) fn opening(&self, opening: Opening, messages: &[String]) -> Result<Option<String>> {
        let known = self.session.as_ref().is_some_and(|(_, known)| *known);
        let why = match opening {
            Opening::Report(report) if known => return Ok(Some(report)),
            Opening::Report(report) => return Ok(Some(format!("{}\n\n{report}", self.task()?))),
            Opening::Task(why) => why,
        };
        // A program that may run what it reads gets only what was typed for it.
        let is_script = !self.spec.launch.takes_prose();
        if known && (why.is_none() || is_script) && !messages.is_empty() {
            return Ok(None);
        }
        let task = self.task()?;
        if !known || is_script {
            return Ok(Some(task));
        }
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        // The conversation may have been interrupted before it contained the task.
        Ok(Some(format!(
            "You were interrupted{why}. Look at the state of your worktree, then continue where you stopped. \
             Your task is still:\n\n{task}"
        )))
    }

    fn task(&self) -> Result<String> {
        let task =
            careful::read(self.dir.prompt()).context(Kind::External, || "cannot read the task".into())?;
        let task = String::from_utf8_lossy(&task).into_owned();
        if self.spec.team.is_some() { self.role_prompt(&task) } else { Ok(task) }
    }
}
