//! `merge-ranked`: lands many branches, those that conflict least first, each step proven; the target moves once, at the end.

mod asking;
mod outcome;
mod report;
mod rolling_back;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use self::asking::Asking;
pub use self::{
    outcome::{Outcome, Row},
    report::{Left, Report},
};
use crate::{
    Error, Kind, Result,
    config::Config,
    git::{Oid, Repo, version},
    landing::{
        Plan, State,
        branches::{self, Branch, Target},
        check, earlier,
        finish::{self, Move, Moved},
        gitlinks, plan, record, signing,
        state::{COMMAND, Saved, open_one},
        steps::{Around, Halt, Runner, clear},
    },
    model::{AgentId, event::Landing, text},
    ops::named::{self as named_agents, Found},
    store::{
        Listing, Unreadable, layout, notes,
        operations::{self, Change, Journal, Operation, Stage},
    },
    surroundings,
    trust::AcceptedRepo,
};

pub use crate::landing::{
    Orders,
    merge::Strategy,
    state::{OnConflict, OnFailure},
    steps::Progress,
};

/// How often it plans again when the target moves meanwhile.
const PLANS: usize = 5;

/// What to do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// A new landing.
    #[default]
    New,
    /// Only a plan.
    DryRun,
    /// Go on with the one that was cut off or could not be finished.
    Continue,
    /// Give that one up.
    Abort,
}

/// What to land, and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// See there.
    pub mode: Mode,
    /// Branches, agents or commits; none: the work of every agent that is done.
    pub branches: Vec<String>,
    /// The target; the branch on which the user stands if not given.
    pub into: Option<String>,
    /// How.
    pub orders: Orders,
    /// The build command, if it was typed.
    pub build: Option<String>,
    /// The test command, if it was typed.
    pub test: Option<String>,
    /// The longest that one of them may take, if it was typed.
    pub check_time: Option<Duration>,
}

