//! `run --take`: drives a run here that another clone drove, because that clone is gone.
//!
//! The taking is an event with the next epoch: of two clones that take a run at once, both find the same one in the log after sync, and the
//! other notices before it lands anything more. If a remote knows the run, it accepts only the first of them. What ran elsewhere is no
//! command here: the check, the profiles and the number of agents are those of this clone.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Report, Request, TaskRow, agents, check_settings, check_tasks,
    driver::Driver,
    logged::{LoggedRun, unreadable},
    refuse_red_target, require_check, reviewing, rows,
    started::StartedRun,
    undone,
};
use crate::{
    Code, Error, Result,
    config::{Config, keys::LABEL},
    context::Context,
    git::{Oid, Repo},
    landing::branches,
    model::{
        Agent, AgentId, RunKey,
        run::{
            DrivingClone, Fact, Fold, Run, RunPhase, TaskOutcome,
            drive::{Driving, RunOptions},
        },
    },
    ops::{decide, gate_object::RunClone, pr::place, resume::takeover},
    plan::TaskId,
    store::{self, chain::Chain, layout, writer},
    trust::AcceptedRepo,
    world::Timestamp,
};

/// A clone of which something was heard in this time may still drive the run: then a person has to agree.
const HEARD_RECENTLY: Duration = Duration::from_secs(15 * 60);

/// What taking a run over means, before it is done.
#[derive(Clone, Debug)]
pub struct Takeover {
    /// The run.
    pub run: RunKey,
    /// Its purpose, in a few words.
    pub title: String,
    /// The clone that drives it, as far as is known here.
    pub driver: DrivingClone,
    /// The time of the newest event of that clone that this one received, about the run or about its agents.
    pub heard_at: Timestamp,
    /// Whether that is so short ago that the clone may still drive it.
    pub is_recent: bool,
    /// The target branch.
    pub into: String,
    /// Its tasks, with the ends that hold.
    pub tasks: Vec<TaskRow>,
    /// The tasks whose work landed there and is not in the branch of this clone: it lands again, or they start again.
    pub reopened: Vec<TaskId>,
    /// The agents that had not ended there, as far as is known here: they continue from what was synced.
    pub continued: Vec<AgentId>,
}

/// Everything that is read before a run is taken.
struct Found {
    started: StartedRun,
    takeover: Takeover,
    tip: Option<Oid>,
}

/// Returns what taking a run over would mean.
///
/// # Errors
/// There is no such run, it has ended, this clone drives it, or what it needs is not in this clone (3).
pub fn look(repo: &AcceptedRepo, request: &Request) -> Result<Takeover> {
    Ok(read(repo, request)?.takeover)
}

/// Takes a run over, and drives it.
///
/// # Errors
/// Those of [`look`]. Something was heard of the other clone shortly before, and nobody agreed (3). Another clone took the run first (4).
/// Those of driving a run.
pub(super) fn run(
    context: &Context,
    repo: &AcceptedRepo,
    request: &Request,
    show: &dyn Fn(&TaskRow),
) -> Result<Report> {
    let Found { started, takeover, tip } = read(repo, request)?;
    if request.dry_run {
        let (run, driver) = (Some(takeover.run.to_string()), Some(RunClone::of(&takeover.driver, None)));
        let (into, tasks, gates, warnings) = (takeover.into, takeover.tasks, Vec::new(), Vec::new());
        let phase = RunPhase::Running;
        let publishes_to = None;
        return Ok(Report { run, into, phase, driver, tasks, gates, publishes_to, warnings, dry_run: true });
    }
    let key = takeover.run.clone();
    if takeover.is_recent && !request.yes {
        return Err(still_there(&takeover));
    }
    check_settings(repo)?;
    require_check(repo, request)?;
    let place = started.publish.then(|| place::look(context, repo, &started.into)).transpose()?;
    let open = |row: &&TaskRow| row.outcome.is_none() && row.agent.is_none();
    let unstarted = takeover.tasks.iter().filter(open).map(|row| row.id.clone()).collect();
    let mut warnings = check_tasks(context, repo, &StartedRun { tasks: unstarted, ..started.clone() })?;
    if !request.even_if_red {
        refuse_red_target(context, repo, &started)?;
    }
    context.check()?;
    started.adopt(repo, &key)?;
    let mut driver = Driver::open(context, repo, key.clone(), show)?;
    let driving = Driving {
        epoch: takeover.driver.epoch.saturating_add(1),
        label: Config::of(repo).get_or_default(&LABEL),
        reopened: takeover.reopened.iter().map(ToString::to_string).collect(),
    };
    let is_as_read = |fold: &Fold| fold.driver.as_ref() == Some(&takeover.driver) && !fold.run.phase.is_end();
    let after =
        store::append_if(repo, &key, |fold| is_as_read(fold).then(|| vec![Fact::Driving(driving.clone())]))?;
    if !after.is_driven_by(&driver.writer) {
        return Err(super::taken::error(&key, &after));
    }
    if let Some(before) = tip {
        warnings.extend(claim(context, repo, &key, before)?);
    }
    driver.warnings.extend(warnings);
    driver.place = place;
    driver.drive()
}

