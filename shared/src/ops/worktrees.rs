//! `worktrees`: lists the agents' worktrees, with their states and sizes.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    context::Context,
    git::{
        Repo,
        worktrees::{Worktree, WorktreePlace},
    },
    model::BranchName,
    ops::{agent_checkout::missing_worktree, agent_object::AgentObject, named, status},
    parallel,
    store::{Listing, Unreadable},
    worktree::{
        list::{self, WorktreeFinder},
        size,
    },
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
    /// The lengths of its files together, in bytes, if they were measured.
    #[serde(default)]
    pub apparent_size: Option<u64>,
    /// The part of `size` that it shares with files elsewhere by hard links, in bytes. What a file system shares by itself is not known.
    #[serde(default)]
    pub shared_size: Option<u64>,
    /// Whether there was no time to measure all of it.
    #[serde(default)]
    pub is_size_partial: bool,
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
    let mut paths = Vec::new();
    for agent in report.agents {
        let worktree = match found.worktrees.remove(&agent.id) {
            Some(worktree) => Some(worktree),
            // A worktree may also belong to an agent of another clone.
            None => finder.find(&agent.id, &agent.branch)?,
        };
        let Some(worktree) = worktree else { continue };
        // Another repository's is not measured.
        paths.push(worktree.registered_path().filter(|_| worktree.place != WorktreePlace::Foreign));
        worktrees.push(WorktreeInfo {
            path: worktree.path.to_string_lossy().into_owned(),
            size: None,
            apparent_size: None,
            shared_size: None,
            is_size_partial: false,
            locked: worktree.lock_reason(),
            operation: worktree.operation().map(str::to_owned),
            agent,
        });
    }
    if request.size {
        let deadline = Instant::now() + context.limits().measuring;
        let measured = parallel::map(&paths, |path| path.as_ref().map(|path| size::measure(path, deadline)));
        for (worktree, measured) in worktrees.iter_mut().zip(measured) {
            let measured = measured.unwrap_or_default();
            worktree.size = Some(measured.disk);
            worktree.apparent_size = Some(measured.apparent);
            worktree.shared_size = Some(measured.shared);
            worktree.is_size_partial = measured.is_partial;
        }
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
    match list::worktree_of_agent(repo, &id, &branch)?.filter(Worktree::exists) {
        Some(worktree) => Ok(worktree.path),
        None => Err(missing_worktree(repo, &id, &branch)?),
    }
}
