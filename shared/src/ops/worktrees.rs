//! `worktrees`: lists the agents' worktrees, with their states and sizes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    context::Context,
    git::Repo,
    model::{BranchName, text},
    ops::{agent_object::AgentObject, named, status},
    store::{Listing, Unreadable},
    worktree::list,
};

/// Whether to measure the worktrees.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Whether to measure the disk space that each takes.
    pub size: bool,
}

/// The agents' worktrees.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The worktrees, in the order of their agents.
    pub worktrees: Vec<WorktreeInfo>,
    /// Agents, work, notes, and archives that cannot be read.
    pub unreadable: Vec<Unreadable>,
}

/// The worktree of one agent.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "WorktreeEntry")]
pub struct WorktreeInfo {
    /// The path of the worktree.
    pub path: String,
    /// The disk space that it takes, in bytes, if it was measured.
    pub size: Option<u64>,
    /// The reason of its lock, if it is locked in git.
    pub locked: Option<String>,
    /// The git operation in progress in it, such as a rebase.
    pub operation: Option<String>,
    /// The agent.
    #[serde(flatten)]
    pub agent: AgentObject,
}

/// Lists the worktrees.
///
/// # Errors
/// The repository cannot be read.
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    let report =
        status::run(context, repo, &status::Request { all: true, dirt: true, ..status::Request::default() })?;
    let all = repo.worktrees()?;
    let mut worktrees = Vec::new();
    for agent in report.agents {
        let Some(found) = list::pick_worktree(&all, &agent.id, &agent.branch) else { continue };
        worktrees.push(WorktreeInfo {
            path: found.path.to_string_lossy().into_owned(),
            size: request.size.then(|| found.registered_path().map_or(0, |path| list::disk_size(&path))),
            locked: found.lock_reason(),
            operation: found.operation().map(str::to_owned),
            agent,
        });
    }
    Ok(Report { worktrees, unreadable: report.unreadable })
}

/// Returns the path of an agent's worktree.
///
/// # Errors
/// There is no such agent, or it has no worktree in this clone (3).
pub fn path(repo: &Repo, typed: &str) -> Result<std::path::PathBuf> {
    let listing = Listing::read(repo)?;
    let id = named::find_current(repo, &listing, typed)?;
    let branch = match listing.row(&id) {
        Some(row) => listing.agent(repo, row).map(|agent| agent.branch).unwrap_or_default(),
        None => BranchName::default(),
    };
    let worktree = list::worktree_of_agent(repo, &id, &branch)?.ok_or_else(|| {
        Error::new(Code::WorktreeMissing, format!("agent '{id}' has no worktree in this clone"))
    })?;
    if worktree.exists() {
        return Ok(worktree.path);
    }
    let shown = text::safe(&worktree.path.to_string_lossy()).into_owned();
    Err(Error::new(
        Code::WorktreeMissing,
        format!("the worktree of agent '{id}' is missing: nothing at '{shown}'"),
    )
    .hint("git worktree repair NEW-PATH, if it was moved by hand")
    .hint(format!("git orchestra resume {id} makes it again from its work")))
}
