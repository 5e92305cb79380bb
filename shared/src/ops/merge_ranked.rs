//! `merge-ranked`: lands many branches, those with the fewest conflicts first. Each step is built and tested; the target moves once,
//! at the end.
//!
//! A landing holds the lock of its target, and that of the journal only while it begins. Landings into other branches, reviews,
//! cleanups, and undos can run at the same time.

mod agent_repairer;
mod carry_out;
mod check_plan;
mod newer_commits;
mod on_target;
mod outcome;
mod prepare;
mod report;
mod rollback;
mod settled;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::agent_repairer::AgentRepairer;
pub(in crate::ops) use self::on_target::{FailsOnTarget, failing_at, failing_on_target};
pub use self::{
    check_plan::CheckPlan,
    outcome::{BranchOutcome, BranchRow},
    report::{Conclusion, Incomplete, Report},
};
pub use crate::landing::options::{OnConflict, OnFailure, Strategy};
use crate::{
    Code, Error, Kind, Result,
    config::{
        Config,
        keys::{REMOVE_BUILDS, RemoveBuilds},
    },
    context::{Context, interrupted},
    git::{Repo, version},
    landing::{
        LandingPlan, State,
        branches::{self, Branch},
        context::LandContext,
        finish, follow, gitlinks,
        open_landings::{self, OpenLanding},
        record,
        repairer::{RepairError, Repairer},
        state::BranchTip,
        steps,
        target_lock::{LockHolder, TargetLock},
        verify,
    },
    model::{Agent, AgentId, text, verdict::Verdict},
    ops::{
        agent_object::{DependencyObject, OtherWorkObject},
        caller::Caller,
        run_list,
    },
    store::{
        layout,
        operations::{self, Journal, OperationBody, Stage},
        verdicts::{self, TrustedWriters, VerdictMatch},
    },
    supervise::background,
    surroundings,
    trust::AcceptedRepo,
};

/// Whether a landing begins, is planned, resumed, or aborted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Begin a new landing.
    #[default]
    New,
    /// Show the plan, and change nothing.
    DryRun,
    /// Resume the landing that was interrupted or could not be finished.
    Continue,
    /// Abort the landing that was interrupted or could not be finished.
    Abort,
}

/// What to land, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Whether a landing begins, is planned, resumed, or aborted.
    pub mode: Mode,
    /// The branches, agents, or commits to land; if empty, the work of every agent that is done.
    pub branches: Vec<String>,
    /// The target branch; by default, the branch that is checked out, or the target of the only unfinished landing.
    pub into: Option<String>,
    /// How branches become part of the target.
    pub strategy: Strategy,
    /// What happens to a branch that conflicts.
    pub on_conflict: OnConflict,
    /// What happens to a branch that fails a check.
    pub on_failure: OnFailure,
    /// How often an agent may try to repair its branch.
    pub repairs: u32,
    /// Branches that land before the others, in this order.
    pub priority: Vec<String>,
    /// Whether only branches whose current work was approved may land.
    pub approved: bool,
    /// Whether branches land whatever their verdicts are: a person decided so.
    pub despite_verdict: bool,
    /// Whether the work of an agent lands with all that it started from, even with what the target lacks.
    #[serde(default)]
    pub with_base: bool,
    /// The build command; by default, the configured one.
    pub build: Option<String>,
    /// The test command; by default, the configured one.
    pub test: Option<String>,
    /// The time limit of each of these commands; by default, the configured one.
    #[serde(rename = "check_time_seconds", with = "crate::ops::seconds")]
    #[schemars(with = "Option<u64>")]
    pub check_time: Option<Duration>,
    /// Whether build and test run even for files for which they are known to pass.
    pub recheck: bool,
    /// Whether build and test run once for many branches, and search for the branch with which they fail.
    pub batch: bool,
    /// If there are any, only branches land that change nothing but what these pathspecs name, from the top of the repository.
    pub only: Vec<String>,
}

