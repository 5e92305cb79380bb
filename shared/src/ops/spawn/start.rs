//! Creates agents with their first events, and starts their supervisors.

use std::{fs, path::PathBuf};

use super::{Assignment, Report, Request};
use crate::{
    Kind, Result,
    config::{Config, keys::LABEL},
    context::Context,
    error::ErrorContext as _,
    git::{Oid, Repo, repo::Identity},
    lock::Lock,
    model::{AgentId, ChosenSandbox, IdOrText, dependency::OnFailed, event::Created},
    ops::caller::Caller,
    parallel, private_files,
    store::{
        self, NewAgent,
        layout::{AgentDir, PrivateDir},
    },
    supervise::{below::BelowLimits, guard, queue, spec::Spec, spending::Rules, start},
    surroundings::{self, SurroundingsSnapshot},
    trust::AcceptedRepo,
    worktree::isolated_git_dir::FrozenConfig,
};

/// Writes the private files under each agent's lock, then creates all agents at once, then starts their supervisors. If it is killed,
/// everything left behind is under the name of an agent, where the next command repairs it or `stop` finds it.
pub(super) fn start(
    context: &Context,
    repo: &AcceptedRepo,
    report: &Report,
    assignments: &[Assignment],
    (base, sandbox): (Oid, ChosenSandbox),
    request: &Request,
    caller: &Caller,
) -> Result<()> {
    let private = PrivateDir::new(repo.private_dir()?);
    guard::reserve_space(&private)?;
    repo.record_baseline()?;
    let identity = repo.identity()?;
    let config = Config::of(repo);
    let notify = caller.notify(repo, &config);
    let below = caller.limits(repo, &config)?;
    let mut leftovers: Vec<String> =
        assignments.iter().flat_map(|assignment| assignment.ready.leftovers()).collect();
    leftovers.sort();
    leftovers.dedup();
    let frozen = FrozenConfig::now(repo)?.with_ignored(&leftovers);
    let frozen = frozen.keep(&private.frozen(), &repo.common_dir()?)?;
    let mut locks: Vec<(AgentId, AgentDir, Lock)> = Vec::with_capacity(assignments.len());
    let made = assignments.iter().try_for_each(|assignment| {
        context.check()?;
        let spending =
            request.settings.spending(&config, assignment.ready.caps_of(), report.run.clone(), None)?;
        let spending = Rules { parent: caller.agent().cloned(), ..spending };
        let dir = private.agent(&assignment.id);
        // Another command may hold the lock of a new folder for a moment, while it checks what to repair.
        let lock = Lock::require(&dir.lock(), context.at_most(context.limits().new_agent_lock))?;
        locks.push((assignment.id.clone(), dir.clone(), lock));
        let (jobs, notify) = (report.jobs, &notify);
        let spec = Common {
            identity: &identity,
            frozen: &frozen,
            jobs,
            spending: &spending,
            sandbox,
            notify,
            below,
        };
        write_spec(assignment, &dir, &spec, request)
    });
    let ids: Vec<AgentId> = locks.iter().map(|(id, _, _)| id.clone()).collect();
    let made = made.and_then(|()| queue::draw(&private, &ids, report.jobs));
    let made = made.and_then(|()| context.check()).and_then(|()| repo.begin(&ids));
    let made = made.and_then(|()| {
        let _others_wait = caller.reserve(context, repo, &config, assignments.len())?;
        create_with_snapshot(
            repo,
            &private,
            &frozen,
            &locks,
            &new_agents(repo, report, assignments, base, request, caller),
        )
    });
    if let Err(error) = made {
        for (_, dir, _) in &locks {
            let _ = fs::remove_dir_all(dir.dir());
        }
        return Err(error);
    }
    start::start_supervisors(context, repo, locks.into_iter().map(|(id, _, lock)| (id, lock)).collect())
}

