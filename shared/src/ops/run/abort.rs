//! `run --abort`: gives a run up. That is recorded first, so that no process drives it any more; then its agents are stopped, and their
//! work is kept.

use std::time::Duration;

use super::{
    Report, TaskRow,
    driver::{Driver, Found},
    started, taken,
};
use crate::{
    Error, Result,
    context::Context,
    landing::open_landings::{self, OpenLanding},
    lock::Lock,
    model::{
        AgentId, RunKey, quote,
        run::{Fact, RunPhase},
    },
    ops::{
        caller::Caller,
        merge_ranked::{self, Mode},
        stop,
    },
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
    if lock.is_some() {
        settle_landing(context, repo, &mut driver, &found)?;
    }
    let found = driver.find()?;
    if lock.is_some() {
        // Nobody drives it any more.
        let _ = std::fs::remove_file(&path);
    }
    Ok(driver.report(found))
}

/// Finishes the landing of the run that its driver left after the target had moved, or else aborts it. One that also lands other work
/// belongs to the person who began it.
fn settle_landing(
    context: &Context,
    repo: &AcceptedRepo,
    driver: &mut Driver<'_>,
    found: &Found,
) -> Result<()> {
    let into = driver.started.into.clone();
    let ids: Vec<&AgentId> = found.rows.iter().filter_map(|row| row.agent.as_ref()).collect();
    let is_left = || -> Result<Option<OpenLanding>> {
        let open = open_landings::find(repo, &into)?;
        Ok(open.filter(|open| ids.iter().any(|id| open.uses(id, ""))))
    };
    if is_left()?.is_none() {
        return Ok(());
    }
    driver.warnings.extend(merge_ranked::finish_if_moved(repo)?);
    let Some(open) = is_left()? else { return Ok(()) };
    let abort = quote::command(&[&"git", &"orchestra", &"merge-ranked", &"--abort", &"--into", &into]);
    if !open.lands_only(&ids) {
        let what = "a landing of work of the run and of other work is not finished";
        driver.warnings.push(format!("{what}: {abort} aborts it"));
        return Ok(());
    }
    let request =
        merge_ranked::Request { mode: Mode::Abort, into: Some(into), ..merge_ranked::Request::default() };
    match merge_ranked::run(context, repo, &request) {
        Ok(report) => driver.warnings.extend(report.warnings),
        Err(error) => driver
            .warnings
            .push(format!("a landing of the run is not finished: {}: {abort} aborts it", error.one_line())),
    }
    Ok(())
}