/// Plans, begins, continues, or aborts a landing.
///
/// # Errors
/// The request is invalid (2), there is no target or something blocks its move (3), or another landing on the target runs (4). A
/// landing that the user interrupts after its first step is not an error: the report states it, and the landing can be continued.
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    if request.mode != Mode::DryRun {
        Caller::of(repo).check_unlimited("land work")?;
    }
    let mut report = land(context, repo, request)?;
    if request.mode != Mode::DryRun && Config::of(repo).get_or_default(&REMOVE_BUILDS) != RemoveBuilds::Never
    {
        background::remove_builds(repo.environment(), &repo.common_dir()?);
    }
    let agents = report.order.iter().filter_map(|step| step.agent.clone());
    for id in agents.collect::<Vec<_>>() {
        let changes = surroundings::changes_of_agent(repo, &id)?;
        let around = surroundings::warnings(&changes);
        if !around.is_empty() {
            report.warnings.push(format!("while '{id}' ran: {}", surroundings::summary(&around)));
        }
    }
    Ok(report)
}

fn land(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    if request.mode == Mode::DryRun {
        return dry_run(context, repo, request);
    }
    repo.identity()?;
    version::require_supported_version(repo.environment(), &repo.common_dir()?)?;
    let into = match request.mode {
        Mode::Continue | Mode::Abort => target_of_open(repo, request)?,
        Mode::New | Mode::DryRun => branches::target(repo, request.into.as_deref())?.branch,
    };
    let _target = TargetLock::take(repo, &into, LockHolder::LANDING)?;
    let mut warnings = finish::recover(repo)?;
    let repairer = AgentRepairer { context, repo, into: &into };
    let is_accepted = || repo.confirm().is_ok();
    let around = LandContext { repairer: &repairer, context, is_accepted: &is_accepted };
    let mut report = match request.mode {
        Mode::Abort => abort(context, repo, &into, &repairer),
        Mode::Continue => continue_landing(repo, &into, around),
        Mode::New | Mode::DryRun => begin(repo, request, &into, around),
    }?;
    warnings.append(&mut report.warnings);
    Ok(Report { warnings, ..report })
}

fn dry_run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    let options = prepare::options(repo, request)?;
    let target = branches::target(repo, request.into.as_deref())?;
    let plan = prepare::plan(context, repo, target, &request.branches, &options)?;
    let mut warnings = newer_commits::warnings(repo, &request.branches)?;
    warnings.extend(gitlinks::warnings(repo, plan.target.tip, &plan.branches)?);
    warnings.extend(gitlinks::how_to_publish(repo, plan.target.tip, plan.set_aside())?);
    warnings.extend(plan.how_to_take_out(repo));
    warnings.extend(prepare::unchecked_warnings(&plan, &options));
    warnings.extend(other_work(repo, &plan));
    warnings.extend(stale_bases(repo, &plan));
    warnings.extend(untrusted_verdicts(repo, &plan));
    let settles = |first, branch| settled::settles(repo, &plan, &options, first, branch).unwrap_or(false);
    let report = Report::planned(&plan, &settles);
    let check_plan = CheckPlan::of(&options, &report.order, verify::side_by_side(repo));
    Ok(Report { warnings, dry_run: true, check_plan, ..report })
}

/// Warns about work of the agents that does not land with them, because two clones worked on them at once.
fn other_work(repo: &Repo, plan: &LandingPlan) -> Vec<String> {
    let agents = plan.branches.iter().filter_map(|branch| branch.agent.as_ref());
    agents.flat_map(|(id, agent)| OtherWorkObject::warnings(repo, id, agent)).collect()
}

/// Warns about work that was begun with another state of the work of other agents than the one that there is now.
fn stale_bases(repo: &Repo, plan: &LandingPlan) -> Vec<String> {
    let agents = plan.branches.iter().filter_map(|branch| branch.agent.as_ref());
    agents.filter_map(|(id, agent)| Some(format!("{id} {}", DependencyObject::stale(repo, agent)?))).collect()
}

