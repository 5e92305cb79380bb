//! Prepares a landing: completes its options, and plans it.

use std::time::Duration;

use super::Request;
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{BUILD, CHECK_TIME, TEST},
    },
    context::Context,
    git::{Oid, Repo},
    landing::{
        LandOptions, LandingPlan, State,
        branches::{self, Branch, LandingTarget},
        check, earlier, only, plan,
        state::BranchTip,
    },
    model::text,
    ops::named::{self as named_agents, NamedAgent},
    store::{Listing, Unreadable, layout},
};

/// The shortest time limit of a check, which is stored in whole seconds.
const MIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns the options of a landing: those of the request, otherwise the configured ones.
///
/// # Errors
/// A command or a duration is invalid (2).
pub(super) fn options(repo: &Repo, request: &Request) -> Result<LandOptions> {
    only::check(&request.only)?;
    let config = Config::of(repo);
    let mut checks = Vec::new();
    for (name, typed, key) in [("build", &request.build, &BUILD), ("test", &request.test, &TEST)] {
        let command = match typed {
            Some(typed) => {
                check::check_command(typed, name)?;
                Some(typed.clone())
            }
            None => config.get(key)?,
        };
        checks.extend(command.map(|command| (name.to_owned(), command)));
    }
    let timeout = request.check_time.map_or_else(|| config.get(&CHECK_TIME), Ok)?;
    Ok(LandOptions {
        strategy: request.strategy,
        on_conflict: request.on_conflict,
        on_failure: request.on_failure,
        repairs: request.repairs,
        checks,
        check_timeout: timeout.max(MIN_TIMEOUT),
        priority: request.priority.clone(),
        approved: request.approved,
        despite_verdict: request.despite_verdict,
        with_base: request.with_base,
        named: !request.branches.is_empty(),
        recheck: request.recheck,
        batch: request.batch,
        only: request.only.clone(),
        ticks: Vec::new(),
    })
}

/// Plans a new landing of the named branches, or, if none is named, of the work of every agent that is done.
///
/// # Errors
/// There is nothing to land (3), a name is unknown, or a history cannot be read.
pub(super) fn plan(
    context: &Context,
    repo: &Repo,
    target: LandingTarget,
    named: &[String],
    options: &LandOptions,
) -> Result<LandingPlan> {
    let (mut branches, mut unreadable) = if named.is_empty() {
        branches::finished(repo, &target)?
    } else {
        (branches::named(repo, named).map_err(|error| explain_archived(repo, named, error))?, Vec::new())
    };
    if branches.is_empty() {
        let nothing = "nothing to land: no agent is done with work that has not landed yet";
        let error = match unreadable.as_slice() {
            [] => Error::new(Code::NothingToLand, nothing),
            broken => Error::new(Code::NothingToLand, nothing)
                .because(broken.iter().map(Unreadable::sentence).collect::<Vec<_>>().join("\n")),
        };
        return Err(error.hint("git orchestra status; git orchestra merge-ranked BRANCH…"));
    }
    fetch_promised(context, repo, &target, &mut branches);
    unreadable.extend(branches.iter().filter_map(|branch| branch.problem.clone()));
    earlier::fill_in_failed_checks(repo, &mut branches)?;
    Ok(LandingPlan { unreadable, ..plan::plan(repo, target, branches, options)? })
}

/// In a partial clone, fetches the objects that are needed to compare the branches with the target. A branch whose objects cannot be
/// fetched cannot land, but does not keep the others from landing.
fn fetch_promised(context: &Context, repo: &Repo, target: &LandingTarget, branches: &mut [Branch]) {
    if !repo.is_partial() {
        return;
    }
    let pairs = |branch: &Branch| match repo.merge_base(target.tip, branch.tip) {
        Ok(base) => vec![(base, branch.tip), (base, target.tip)],
        Err(_) => Vec::new(),
    };
    let all: Vec<(Oid, Oid)> = branches.iter().flat_map(pairs).collect();
    if repo.fetch_promised_changes(context, &all).is_ok() {
        return;
    }
    for branch in branches {
        if let Err(error) = repo.fetch_promised_changes(context, &pairs(branch)) {
            let name = branch.agent.as_ref().map(|(id, _)| layout::head_ref(id));
            let name = name.unwrap_or_else(|| layout::branch_ref(&branch.name));
            branch.problem.get_or_insert_with(|| Unreadable::unfetched(repo, name, error.one_line()));
        }
    }
}

/// Returns a warning for each named branch that failed a check last time which is not among the checks now.
pub(super) fn unchecked_warnings(plan: &LandingPlan, options: &LandOptions) -> Vec<String> {
    let unchecked_warnings = |branch: &Branch| {
        let failed = branch.failed.as_ref().filter(|failed| !failed.check.is_among(&options.checks))?;
        let (name, why) = (text::one_line(&branch.name, 100), failed.sentence());
        Some(format!("'{name}' {why}; that check is not run this time"))
    };
    let may_land = plan.branches.iter().zip(&plan.candidates).filter(|(_, candidate)| candidate.may_land());
    may_land.filter_map(|(branch, _)| unchecked_warnings(branch)).collect()
}

/// Plans an unfinished landing again, on top of `base`.
///
/// # Errors
/// As [`plan::plan`].
pub(super) fn rebuild_plan(repo: &Repo, state: &State, base: Oid) -> Result<LandingPlan> {
    let mut named = Vec::with_capacity(state.branches.len());
    for saved in &state.branches {
        let found = branches::find_again(repo, &saved.name)?;
        let snapshot = found.as_ref().and_then(|branch| branch.snapshot);
        let agent = found.and_then(|branch| branch.agent);
        named.push(Branch {
            name: saved.name.clone(),
            tip: saved.tip,
            agent,
            problem: None,
            snapshot,
            part: None,
            failed: None,
        });
    }
    earlier::fill_in_failed_checks(repo, &mut named)?;
    let target = LandingTarget { branch: state.into.clone(), tip: base };
    plan::plan(repo, target, named, &state.options)
}

/// Returns the branches of a landing that is continued. Those without a step yet are at their current tips, since somebody may have
/// repaired them.
pub(super) fn current_tips(repo: &Repo, state: &State) -> Vec<BranchTip> {
    let fresh = |saved: &BranchTip| {
        let done = state.steps.iter().any(|step| step.branch == saved.name);
        let now = branches::find_again(repo, &saved.name).ok().flatten();
        let tip = now.map(|branch| branch.tip).filter(|_| !done);
        BranchTip { name: saved.name.clone(), tip: tip.unwrap_or(saved.tip) }
    };
    state.branches.iter().map(fresh).collect()
}

/// Returns the error for a name that cannot land. If it is an archived agent, the error says so.
fn explain_archived(repo: &Repo, named: &[String], error: Error) -> Error {
    let Ok(listing) = Listing::of_names(repo, named) else { return error };
    let archived = named.iter().find_map(|name| match named_agents::find(repo, &listing, name) {
        Ok(NamedAgent::Archived(archived)) if repo.commit(name).is_err() => Some(archived.id),
        _ => None,
    });
    archived.map_or(error, |id| named_agents::archived_error(repo, &id))
}