/// Tells the remotes that know the run. Each accepts only the first clone that takes it.
fn claim(context: &Context, repo: &Repo, key: &RunKey, before: Oid) -> Result<Option<String>> {
    let log = takeover::Claim {
        name: layout::subject_ref(key),
        shown: format!("run {key}"),
        both: "if another clone takes it too, sync decides which one drives it".to_owned(),
        again: format!("git orchestra sync, then git orchestra run --take {key}"),
    };
    takeover::claim_log(context, repo, &log, before)
}

fn still_there(takeover: &Takeover) -> Error {
    let what = format!(
        "{} may still drive run '{}': this clone heard of it less than {} minutes ago",
        takeover.driver.name(),
        takeover.run,
        HEARD_RECENTLY.as_secs() / 60
    );
    Error::new(Code::ConfirmationNeeded, what)
        .hint(format!("git orchestra run --take {} --yes takes it, if that clone is gone", takeover.run))
        .hint("git orchestra sync receives what it did meanwhile")
}

fn read(repo: &AcceptedRepo, request: &Request) -> Result<Found> {
    let own = writer::writer(repo)?;
    let key = find(repo, request.take.as_deref().unwrap_or_default())?;
    let tip = repo.find_ref(&layout::subject_ref(&key))?;
    let chain = Chain::<Run>::of(repo, &key)?;
    let log = chain.fold();
    let phase = log.run.phase;
    if phase.is_end() {
        return Err(Error::refused(format!("run '{key}' has ended: it is {phase}"))
            .hint("git orchestra run PLAN begins another"));
    }
    let Some(driving) = log.driver.clone() else { return Err(unreadable(&key)) };
    if driving.writer == own && StartedRun::is_here(repo, &key)? {
        return Err(Error::refused(format!("this clone drives run '{key}'")).hint_command(&[
            &"git",
            &"orchestra",
            &"run",
            &"--continue",
            &key.as_str(),
        ]));
    }
    let started = started_run(repo, request, &key, &chain)?;
    let mut tasks = rows(&started.plan()?, &started.tasks);
    if tasks.len() != started.tasks.len() {
        return Err(unreadable(&key));
    }
    let agents = agents::of_run(repo, &key, started.tasks.len())?;
    let reopened = reopened(repo, &started.into, &log, &tasks, &agents.tasks)?;
    let mut heard_at = last_event(&chain, &driving);
    let mut continued = Vec::new();
    for (place, (id, agent)) in &agents.tasks {
        if agent.writer == driving.writer {
            let at = repo.find_ref(&layout::agent_ref(id))?.map(|tip| repo.commit_time(tip));
            heard_at = heard_at.max(at.and_then(|at| Timestamp::from_second(at).ok()).unwrap_or_default());
            if !agent.phase.is_at_rest() {
                continued.push(id.clone());
            }
        }
        if let Some(row) = tasks.get_mut(*place) {
            row.agent = Some(id.clone());
        }
    }
    for row in &mut tasks {
        let end = log.tasks.iter().find(|end| end.task == row.id.as_str() && !reopened.contains(&row.id));
        row.outcome = end.map(|end| end.outcome());
        row.reason = end.and_then(|end| end.reason.clone());
    }
    let recently = repo.now().checked_sub(HEARD_RECENTLY).unwrap_or_default();
    let takeover = Takeover {
        title: log.run.title,
        is_recent: driving.writer != own && heard_at > recently,
        driver: driving,
        heard_at,
        into: started.into.clone(),
        tasks,
        reopened,
        continued,
        run: key,
    };
    Ok(Found { started, takeover, tip })
}