/// Warns about verdicts against the work that do not count, since the user does not trust the clone that they are from.
fn untrusted_verdicts(repo: &Repo, plan: &LandingPlan) -> Vec<String> {
    let trusted = TrustedWriters::of(repo);
    let warning = |(id, agent): &(AgentId, Agent)| {
        let found = trusted.untrusted_verdict(agent).filter(|found| found.verdict != Verdict::Approve)?;
        let (_, holds) = verdicts::match_work(repo, agent, agent.head_commit()?, found.clone()).ok()?;
        (holds != VerdictMatch::Stale).then(|| {
            format!(
                "{id}: '{}' by clone {} does not count here; if you trust that clone: {}",
                found.verdict.as_str(),
                text::one_line(&found.writer, 40),
                verdicts::how_to_trust(&found.writer)
            )
        })
    };
    plan.branches.iter().filter_map(|branch| branch.agent.as_ref()).filter_map(warning).collect()
}

/// Returns the target of the unfinished landing to continue or abort.
fn target_of_open(repo: &Repo, request: &Request) -> Result<String> {
    let typed = request.into.as_deref().map(|name| layout::branch_of(name).unwrap_or(name));
    let open = open_landings::choose(repo, typed)?;
    match open.into {
        Some(into) => Ok(into),
        // Its record cannot be read; loading it returns the reason.
        None => Ok(State::load(repo, &Journal::open(repo, &open.operation.id)?)?.into),
    }
}

fn begin(repo: &AcceptedRepo, request: &Request, into: &str, around: LandContext<'_>) -> Result<Report> {
    if let Some(open) = open_landings::find(repo, into)? {
        return Err(Error::new(
            Code::LandingInProgress,
            format!("a landing is not finished: {}", open.operation.summary),
        )
        .hint("git orchestra merge-ranked --continue resumes it, --abort aborts it"));
    }
    let mut options = prepare::options(repo, request)?;
    let target = branches::target(repo, Some(into))?;
    let mut warnings = newer_commits::collect(around.context, repo, &request.branches)?;
    let planned = prepare::plan(around.context, repo, target, &request.branches, &options);
    let plan = match planned {
        // Git receives Ctrl-C as well, and may end by it before this process has heard of it.
        Err(error) if error.kind() == Kind::Interrupted => return Err(interrupted_while_planning()),
        _ if around.context.cancel.is_cancelled() => return Err(interrupted_while_planning()),
        planned => planned?,
    };
    let blocked = finish::blocked_now(repo, &plan.target.branch)?;
    warnings.extend(gitlinks::how_to_publish(repo, plan.target.tip, plan.set_aside())?);
    warnings.extend(plan.how_to_take_out(repo));
    if plan.branches.is_empty() {
        return Ok(Report { warnings, ..Report::nothing_to_land(&plan) });
    }
    warnings.extend(prepare::unchecked_warnings(&plan, &options));
    warnings.extend(other_work(repo, &plan));
    warnings.extend(stale_bases(repo, &plan));
    warnings.extend(untrusted_verdicts(repo, &plan));
    let skipped = plan.skipped.iter().map(|skipped| &skipped.branch);
    options.ticks = run_list::ticks(repo, into, plan.branches.iter());
    let tip = |branch: &Branch| BranchTip { name: branch.name.clone(), tip: branch.tip };
    let all = plan.branches.iter().chain(skipped).map(tip).collect();
    let state = State::new(&plan.target, options, all);
    let mut journal = begin_operation(around.context, repo, &plan, &state)?;
    let early =
        blocked.map(|blocked| format!("{}; the landing cannot finish before that is resolved", blocked.why));
    let mut report = carry_out::steps(repo, &plan, state, &mut journal, around)?;
    // The early warning is dropped if the landing finished after all.
    report.warnings.splice(0..0, warnings);
    report.warnings.extend(early.filter(|_| report.is_incomplete()));
    Ok(report)
}

fn interrupted_while_planning() -> Error {
    interrupted("interrupted before anything was changed")
}

/// Records the landing in the journal. From then on, cleanups keep the agents that it uses. Fails if one of them was removed while
/// the landing was planned.
fn begin_operation(context: &Context, repo: &Repo, plan: &LandingPlan, state: &State) -> Result<Journal> {
    let _journal = operations::lock_within(repo, context.at_most(context.limits().journal_lock))?;
    for (id, _) in plan.branches.iter().filter_map(|branch| branch.agent.as_ref()) {
        if repo.find_ref(&layout::agent_ref(id))?.is_none() {
            let why = format!("agent '{id}' was removed while its landing was planned");
            return Err(Error::new(Kind::Conflict, why).hint("git orchestra undo restores it"));
        }
    }
    let mut journal = Journal::new(repo, OperationBody::Landing(Vec::new()))?;
    state.save(repo, &mut journal)?;
    Ok(journal)
}

