//! `run --abort`: gives a run up. That is recorded first, so that no process drives it any more; then its agents are stopped, and their
//! work is kept.

use std::time::Duration;

use super::{Report, TaskRow, driver::Driver, started, taken};
use crate::{
    Error, Result,
    context::Context,
    landing::open_landings,
    lock::Lock,
    model::{
        RunKey,
        run::{Fact, RunPhase},
    },
    ops::{caller::Caller, stop},
    trust::AcceptedRepo,
};

/// How long to wait for the process that drives the run to notice that it was given up.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);
/// The reason that is recorded.
const REASON: &str = "given up by git orchestra run --abort";

/// Gives a run of this clone up. One that was stopped before is given up again: agents of it that still run are stopped.
///
/// # Errors
/// The run has ended otherwise (3), another clone drives it (4), or an agent does not end in time (124): the end of the run is recorded nevertheless.
pub(super) fn run(
    context: &Context,
    repo: &AcceptedRepo,
    key: &RunKey,
    show: &dyn Fn(&TaskRow),
) -> Result<Report> {
    let mut driver = Driver::reading(context, repo, key.clone(), show)?;
    let log = driver.find()?.log;
    taken::require_driving(&driver.key, &log, &driver.writer)?;
    let phase = log.run.phase;
    if phase.is_end() && phase != RunPhase::Stopped {
        return Err(Error::refused(format!("run '{key}' has ended: it is {phase}"))
            .hint("git orchestra undo undoes its landings"));
    }
    // Before anything is recorded: an agent gives up only what it began.
    let agents: Vec<_> = driver.find()?.rows.iter().filter_map(|row| row.agent.clone()).collect();
    let caller = Caller::of(repo);
    caller.check_directs(repo, &agents)?;
    if agents.is_empty() {
        caller.check_unlimited("give up a run")?;
    }
    if !phase.is_end() {
        let ended = Fact::Finished { phase: RunPhase::Stopped, reason: Some(REASON.to_owned()) };
        driver.append(&[ended])?;
    }
    let path = started::lock_file(repo, key)?;
    let lock = Lock::take(&path, context.at_most(NOTICED_WITHIN))?;
    if lock.is_none() {
        driver.warnings.push(format!(
            "another process still lands work of run '{key}'; it starts nothing more, and what it lands stays"
        ));
    }
    let found = driver.find()?;
    if !found.at_work.is_empty() {
        let request = stop::Request {
            agents: found.at_work.iter().map(ToString::to_string).collect(),
            reason: Some(format!("run {key} was given up")),
            ..stop::Request::default()
        };
        let again =
            |error: Error| error.hint_command(&[&"git", &"orchestra", &"run", &"--abort", &key.as_str()]);
        let stopped = stop::run(context, repo, &request).map_err(again)?;
        driver.warnings.extend(stopped.warnings);
        let failed = stopped
            .failed
            .iter()
            .map(|failed| format!("agent '{}' was not stopped: {}", failed.id, failed.error));
        driver.warnings.extend(failed);
    }
    if let Some(open) = open_landings::find(repo, &driver.started.into)? {
        let is_ours = found.rows.iter().filter_map(|row| row.agent.as_ref()).any(|id| open.uses(id, ""));
        if is_ours && lock.is_some() {
            driver.warnings.push(
                "a landing of the run is not finished: git orchestra merge-ranked --abort aborts it"
                    .to_owned(),
            );
        }
    }
    let found = driver.find()?;
    if lock.is_some() {
        // Nobody drives it any more.
        let _ = std::fs::remove_file(&path);
    }
    Ok(driver.report(found))
}
