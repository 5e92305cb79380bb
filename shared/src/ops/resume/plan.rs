//! What `resume --dry-run` says: what would be resumed, and how, without writing anything.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Request, check_alone, check_script, how, is_foreign, runs_already, taking_over};
use crate::{
    Result,
    agents::Words,
    config::Config,
    git::Repo,
    model::{AgentId, BranchName, Liveness, Permission, Phase, text},
    ops::failure::Failure,
    store::{Chain, layout::PrivateDir, writer},
    supervise::{liveness, spec::Spec},
    worktree::{list, open_worktree, place},
};

/// One agent that would be resumed.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "PlannedResume")]
pub struct PlannedResume {
    /// The id of the agent.
    pub id: String,
    /// What it would be told; its task in a few words where that is nothing.
    pub title: String,
    /// The kind of agent, such as `claude`.
    pub profile: String,
    /// Where it is now.
    pub phase: Phase,
    /// The number of the attempt that would begin.
    pub attempt: u32,
    /// What it would be allowed to do, where the program knows such modes.
    pub permission: Option<Permission>,
    /// How many agents of this kind may run at once.
    pub jobs: u32,
    /// The longest that it would run, in seconds; 0: without limit.
    pub max_time: u64,
    /// It would begin a new conversation.
    pub fresh: bool,
    /// Its branch.
    pub branch: BranchName,
    /// Where its files are, or would be.
    pub worktree: String,
}

/// What `resume --dry-run` reports.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Plan {
    /// The agents that would be resumed.
    pub agents: Vec<PlannedResume>,
    /// Those that could not be resumed.
    pub failed: Vec<Failure>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Plans one agent.
///
/// # Errors
/// As resuming it.
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
        taking_over::may(repo, id, &agent, request.take_over)?;
    }
    check_script(repo, config, id, &chain, request)?;
    if liveness::of(&private, id, &agent, writer::known_writer(repo).as_deref()) == Liveness::Live {
        return Err(runs_already(id));
    }
    check_alone(repo, &agent, request)?;
    let before = Spec::last(repo, id, &private.agent(id));
    let how = how(config, &agent, before.as_ref(), request)?;
    let made = before.as_ref().map(Spec::made).unwrap_or_default();
    let worktree = match list::of_agent(repo, id, &agent.branch)?.filter(|found| found.is_there()) {
        Some(worktree) => open_worktree::enter(repo, &worktree, made)?.path().to_owned(),
        None => place::foreseen(repo)?.join(id.as_str()),
    };
    let is_first = agent.attempt == 0 || agent.phase == Phase::Queued && !foreign;
    Ok(PlannedResume {
        id: id.to_string(),
        title: match &request.message {
            Some(Words::Typed(said) | Words::Composed(said)) => text::title(said),
            None => agent.title,
        },
        profile: agent.profile,
        phase: agent.phase,
        attempt: if is_first { agent.attempt.max(1) } else { agent.attempt + 1 },
        permission: how.launch.permission,
        jobs: how.jobs,
        max_time: how.limits.max_time.as_secs(),
        fresh: request.fresh,
        branch: agent.branch,
        worktree: worktree.to_string_lossy().into_owned(),
    })
}