/// Opens the unfinished landing into `into`, whose lock the caller holds. Waits for a cleanup that began before that lock was taken;
/// later ones keep the agents of the landing.
fn reopen(context: &Context, repo: &Repo, into: &str) -> Result<(Journal, State)> {
    drop(operations::lock_within(repo, context.at_most(context.limits().journal_lock))?);
    let OpenLanding { operation, .. } =
        open_landings::find(repo, into)?.ok_or_else(open_landings::no_landing_error)?;
    let journal = Journal::open(repo, &operation.id)?;
    let state = State::load(repo, &journal)?;
    Ok((journal, state))
}

/// Resumes the unfinished landing, on top of the current target.
fn continue_landing(repo: &AcceptedRepo, into: &str, around: LandContext<'_>) -> Result<Report> {
    let (mut journal, state) = reopen(around.context, repo, into)?;
    if state.ready {
        let plan = prepare::rebuild_plan(repo, &state, state.base)?;
        return carry_out::finish(repo, &plan, state, &mut journal, around);
    }
    let now = branches::target(repo, Some(into))?.tip;
    let state = State { branches: prepare::current_tips(repo, &state), ..state };
    if now == state.base {
        let plan = prepare::rebuild_plan(repo, &state, state.base)?;
        return carry_out::steps(repo, &plan, state, &mut journal, around);
    }
    carry_out::replan(repo, state, now, &mut journal, around)
}

fn abort(context: &Context, repo: &Repo, into: &str, repairer: &dyn Repairer) -> Result<Report> {
    let (mut journal, state) = reopen(context, repo, into)?;
    steps::remove_leftovers(repo, &journal.operation.id)?;
    let mut followed = Vec::new();
    if carry_out::has_moved(repo, &state)? {
        carry_out::move_back(repo, &state)?;
        followed = follow::follow_branch(repo, &state.into, state.result, state.base);
    }
    let mut warnings = record::record_failures(repo, &state);
    warnings.extend(followed);
    if let Some(before) = &state.before_repair {
        match repairer.roll_back(before, "conflict not resolved: the landing was aborted") {
            Ok(()) => {}
            Err(RepairError::NotPossible(why)) => {
                warnings.push(format!("the repair by '{}' was not rolled back: {why}", before.agent));
            }
            Err(RepairError::Failed(error)) => return Err(error),
        }
    }
    let plan = prepare::rebuild_plan(repo, &state, state.base)?;
    journal.operation.stage = Stage::Aborted;
    journal.write(repo, &[state.base, state.result])?;
    Ok(Report { warnings, ..Report::incomplete(&plan, &state, &journal, Incomplete::Aborted) })
}

/// Finishes landings that were killed after their target had moved and before that was recorded. Returns warnings for the user.
///
/// # Errors
/// The record of a landing cannot be read or written.
pub(super) fn finish_if_moved(repo: &Repo) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for open in open_landings::all(repo)? {
        let Some(into) = open.into else { continue };
        // A process that holds the lock of the target is landing there, and records the move itself.
        let Some(_target) = TargetLock::try_take(repo, &into, LockHolder::LANDING)? else { continue };
        let mut journal = Journal::open(repo, &open.operation.id)?;
        let state = State::load(repo, &journal)?;
        if journal.operation.stage == Stage::Open && carry_out::has_moved(repo, &state)? {
            let plan = prepare::rebuild_plan(repo, &state, state.base)?;
            warnings.extend(carry_out::record_landing(repo, &plan, &state, &mut journal)?.warnings);
        }
    }
    Ok(warnings)
}

/// Returns whether every branch of the landing is in the target.
pub fn all_landed(report: &Report) -> bool {
    let is_there = |row: &BranchRow| {
        matches!(row.outcome, BranchOutcome::Merged | BranchOutcome::UpToDate | BranchOutcome::NothingNew)
    };
    report.order.iter().all(is_there)
}
