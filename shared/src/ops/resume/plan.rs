//! `resume --dry-run`: which agents would be resumed, and how. Writes nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    NewProfile, Request, already_running, hand_over, is_foreign, new_spec::require_own_place,
    options::run_options, refuse_foreign_script, refuse_session_in_use, takeover,
};
use crate::{
    Result,
    agents::Words,
    config::Config,
    git::Repo,
    model::{AgentId, BranchName, Liveness, Permission, Phase, secret},
    ops::failure::Failure,
    store::{Chain, layout::PrivateDir, writer},
    supervise::{liveness, spec::Spec},
    worktree::{list, open_worktree, worktrees_dir},
    world::SecretVariables,
};

/// An agent that would be resumed.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "PlannedResume")]
pub struct PlannedResume {
    /// The id of the agent.
    pub id: String,
    /// The first line of the message, shortened; that of the task if there is no message.
    pub title: String,
    /// The name of its program, such as `claude`.
    pub profile: String,
    /// The role as which it would run, if it has one.
    #[serde(default)]
    pub role: Option<String>,
    /// The current phase.
    pub phase: Phase,
    /// The number of the attempt that would begin.
    pub attempt: u32,
    /// The permission mode, if the program has such modes.
    pub permission: Option<Permission>,
    /// The number of agents that may run at once.
    pub jobs: u32,
    /// The time limit, in seconds; 0 means no limit.
    pub max_time: u64,
    /// Whether it would begin a new session.
    pub fresh: bool,
    /// The branch of the agent.
    pub branch: BranchName,
    /// The path of its worktree, which may have to be made.
    pub worktree: String,
}

/// The report of `resume --dry-run`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Plan {
    /// The agents that would be resumed.
    pub agents: Vec<PlannedResume>,
    /// The agents that could not be resumed.
    pub failed: Vec<Failure>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// True: a plan is the answer of a dry run, which changed nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Plans to resume one agent.
///
/// # Errors
/// The same as those of resuming it.
pub(super) fn plan(
    repo: &Repo,
    config: &Config<'_>,
    id: &AgentId,
    request: &Request,
) -> Result<PlannedResume> {
    let private = PrivateDir::new(repo.private_dir()?);
    let chain = Chain::of_agent(repo, id)?;
    let agent = chain.fold().agent;
    let foreign = is_foreign(repo, &agent);
    if foreign {
        takeover::check_allowed(repo, id, &agent, request.take_over)?;
    }
    refuse_foreign_script(repo, config, id, &chain, request)?;
    let new_profile = NewProfile::of(request, config);
    if let Some(profile) = &new_profile {
        hand_over::check_agent(id, &agent)?;
        profile.check(config, id, request)?;
    }
    if liveness::of(&private, id, &agent, writer::known_writer(repo).as_deref()) == Liveness::Live {
        return Err(already_running(id));
    }
    refuse_session_in_use(repo, &agent, request)?;
    let before = Spec::last(repo, id, &private.agent(id));
    let run_options = run_options(config, &agent, before.as_ref(), request)?;
    let made = before.as_ref().map(Spec::worktree_identity).unwrap_or_default();
    let found = list::worktree_of_agent(repo, id, &agent.branch)?;
    let worktree = match found.as_ref().filter(|found| found.exists()) {
        Some(worktree) => open_worktree::open_worktree(repo, worktree, made)?.path().to_owned(),
        None => {
            require_own_place(repo, id, found.as_ref())?;
            worktrees_dir::expected_dir(repo)?.join(id.as_str())
        }
    };
    let is_first = agent.attempt == 0 || agent.phase == Phase::Queued && !foreign;
    Ok(PlannedResume {
        id: id.to_string(),
        title: match &request.message {
            Some(Words::Typed(said) | Words::Composed(said)) => {
                secret::title(said, &SecretVariables::of(repo.environment()).values())
            }
            None => agent.title,
        },
        role: match &new_profile {
            Some(new) => new.role(),
            None => before.and_then(|spec| spec.role),
        },
        profile: new_profile.map_or(agent.profile, |new| new.program),
        phase: agent.phase,
        attempt: if is_first { agent.attempt.max(1) } else { agent.attempt + 1 },
        permission: run_options.launch.permission,
        jobs: run_options.jobs,
        max_time: run_options.limits.max_time.as_secs(),
        fresh: request.fresh || request.profile.is_some(),
        branch: agent.branch,
        worktree: worktree.to_string_lossy().into_owned(),
    })
}
