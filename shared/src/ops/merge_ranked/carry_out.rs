//! Carries out a landing: takes its steps, moves its target, and records both.

use super::{
    prepare,
    report::{Incomplete, Report},
};
use crate::{
    Code, Error, Result,
    git::{Oid, Repo},
    landing::{
        LandingPlan, State,
        branches::{self, Branch},
        context::LandContext,
        finish::{self, BranchMove, TargetMove},
        follow, gitlinks, record, signing,
        steps::{Runner, StopReason, remove_scratch_of},
        ticks,
    },
    model::{event::Landing, text},
    ops::move_modes,
    store::{
        layout,
        operations::{Change, Journal, OperationBody, Stage},
    },
    sync::log_notes,
    trust::AcceptedRepo,
};

/// How often a landing is planned again because its target moved.
const MAX_REPLANS: usize = 5;

/// Takes the remaining steps, then finishes the landing.
///
/// # Errors
/// The target itself fails a check (3), git fails, or nothing can be written.
pub(super) fn steps(
    repo: &AcceptedRepo,
    plan: &LandingPlan,
    state: State,
    journal: &mut Journal,
    context: LandContext<'_>,
) -> Result<Report> {
    let mut runner = Runner::new(repo, plan, state, journal, context);
    let mut stopped = runner.run();
    if stopped.is_err() && context.context.cancel.is_cancelled() {
        // Ctrl-C also ends the programs that we started, whose failure is not the reason.
        stopped = Ok(StopReason::Interrupted);
    }
    if matches!(stopped, Ok(StopReason::Finished) | Err(_)) {
        // A scratch worktree that cannot be removed must not fail the landing.
        let _ = runner.remove_scratch();
    }
    let state = runner.state;
    let open = journal.operation.stage == Stage::Open;
    let hint = "git orchestra merge-ranked --continue resumes it, --abort aborts it";
    match stopped.map_err(|error| if open { error.hint(hint) } else { error })? {
        StopReason::Finished => finish(repo, plan, state, journal, context),
        StopReason::Interrupted => Ok(incomplete(repo, plan, &state, journal, Incomplete::Interrupted)),
        StopReason::CheckFailed(step) => {
            // The failed step is not recorded as taken: `--continue` takes it again.
            let mut shown = state.clone();
            shown.steps.push(*step);
            let warnings = record::record_failures(repo, &state);
            Ok(Report { warnings, ..Report::incomplete(plan, &shown, journal, Incomplete::CheckFailed) })
        }
    }
}

/// Moves the target of a landing whose steps are all taken, and records the landing.
///
/// # Errors
/// The configuration changed meanwhile, another git is at work there (4), or something cannot be written.
pub(super) fn finish(
    repo: &AcceptedRepo,
    plan: &LandingPlan,
    state: State,
    journal: &mut Journal,
    context: LandContext<'_>,
) -> Result<Report> {
    let wanted =
        BranchMove { branch: &state.into, old: state.base, new: state.result, why: "orchestra merge-ranked" };
    // Agents may have changed the configuration during the landing, and the next step writes files into the user's checkout.
    repo.confirm().map_err(|error| error.hint("git orchestra merge-ranked --continue, after that"))?;
    let change = Change { branch: state.into.clone(), old: state.base, new: state.result };
    if move_modes::keep(repo, journal, &[change])? {
        journal.write(repo, &[state.base, state.result])?;
    }
    let moved = finish::move_branch(repo, wanted).map_err(|error| {
        error.hint("git orchestra merge-ranked --continue, after that; --abort aborts the landing")
    })?;
    let blocked =
        |why, hints| Ok(incomplete(repo, plan, &state, journal, Incomplete::Blocked { why, hints }));
    match moved {
        TargetMove::Elsewhere(Some(now)) => replan(repo, state, now, journal, context),
        TargetMove::Elsewhere(None) => {
            let into = text::safe(&state.into);
            blocked(
                format!("branch {into} no longer exists"),
                vec![format!("git branch {into} {}", state.base)],
            )
        }
        TargetMove::Blocked(found) => blocked(found.why, found.hints),
        TargetMove::Moved | TargetMove::Unchanged => record_landing(repo, plan, &state, journal),
    }
}

/// Reports an unfinished landing, and records the checks that failed in it.
fn incomplete(repo: &Repo, plan: &LandingPlan, state: &State, journal: &Journal, why: Incomplete) -> Report {
    let warnings = record::record_failures(repo, state);
    Report { warnings, ..Report::incomplete(plan, state, journal, why) }
}