/// Writes the agents' first events, and takes one snapshot of their surroundings at the same time. If that fails, each agent's own
/// helper tries again before its program starts.
fn create_with_snapshot(
    repo: &Repo,
    private: &PrivateDir,
    frozen: &str,
    locks: &[(AgentId, AgentDir, Lock)],
    agents: &[NewAgent],
) -> Result<()> {
    let (environment, common) = (repo.environment().clone(), repo.common_dir()?);
    let frozen = private.frozen().join(frozen);
    let (snapshot, created) = parallel::both(
        || SurroundingsSnapshot::take(&environment, &common, &frozen, None, surroundings::BUDGET_BEFORE),
        || store::create(repo, agents),
    );
    created?;
    if let Ok(Ok(snapshot)) = snapshot {
        let _ = surroundings::write_snapshot(&snapshot, locks.iter().map(|(_, dir, _)| dir));
    }
    Ok(())
}

/// What the specs of all agents have in common.
struct Common<'a> {
    identity: &'a Identity,
    frozen: &'a str,
    jobs: u32,
    spending: &'a Rules,
    sandbox: ChosenSandbox,
    notify: &'a [String],
    below: BelowLimits,
}

fn write_spec(assignment: &Assignment, dir: &AgentDir, common: &Common<'_>, request: &Request) -> Result<()> {
    let Common { identity, frozen, jobs, spending, sandbox, notify, below } = *common;
    let Assignment { planned, task, ready, .. } = assignment;
    let team = ready.team.as_ref().map(|(_, stages)| stages.clone());
    let spec = Spec {
        options: ready.options.clone(),
        launch: ready.launch.clone(),
        branch: planned.branch.clone(),
        base: planned.base,
        after: planned.after.clone(),
        after_work: Vec::new(),
        on_failed: request.on_failed.unwrap_or_default(),
        title: planned.title.clone(),
        worktree: PathBuf::from(&planned.worktree),
        identity: Some(identity.clone()),
        folder: None,
        frozen: frozen.to_owned(),
        jobs,
        limits: ready.limits,
        since: 1,
        resumed: false,
        rested: false,
        fresh: false,
        judges: request.is_for_review() || ready.is_reader(),
        profile: planned.profile.clone(),
        role: planned.role.clone(),
        fallback: ready.fallback.clone(),
        always: Vec::new(),
        despite_limit: false,
        until: ready.until.clone(),
        preparation: ready.preparation.clone(),
        spending: spending.clone(),
        sandbox: sandbox.level,
        sandbox_engine: sandbox.engine,
        team,
        notify: notify.to_vec(),
        below: Some(below),
    };
    spec.write(dir)?;
    let prompt = dir.prompt();
    private_files::replace(&prompt, task)
        .context(Kind::External, || format!("cannot write '{}'", prompt.display()))
}

fn new_agents(
    repo: &Repo,
    report: &Report,
    assignments: &[Assignment],
    base: Oid,
    request: &Request,
    caller: &Caller,
) -> Vec<NewAgent> {
    let of_agent = || request.reviews.clone().map(IdOrText::from);
    let reviews = request.of_pull_request.clone().map(IdOrText::Text).or_else(of_agent);
    let parent = caller.agent().cloned().map(IdOrText::from);
    let label = Config::of(repo).get_or_default(&LABEL);
    let new = |(place, assignment): (u32, &Assignment)| {
        let planned = &assignment.planned;
        let created = Created {
            title: planned.title.clone(),
            profile: planned.profile.clone(),
            role: planned.role.clone(),
            model: assignment.ready.launch.model.clone(),
            permission: planned.permission.map(|permission| permission.as_str().to_owned()),
            run: report.run.clone(),
            place,
            parent: parent.clone(),
            reviews: reviews.clone(),
            designer: false,
            base: planned.base.into(),
            after: planned.after.iter().cloned().map(IdOrText::from).collect(),
            on_failed: request.on_failed.filter(|how| *how != OnFailed::Wait).map(|how| how.to_string()),
            branch: planned.branch.clone(),
            label: label.clone(),
            snapshot: report.changes.as_ref().and_then(|changes| changes.snapshot).map(Into::into),
            snapshot_files: report.changes.as_ref().map_or(0, |changes| changes.files),
            tags: request.tags.iter().map(ToString::to_string).collect(),
            team: assignment.ready.team.as_ref().map(|(team, _)| team.clone()),
            prompt: None,
        };
        NewAgent { id: assignment.id.clone(), created, prompt: assignment.task.clone(), base }
    };
    (0..).zip(assignments).map(new).collect()
}
