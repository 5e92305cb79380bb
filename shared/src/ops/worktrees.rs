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
    worktree::list::{self, WorktreeFinder},
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
    context.check()?;
    let asked = status::Request { all: true, dirt: true, ..status::Request::default() };
    let (report, mut found) = status::read(repo, &asked, context.limits().counting)?;
    let mut finder = WorktreeFinder::new(repo);
    let mut worktrees = Vec::new();
    for agent in report.agents {
        let worktree = match found.worktrees.remove(&agent.id) {
            Some(worktree) => Some(worktree),
            // A worktree may also belong to an agent of another clone.
            None => finder.find(&agent.id, &agent.branch)?,
        };
        let Some(worktree) = worktree else { continue };
        worktrees.push(WorktreeInfo {
            path: worktree.path.to_string_lossy().into_owned(),
            size: request.size.then(|| worktree.registered_path().map_or(0, |path| list::disk_size(&path))),
            locked: worktree.lock_reason(),
            operation: worktree.operation().map(str::to_owned),
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
    let listing = Listing::of_name(repo, typed)?;
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
