//! Changes of the options of a run that is continued: recorded in its log, then in the private file from which it is carried out.

use std::ffi::OsStr;

use super::{Request, check_tasks, driver::Driver, started::StartedRun, taken};
use crate::{
    Code, Error, Result,
    landing::{branches, check},
    model::{quote, run::Fact, text},
    store::layout,
};

impl Driver<'_> {
    /// Takes the check, the profile and the number of agents of the request for the rest of the run.
    ///
    /// # Errors
    /// The run has ended, or there is no such profile (3); the command is empty (2).
    pub(super) fn change(&mut self, request: &Request) -> Result<()> {
        let changed = StartedRun {
            check: request.check.clone().or_else(|| self.started.check.clone()),
            agent: request.agent.clone().or_else(|| self.started.agent.clone()),
            jobs: request.jobs.or(self.started.jobs),
            into: match request.into.as_deref() {
                Some(named) => branches::target(self.repo, Some(named))?.branch,
                None => self.started.into.clone(),
            },
            ..self.started.clone()
        };
        let Some(text) = change(&self.started, &changed) else { return Ok(()) };
        let found = self.find()?;
        taken::require_driving(&self.key, &found.log, &self.writer)?;
        let phase = found.log.run.phase;
        if phase.is_end() {
            return Err(Error::refused(format!("run '{}' has ended: it is {phase}", self.key))
                .hint("git orchestra run PLAN begins another"));
        }
        if let Some(command) = &request.check {
            check::check_command(command, "check")?;
        }
        let unstarted = found.rows.iter().filter(|row| row.agent.is_none() && row.outcome.is_none());
        let unstarted =
            StartedRun { tasks: unstarted.map(|row| row.id.clone()).collect(), ..changed.clone() };
        self.warnings.extend(check_tasks(self.context, self.repo, &unstarted)?);
        self.append(&[Fact::Note { text: Some(text) }])?;
        changed.replace(self.repo, &self.key)?;
        self.started = changed;
        Ok(())
    }

    /// Refuses to continue if the branch on which the work lands was renamed or deleted: the work of tasks that start now would be based
    /// on nothing.
    ///
    /// # Errors
    /// It is gone (3).
    pub(super) fn require_target(&self) -> Result<()> {
        let branch = layout::branch_ref(&self.started.into);
        if self.repo.find_ref(&branch)?.is_some() || self.find()?.log.run.phase.is_end() {
            return Ok(());
        }
        let key = self.key.as_str();
        let what =
            format!("the branch {} of run '{key}' no longer exists", text::one_line(&self.started.into, 100));
        let error = Error::new(Code::BranchGone, what);
        let command: [&dyn AsRef<OsStr>; 6] = [&"git", &"orchestra", &"run", &"--continue", &key, &"--into"];
        Err(match self.repo.renamed_branch(&branch)? {
            Some(new) => {
                let new = layout::branch_of(&new).unwrap_or(&new);
                let [a, b, c, d, e, f] = command;
                error
                    .because(format!("it was renamed to {}", text::one_line(new, 100)))
                    .hint_command(&[a, b, c, d, e, f, &new])
            }
            None => error.hint(format!("{} BRANCH lands on another one", quote::command(&command))),
        })
    }
}

/// Describes what changes in the options of a run; `None` if nothing does.
fn change(old: &StartedRun, new: &StartedRun) -> Option<String> {
    let jobs = |run: &StartedRun| run.jobs.map(|jobs| jobs.to_string());
    let rows = [
        ("--check", old.check.clone(), new.check.clone()),
        ("--agent", old.agent.clone(), new.agent.clone()),
        ("--jobs", jobs(old), jobs(new)),
        ("--into", Some(old.into.clone()), Some(new.into.clone())),
    ];
    let changed = rows.into_iter().filter(|(_, old, new)| old != new);
    let said: Vec<String> =
        changed.filter_map(|(name, _, new)| Some(format!("{name} {}", quote::word(&new?)))).collect();
    (!said.is_empty()).then(|| format!("continued with {}", said.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_recorded() {
        let old: StartedRun = serde_json::from_str(
            r#"{"plan":"","title":"","into":"main","check":"make test","agent":null,"jobs":2,"sequential":false,"tasks":[]}"#,
        )
        .unwrap();
        assert_eq!(change(&old, &old), None);
        let new = StartedRun { check: Some("make check".into()), jobs: Some(3), ..old.clone() };
        assert_eq!(change(&old, &new).as_deref(), Some("continued with --check 'make check' --jobs 3"));
    }
}