/// Lands, or plans.
///
/// # Errors
/// The request is wrong (2); there is nothing to land on, or something is in the way (3); another landing runs (4).
pub fn run(
    repo: &AcceptedRepo,
    request: &Request,
    tell: &dyn Fn(Progress<'_>),
    interrupted: &AtomicBool,
) -> Result<Report> {
    let mut report = land(repo, request, tell, interrupted)?;
    let agents = report.order.iter().filter_map(|step| AgentId::parse(step.agent.as_deref()?).ok());
    for id in agents.collect::<Vec<_>>() {
        let changes = surroundings::of_agent(repo, &id)?;
        let around = surroundings::warnings(&changes);
        if !around.is_empty() {
            report.warnings.push(format!("while '{id}' ran: {}", surroundings::summary(&around)));
        }
    }
    Ok(report)
}

fn land(
    repo: &AcceptedRepo,
    request: &Request,
    tell: &dyn Fn(Progress<'_>),
    interrupted: &AtomicBool,
) -> Result<Report> {
    if request.mode == Mode::DryRun {
        let orders = orders(repo, request)?;
        let target = branches::target(repo, request.into.as_deref())?;
        let plan = plan(repo, target, &request.branches, &orders)?;
        let mut warnings = gitlinks::warnings(repo, plan.target.tip, &plan.branches)?;
        warnings.extend(unchecked(&plan, &orders));
        return Ok(Report { warnings, ..Report::planned(&plan) });
    }
    repo.identity()?;
    version::check(&repo.common_dir()?)?;
    let _lock = operations::lock(repo)?;
    let mut warnings = finish::recover(repo)?;
    let asking = Asking { repo, interrupted };
    let is_accepted = || repo.confirm().is_ok();
    let around = Around { repairs: &asking, tell, interrupted, is_accepted: &is_accepted };
    let mut report = match request.mode {
        Mode::Abort => abort(repo, around),
        Mode::Continue => go_on(repo, around),
        Mode::New | Mode::DryRun => begin(repo, request, around),
    }?;
    warnings.append(&mut report.warnings);
    Ok(Report { warnings, ..report })
}

fn plan(repo: &Repo, target: Target, named: &[String], orders: &Orders) -> Result<Plan> {
    let (mut branches, mut unreadable) = if named.is_empty() {
        branches::finished(repo, &target)?
    } else {
        (branches::named(repo, named).map_err(|error| why_not(repo, named, error))?, Vec::new())
    };
    if branches.is_empty() {
        let nothing = "there is nothing to land: no agent is done whose work is not there yet";
        let error = match unreadable.as_slice() {
            [] => Error::refused(nothing),
            broken => Error::refused(nothing)
                .because(broken.iter().map(Unreadable::sentence).collect::<Vec<_>>().join("\n")),
        };
        return Err(error.hint("git orchestra status; git orchestra merge-ranked BRANCH…"));
    }
    fetch_promised(repo, &target, &mut branches);
    unreadable.extend(branches.iter().filter_map(|branch| branch.problem.clone()));
    earlier::recall(repo, &mut branches)?;
    Ok(Plan { unreadable, ..plan::plan(repo, target, branches, orders)? })
}

/// In a partial clone, brings what comparing the branches with the target needs. A branch for which that fails cannot land; the
/// others are not held up by it.
fn fetch_promised(repo: &Repo, target: &Target, branches: &mut [Branch]) {
    if !repo.is_partial() {
        return;
    }
    let pairs = |branch: &Branch| match repo.merge_base(target.tip, branch.tip) {
        Ok(base) => vec![(base, branch.tip), (base, target.tip)],
        Err(_) => Vec::new(),
    };
    let all: Vec<(Oid, Oid)> = branches.iter().flat_map(pairs).collect();
    if repo.fetch_promised_changes(&all).is_ok() {
        return;
    }
    for branch in branches {
        if let Err(error) = repo.fetch_promised_changes(&pairs(branch)) {
            let name = branch.agent.as_ref().map(|(id, _)| layout::head_ref(id));
            let name = name.unwrap_or_else(|| layout::branch_ref(&branch.name));
            branch.problem.get_or_insert_with(|| Unreadable::unfetched(repo, name, error.one_line()));
        }
    }
}

/// Branches that land, because they were named, without the check that failed with them last time.
fn unchecked(plan: &Plan, orders: &Orders) -> Vec<String> {
    let unchecked = |branch: &Branch| {
        let failed = branch.failed.as_ref().filter(|failed| !failed.check.is_among(&orders.checks))?;
        let (name, why) = (text::one_line(&branch.name, 100), failed.sentence());
        Some(format!("'{name}' {why}; that check is not run this time"))
    };
    let may_land = plan.branches.iter().zip(&plan.candidates).filter(|(_, candidate)| candidate.may_land());
    may_land.filter_map(|(branch, _)| unchecked(branch)).collect()
}

fn begin(repo: &AcceptedRepo, request: &Request, around: Around<'_>) -> Result<Report> {
    if let Some(open) = open_one(repo)? {
        return Err(Error::refused(format!("a landing is not finished: {}", open.summary))
            .hint("git orchestra merge-ranked --continue goes on with it, --abort gives it up"));
    }
    let orders = orders(repo, request)?;
    let target = branches::target(repo, request.into.as_deref())?;
    let planned = plan(repo, target, &request.branches, &orders);
    if around.interrupted.load(Ordering::Relaxed) {
        return Err(Error::new(Kind::Interrupted, "interrupted before anything was changed"));
    }
    let plan = planned?;
    let blocked = finish::blocked_now(repo, &plan.target.branch)?;
    if plan.branches.is_empty() {
        return Ok(Report::nothing(&plan));
    }
    let warnings = unchecked(&plan, &orders);
    let saved = |branch: &Branch| Saved { name: branch.name.clone(), tip: branch.tip };
    let passed = plan.passed.iter().map(|passed| &passed.branch);
    let all = plan.branches.iter().chain(passed).map(saved).collect();
    let state = State::new(&plan.target, orders, all);
    let mut journal = Journal::new(repo, COMMAND)?;
    let early = blocked.map(|blocked| format!("{}; it will have to wait at the end", blocked.why));
    let mut report = steps(repo, &plan, state, &mut journal, around)?;
    // Said only if it still holds.
    report.warnings.splice(0..0, warnings);
    report.warnings.extend(early.filter(|_| report.left.is_some()));
    Ok(report)
}

/// What was typed, else what is configured.
fn orders(repo: &Repo, request: &Request) -> Result<Orders> {
    let config = Config::of(repo);
    let mut orders = Orders { named: !request.branches.is_empty(), ..request.orders.clone() };
    for (name, typed, configured) in
        [("build", &request.build, config.build()), ("test", &request.test, config.test())]
    {
        if let Some(typed) = typed {
            check::is_command(typed, name)?;
        }
        orders.checks.extend(typed.clone().or(configured).map(|command| (name.to_owned(), command)));
    }
    let limit = request.check_time.map_or_else(|| config.check_time(), Ok)?;
    orders.check_seconds = limit.as_secs().max(1);
    Ok(orders)
}

/// Everything that was kept, on the target as it stands.
fn go_on(repo: &AcceptedRepo, around: Around<'_>) -> Result<Report> {
    let open = open_one(repo)?.ok_or_else(nothing_open)?;
    let mut journal = Journal::open(repo, &open.id)?;
    let state = State::load(repo, &journal)?;
    if state.ready {
        let plan = again(repo, &state, state.base)?;
        return finish(repo, &plan, state, &mut journal, around);
    }
    let now = branches::target(repo, Some(&state.into))?.tip;
    // A branch that has not landed yet is taken as it is now: somebody may have repaired it.
    let state = State { branches: refreshed(repo, &state), ..state };
    if now == state.base {
        let plan = again(repo, &state, state.base)?;
        return steps(repo, &plan, state, &mut journal, around);
    }
    anew(repo, state, now, &mut journal, around)
}

fn refreshed(repo: &Repo, state: &State) -> Vec<Saved> {
    let fresh = |saved: &Saved| {
        let done = state.steps.iter().any(|step| step.branch == saved.name);
        let now = branches::again(repo, &saved.name).ok().flatten();
        let tip = now.map(|branch| branch.tip).filter(|_| !done);
        Saved { name: saved.name.clone(), tip: tip.unwrap_or(saved.tip) }
    };
    state.branches.iter().map(fresh).collect()
}

fn nothing_open() -> Error {
    Error::refused("no landing is under way").hint("git orchestra merge-ranked --dry-run")
}

/// The plan of a landing that began before.
fn again(repo: &Repo, state: &State, base: Oid) -> Result<Plan> {
    let mut named = Vec::with_capacity(state.branches.len());
    for saved in &state.branches {
        let agent = branches::again(repo, &saved.name)?.and_then(|branch| branch.agent);
        named.push(Branch { name: saved.name.clone(), tip: saved.tip, agent, problem: None, failed: None });
    }
    earlier::recall(repo, &mut named)?;
    let target = Target { branch: state.into.clone(), tip: base };
    plan::plan(repo, target, named, &state.orders)
}

fn steps(
    repo: &AcceptedRepo,
    plan: &Plan,
    state: State,
    journal: &mut Journal,
    around: Around<'_>,
) -> Result<Report> {
    let mut runner = Runner::new(repo, plan, state, journal, around);
    let mut halt = runner.run();
    if halt.is_err() && around.interrupted.load(Ordering::Relaxed) {
        // Ctrl-C reaches the programs that we started as well.
        halt = Ok(Halt::Interrupted);
    }
    if matches!(halt, Ok(Halt::Finished) | Err(_)) {
        // What is in the way of tidying up is no reason to lose what landed.
        let _ = runner.tidy();
    }
    let state = runner.state;
    let open = journal.operation.stage == Stage::Open;
    let hint = "git orchestra merge-ranked --continue goes on, --abort gives it up";
    match halt.map_err(|error| if open { error.hint(hint) } else { error })? {
        Halt::Finished => finish(repo, plan, state, journal, around),
        Halt::Interrupted => Ok(left(repo, plan, &state, journal, Left::Interrupted)),
        Halt::Stopped(step) => {
            let warnings = record::record_failures(repo, &state);
            Ok(Report { warnings, ..Report::stopped(plan, &state, journal, *step) })
        }
    }
}

fn finish(
    repo: &AcceptedRepo,
    plan: &Plan,
    state: State,
    journal: &mut Journal,
    around: Around<'_>,
) -> Result<Report> {
    let wanted =
        Move { branch: &state.into, old: state.base, new: state.result, why: "orchestra merge-ranked" };
    // Other agents may have run during the landing; what follows writes files into the user's checkout.
    repo.confirm().map_err(|error| error.hint("git orchestra merge-ranked --continue, after that"))?;
    let moved = finish::move_branch(repo, wanted).map_err(|error| {
        error.hint("git orchestra merge-ranked --continue, then; --abort gives the landing up")
    })?;
    match moved {
        Moved::Elsewhere(Some(now)) => anew(repo, state, now, journal, around),
        Moved::Elsewhere(None) => {
            let hints = vec![format!("git branch {} {}", text::safe(&state.into), state.base)];
            let why = format!("branch {} is gone", text::safe(&state.into));
            Ok(left(repo, plan, &state, journal, Left::Blocked(why, hints)))
        }
        Moved::Blocked(blocked) => {
            Ok(left(repo, plan, &state, journal, Left::Blocked(blocked.why, blocked.hints)))
        }
        Moved::Yes | Moved::NotNeeded => record_landing(repo, plan, &state, journal),
    }
}

/// A landing that has not come to its end: which checks failed in it is known all the same from now on.
fn left(repo: &Repo, plan: &Plan, state: &State, journal: &Journal, left: Left) -> Report {
    let warnings = record::record_failures(repo, state);
    Report { warnings, ..Report::left(plan, state, journal, left) }
}

/// The target has what landed: that is written down, and told.
fn record_landing(repo: &Repo, plan: &Plan, state: &State, journal: &mut Journal) -> Result<Report> {
    let mut warnings = moved_meanwhile(repo, state);
    warnings.extend(record::record(repo, state, &plan.branches));
    warnings.extend(gitlinks::warnings(repo, state.base, merged(state, plan))?);
    warnings.extend(signing::warnings(repo, state)?);
    let mut notes_shown = false;
    if state.result != state.base {
        let change = Change { branch: state.into.clone(), old: state.base, new: state.result };
        journal.operation.changes.push(change);
        notes_shown = notes::show(repo).unwrap_or(false);
    }
    journal.operation.stage = Stage::Done;
    journal.write(repo, &[state.base, state.result])?;
    Ok(Report { notes_shown, ..Report::done(plan, state, journal, warnings) })
}

/// Finishes a landing that was killed after its target had moved, and before that was written down. Gives what the user should
/// know. The caller holds the lock of operations.
///
/// # Errors
/// It cannot be read or written.
pub(super) fn finish_if_moved(repo: &Repo) -> Result<Vec<String>> {
    let Some(open) = open_one(repo)? else { return Ok(Vec::new()) };
    let mut journal = Journal::open(repo, &open.id)?;
    let Ok(state) = State::load(repo, &journal) else { return Ok(Vec::new()) };
    if !has_moved(repo, &state)? {
        return Ok(Vec::new());
    }
    let plan = again(repo, &state, state.base)?;
    Ok(record_landing(repo, &plan, &state, &mut journal)?.warnings)
}

/// Whether the target has what a landing that is still open brings.
fn has_moved(repo: &Repo, state: &State) -> Result<bool> {
    let now = repo.find_ref(&layout::branch_ref(&state.into))?;
    let Some(now) = now.filter(|_| state.ready && state.result != state.base) else { return Ok(false) };
    Ok(now == state.result || now != state.base && repo.contains(now, state.result)?)
}

/// The branches that landed.
fn merged<'a>(state: &'a State, plan: &'a Plan) -> impl Iterator<Item = &'a Branch> {
    let is_merged = |name: &str| {
        state.steps.iter().any(|step| step.branch == name && step.outcome == Some(Landing::Merged))
    };
    plan.branches.iter().filter(move |branch| is_merged(&branch.name))
}

/// Branches that are no longer what landed.
fn moved_meanwhile(repo: &Repo, state: &State) -> Vec<String> {
    let merged = state.steps.iter().filter(|step| step.outcome == Some(Landing::Merged));
    let moved = merged.filter_map(|step| {
        let now = branches::again(repo, &step.branch).ok()??.tip;
        let name = text::one_line(&step.branch, 100);
        (now != step.head).then(|| format!("{name} has moved since: what landed is {}", step.head.short()))
    });
    moved.collect()
}

/// The target has moved: everything is planned and proven again on top of where it is now.
fn anew(
    repo: &AcceptedRepo,
    state: State,
    now: Oid,
    journal: &mut Journal,
    around: Around<'_>,
) -> Result<Report> {
    let plan = again(repo, &state, now)?;
    let replans = state.replans + 1;
    if replans > PLANS {
        return Err(Error::new(
            Kind::Conflict,
            format!("{} moves faster than branches land on it", state.into),
        )
        .hint("git orchestra merge-ranked --continue tries again"));
    }
    let before_repair = state.before_repair;
    let fresh = State::new(&plan.target, state.orders, state.branches);
    steps(repo, &plan, State { replans, before_repair, ..fresh }, journal, around)
}

fn abort(repo: &Repo, around: Around<'_>) -> Result<Report> {
    let open: Operation = open_one(repo)?.ok_or_else(nothing_open)?;
    let mut journal = Journal::open(repo, &open.id)?;
    clear(repo, &open.id)?;
    let state = State::load(repo, &journal)?;
    if has_moved(repo, &state)? {
        move_back(repo, &state)?;
    }
    let mut warnings = record::record_failures(repo, &state);
    if let Some(before) = &state.before_repair
        && let Err(why) =
            around.repairs.roll_back(before, "conflict not resolved: the landing was aborted")?
    {
        warnings.push(format!("the repair by '{}' was not rolled back: {why}", before.agent));
    }
    let plan = again(repo, &state, state.base)?;
    journal.operation.stage = Stage::Aborted;
    journal.write(repo, &[state.base, state.result])?;
    Ok(Report { warnings, ..Report::left(&plan, &state, &journal, Left::Aborted) })
}

/// The landing was killed after its target had moved.
fn move_back(repo: &Repo, state: &State) -> Result<()> {
    let why = "orchestra merge-ranked --abort";
    let wanted = Move { branch: &state.into, old: state.result, new: state.base, why };
    match finish::move_branch(repo, wanted)? {
        Moved::Yes | Moved::NotNeeded => Ok(()),
        Moved::Elsewhere(_) => {
            let into = text::safe(&state.into);
            Err(Error::refused(format!("{into} has what landed, and commits on top of it"))
                .hint("git orchestra merge-ranked --continue finishes the landing"))
        }
        Moved::Blocked(blocked) => {
            Err(blocked.hints.into_iter().fold(Error::refused(blocked.why), Error::hint))
        }
    }
}

/// Whether everything that was to land is in the target.
pub fn all_landed(report: &Report) -> bool {
    let is_there =
        |row: &Row| matches!(row.outcome, Outcome::Merged | Outcome::UpToDate | Outcome::NothingNew);
    report.order.iter().all(is_there)
}

/// Why what was named cannot land: of an archived agent, that it is archived.
fn why_not(repo: &Repo, named: &[String], error: Error) -> Error {
    let Ok(listing) = Listing::read(repo) else { return error };
    let archived = named.iter().find_map(|name| match named_agents::find(repo, &listing, name) {
        Ok(Found::Archived(archived)) if repo.commit(name).is_err() => Some(archived.id),
        _ => None,
    });
    archived.map_or(error, |id| named_agents::is_archived(repo, &id))
}
