//! Commits of submodules that work names which was sent, and that only a worktree here has: other clones cannot fetch them.

use crate::{
    Result,
    git::Repo,
    model::AgentId,
    store::{self, layout},
    worktree::lone_commits::{LoneCommit, LoneCommits},
};

/// Returns a warning for each such commit.
///
/// # Errors
/// The common git directory cannot be found.
pub(super) fn warnings(repo: &Repo, sent: &[String]) -> Result<Vec<String>> {
    let lone = LoneCommits::of(repo)?;
    if lone.is_empty() {
        return Ok(Vec::new());
    }
    let sent = sent.iter().filter(|name| layout::is_work(name)).filter_map(|name| layout::agent_of(name));
    Ok(sent.flat_map(|id| warnings_about(repo, &lone, &id)).collect())
}

/// What cannot be read of an agent is said by others.
fn warnings_about(repo: &Repo, lone: &LoneCommits, id: &AgentId) -> Vec<String> {
    let agent = store::any_agent(repo, id).ok();
    let Some((base, head)) = agent.and_then(|agent| Some((agent.base.commit()?, agent.head_commit()?)))
    else {
        return Vec::new();
    };
    let found = lone.named_by(repo, base, head).unwrap_or_default();
    let warning = |one: &LoneCommit| {
        format!("{id}: {}: other clones cannot fetch it; to publish it: {}", one.sentence(), one.commands())
    };
    found.iter().map(warning).collect()
}