/// Plans and tests everything again, because the target has moved to `now`.
///
/// # Errors
/// The target keeps moving (4), or as [`steps`].
pub(super) fn replan(
    repo: &AcceptedRepo,
    state: State,
    now: Oid,
    journal: &mut Journal,
    context: LandContext<'_>,
) -> Result<Report> {
    let plan = prepare::rebuild_plan(repo, &state, now)?;
    let replans = state.replans + 1;
    if replans > MAX_REPLANS {
        return Err(Error::new(
            Code::TargetBusy,
            format!("{} moves faster than branches can land on it", state.into),
        )
        .hint("git orchestra merge-ranked --continue tries again"));
    }
    let (before_repair, checks) = (state.before_repair, state.checks);
    let fresh = State::new(&plan.target, state.options, state.branches);
    steps(repo, &plan, State { replans, before_repair, checks, ..fresh }, journal, context)
}

/// Records a landing whose target has moved: in the agents' events, in notes, and in its operation. The submodules of the checkout follow.
///
/// # Errors
/// The operation cannot be written.
pub(super) fn record_landing(
    repo: &Repo,
    plan: &LandingPlan,
    state: &State,
    journal: &mut Journal,
) -> Result<Report> {
    let mut warnings = moved_branch_warnings(repo, state);
    warnings.extend(record::record(repo, &journal.operation.id, state, &plan.branches));
    warnings.extend(gitlinks::warnings(repo, state.base, merged(state, plan))?);
    warnings.extend(signing::warnings(repo, state)?);
    warnings.extend(ticks::warnings(repo, state)?);
    warnings.extend(log_notes::refresh(repo).err().map(|error| error.one_line()));
    if state.result != state.base {
        let change = Change { branch: state.into.clone(), old: state.base, new: state.result };
        journal.operation.body = OperationBody::Landing(vec![change]);
        // Before it is recorded as done: after a kill, the next command does it again.
        if repo.find_ref(&layout::branch_ref(&state.into))? == Some(state.result) {
            warnings.extend(follow::follow_branch(repo, &state.into, state.base, state.result));
        }
    }
    journal.operation.stage = Stage::Done;
    journal.write(repo, &[state.base, state.result])?;
    // A process that was killed after the last step may have left its scratch worktree.
    warnings.extend(remove_scratch_of(repo, &journal.operation.id).err().map(|error| error.one_line()));
    Ok(Report { notes_shown: log_notes::are_shown(repo), warnings, ..Report::ended(plan, state, journal) })
}

/// Returns whether the target has the result of an unfinished landing, which was killed after the move.
///
/// # Errors
/// The target cannot be read.
pub(super) fn has_moved(repo: &Repo, state: &State) -> Result<bool> {
    let now = repo.find_ref(&layout::branch_ref(&state.into))?;
    let Some(now) = now.filter(|_| state.ready && state.result != state.base) else { return Ok(false) };
    Ok(now == state.result || now != state.base && repo.contains(now, state.result)?)
}

/// Moves the target back to where it was before a landing that was killed after the move.
///
/// # Errors
/// The target has new commits, or cannot be moved (3).
pub(super) fn move_back(repo: &Repo, state: &State) -> Result<()> {
    let why = "orchestra merge-ranked --abort";
    let wanted = BranchMove { branch: &state.into, old: state.result, new: state.base, why };
    match finish::move_branch(repo, wanted)? {
        TargetMove::Moved | TargetMove::Unchanged => Ok(()),
        TargetMove::Elsewhere(_) => {
            let into = text::safe(&state.into);
            Err(Error::new(Code::BranchMoved, format!("{into} has the landed branches, and newer commits"))
                .hint("git orchestra merge-ranked --continue finishes the landing"))
        }
        TargetMove::Blocked(blocked) => {
            Err(blocked.hints.into_iter().fold(Error::refused(blocked.why), Error::hint))
        }
    }
}

/// Returns the branches that landed.
fn merged<'a>(state: &'a State, plan: &'a LandingPlan) -> impl Iterator<Item = &'a Branch> {
    let is_merged = |name: &str| {
        state.steps.iter().any(|step| step.branch == name && step.outcome == Some(Landing::Merged))
    };
    plan.branches.iter().filter(move |branch| is_merged(&branch.name))
}

/// Returns a warning for each branch that has moved since its landing step.
fn moved_branch_warnings(repo: &Repo, state: &State) -> Vec<String> {
    let merged = state.steps.iter().filter(|step| step.outcome == Some(Landing::Merged));
    let moved = merged.filter_map(|step| {
        let now = branches::find_again(repo, &step.branch).ok()??.tip;
        let name = text::one_line(&step.branch, 100);
        (now != step.head).then(|| format!("{name} has moved since then: {} landed", step.head.short()))
    });
    moved.collect()
}