/// Finds the run that was named, by its id or a unique prefix, or the newest one that another clone drives and that has not ended.
fn find(repo: &Repo, typed: &str) -> Result<RunKey> {
    if !typed.is_empty() {
        return decide::find(repo, typed);
    }
    let own = writer::writer(repo)?;
    let is_elsewhere = |key: &RunKey| {
        let fold = Chain::<Run>::of(repo, key).map(|chain| chain.fold());
        fold.is_ok_and(|fold| fold.created && !fold.run.phase.is_end() && !fold.is_driven_by(&own))
    };
    decide::keys(repo)?.into_iter().rev().find(is_elsewhere).ok_or_else(|| {
        Error::new(Code::RunUnknown, "no unfinished run of another clone is known here")
            .hint("git orchestra sync receives the runs of other clones")
    })
}

/// Reads the plan and the options of a run from its log. What this clone must decide itself comes from the request.
fn started_run(
    repo: &AcceptedRepo,
    request: &Request,
    key: &RunKey,
    chain: &Chain<Run>,
) -> Result<StartedRun> {
    let logged = LoggedRun::read(repo, key, chain)?;
    let RunOptions { into, sequential, confirm, yolo, strict, reviewed, publish, list, .. } = logged.options;
    let by = reviewed.then(String::new);
    let into = branches::target(repo, Some(request.into.as_deref().unwrap_or(&into)))?.branch;
    Ok(StartedRun {
        plan: logged.plan,
        title: logged.title,
        into,
        check: request.check.clone(),
        agent: request.agent.clone(),
        jobs: request.jobs,
        sequential,
        confirm,
        yolo,
        strict,
        publish,
        list,
        review: reviewing(repo, request, by.as_ref())?,
        tasks: logged.tasks,
    })
}

/// Returns the tasks that landed where the run was driven before, and whose work is not in the branch of this clone.
fn reopened(
    repo: &Repo,
    into: &str,
    log: &Fold,
    rows: &[TaskRow],
    agents: &BTreeMap<usize, (AgentId, Agent)>,
) -> Result<Vec<TaskId>> {
    let tip = repo.find_ref(&layout::branch_ref(into))?;
    let landed = undone::landed(log, rows, agents);
    let mut reopened = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let end = log.tasks.iter().find(|end| end.task == row.id.as_str());
        if end.is_none_or(|end| end.outcome() != TaskOutcome::Landed) {
            continue;
        }
        let heads = landed.iter().find(|(at, _)| *at == place).map(|(_, heads)| heads.as_slice());
        let mut is_here = false;
        for head in heads.unwrap_or_default().iter().filter(|head| repo.has_commit(**head)) {
            is_here |= tip.is_some_and(|tip| repo.contains(tip, *head).unwrap_or(false));
        }
        if !is_here {
            reopened.push(row.id.clone());
        }
    }
    Ok(reopened)
}

/// Returns the time of the newest event of the clone that drives the run.
fn last_event(chain: &Chain<Run>, driving: &DrivingClone) -> Timestamp {
    let of_driver = chain.events.iter().filter(|event| event.writer == driving.writer);
    of_driver.map(|event| event.at).max().unwrap_or(driving.since)
}
