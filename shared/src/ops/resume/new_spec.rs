//! Decides how the next attempt of an agent runs.

use std::path::PathBuf;

use super::{
    Request,
    hand_over::NewProfile,
    is_foreign, left_folders,
    options::{RunOptions, run_options, title},
};
use crate::{
    Code, Error, Result,
    config::Config,
    context::Context,
    git::{Repo, common_dir, worktrees::Worktree},
    model::{Agent, AgentId, IdOrText, dependency::OnFailed, event::Pattern, text},
    ops::caller::Caller,
    store::{
        layout::{self, AgentDir, PrivateDir},
        verdicts,
    },
    supervise::{guard, spec::Spec, spending::Rules},
    worktree::{isolated_git_dir::FrozenConfig, list, open_worktree, worktrees_dir},
    world::SecretVariables,
};

/// Returns the spec of the next attempt.
pub(super) fn new_spec(
    context: &Context,
    repo: &Repo,
    config: &Config<'_>,
    id: &AgentId,
    agent: &Agent,
    dir: &AgentDir,
    request: &Request,
) -> Result<Spec> {
    let foreign = is_foreign(repo, agent);
    let before = Spec::last(repo, id, dir);
    let known = before.as_ref().and_then(|spec| spec.identity.clone());
    let RunOptions { options, launch, limits, jobs, until, preparation, spending, sandbox, team } =
        run_options(config, agent, before.as_ref(), request)?;
    let secrets = SecretVariables::of(repo.environment()).values();
    let title = title(agent, before.as_ref(), &launch, request, &secrets);
    let new_profile = NewProfile::of(request, config);
    let stage =
        team.as_ref().zip(agent.team.as_ref()).and_then(|(team, known)| team.stages.get(known.place()));
    let stage = stage.cloned();
    // What was decided for the role may be another program by now, which does not know the conversation.
    let is_other = stage.as_ref().is_some_and(|stage| stage.profile != agent.profile);
    let private = PrivateDir::new(repo.private_dir()?);
    guard::reserve_space(&private)?;
    let made = before.as_ref().map(Spec::worktree_identity).unwrap_or_default();
    let found = list::worktree_of_agent(repo, id, &agent.branch)?;
    let worktree = match found.as_ref().filter(|found| found.exists()) {
        // A program is not started in a folder that replaced the worktree.
        Some(worktree) => open_worktree::open_worktree(repo, worktree, made)?.path().to_owned(),
        None => {
            require_own_place(repo, id, found.as_ref())?;
            let head = repo.find_ref(&layout::head_ref(id))?.or_else(|| agent.base.commit());
            head.map_or(Ok(()), |head| repo.fetch_promised_files(context, head))?;
            worktree_path(repo, id)?
        }
    };
    if new_profile.is_some() {
        let left = before.as_ref().map_or(&[][..], |spec| &spec.launch.leftovers);
        left_folders::hide(&worktree, left);
    }
    let launch = launch.beside(before.as_ref().map(|spec| &spec.launch));
    let of_roles = team
        .iter()
        .flat_map(|team| &team.stages)
        .fold(launch.clone(), |all, stage| all.beside(Some(&stage.launch)));
    let caller = Caller::of(repo);
    let parent = agent.parent.as_ref().and_then(IdOrText::id).cloned();
    let spending = Rules { parent, ..spending };
    let frozen = FrozenConfig::now(repo)?.with_ignored(&of_roles.leftovers);
    let frozen = frozen.keep(&private.frozen(), &repo.common_dir()?)?;
    let unknown = || Error::internal(format!("'{}' is not a commit", agent.base));
    let base = agent.base.commit().ok_or_else(unknown)?;
    Ok(Spec {
        options,
        launch,
        branch: agent.branch.clone(),
        base,
        after: agent.waits_for(),
        after_work: Vec::new(),
        on_failed: before.as_ref().map_or_else(|| on_failed(agent), |spec| spec.on_failed),
        title,
        worktree,
        identity: Some(known.map_or_else(|| repo.identity(), Ok)?),
        folder: before.as_ref().and_then(|spec| spec.folder),
        frozen,
        jobs,
        limits,
        since: agent.lamport,
        resumed: agent.attempt > 0 || foreign,
        rested: agent.phase.is_at_rest() && agent.unsaved.is_none(),
        fresh: request.fresh || new_profile.is_some() || is_other,
        judges: agent.reviews.is_some() || stage.as_ref().is_some_and(|stage| !stage.writes),
        profile: match (&new_profile, &stage) {
            (Some(new), _) => new.program.clone(),
            (None, Some(stage)) => stage.profile.clone(),
            (None, None) => agent.profile.clone(),
        },
        fallback: before.as_ref().filter(|_| agent.attempt == 0).and_then(|spec| spec.fallback.clone()),
        role: match (new_profile, stage) {
            (Some(new), _) => new.role(),
            (None, Some(stage)) => stage.role,
            (None, None) => before.filter(|spec| spec.is_about(&agent.profile)).and_then(|spec| spec.role),
        },
        always: trusted_grants(repo, agent),
        despite_limit: request.despite_limit,
        until,
        preparation,
        spending,
        sandbox: sandbox.level,
        sandbox_engine: sandbox.engine,
        team,
        notify: caller.notify(repo, config),
        below: Some(caller.limits(repo, config)?),
    })
}

/// Returns what an agent does whose options are in another clone. A word that is newer than this program means that it waits.
fn on_failed(agent: &Agent) -> OnFailed {
    agent.on_failed.as_deref().and_then(OnFailed::parse).unwrap_or_default()
}

/// Returns what the agent may do for good. What was allowed in a clone that the user does not trust does not count here.
fn trusted_grants(repo: &Repo, agent: &Agent) -> Vec<Pattern> {
    let trusted = agent.always.iter().filter(|grant| verdicts::is_trusted(repo, &grant.writer));
    trusted.map(|grant| grant.pattern.clone()).collect()
}

/// Fails if the worktree of a copied agent would have to be made where the original has it.
///
/// # Errors
/// As said (3), or the repository cannot be read.
pub(super) fn require_own_place(repo: &Repo, id: &AgentId, found: Option<&Worktree>) -> Result<()> {
    let Some(other) = found.and_then(Worktree::other_repository) else { return Ok(()) };
    let planned = worktrees_dir::expected_dir(repo)?.join(id.as_str());
    if found.is_none_or(|found| Some(&found.path) != planned.canonicalize().ok().as_ref()) {
        return Ok(());
    }
    let (shown, other) = (planned.to_string_lossy(), common_dir::display_folder(&other).to_string_lossy());
    let what = format!("'{}' is the worktree of '{}'", text::safe(&shown), text::safe(&other));
    Err(Error::new(Code::PathTaken, what)
        .because("this repository is a copy of that one, and is configured to make its worktrees in the same folder")
        .hint("git config orchestra.worktrees ANOTHER-FOLDER"))
}

/// Returns the path at which a worktree of the agent is made.
pub(super) fn worktree_path(repo: &Repo, id: &AgentId) -> Result<PathBuf> {
    Ok(worktrees_dir::make_worktrees_dir(repo)?.join(id.as_str()))
}
