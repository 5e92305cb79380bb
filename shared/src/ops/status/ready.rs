//! What was done to make the worktree of one agent ready.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    git::{Repo, worktrees::Worktree},
    model::{Agent, AgentId},
    store::layout::PrivateDir,
    supervise::{ports, spec::Spec},
    worktree::{
        include::{Readiness, Skipped},
        list,
    },
};

/// The most copies that are named.
const MAX_NAMED: usize = 5;

/// How the worktree of an agent was made ready.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct ReadyWorktree {
    /// The first and the last port of the agent's own.
    pub ports: Option<(u16, u16)>,
    /// Its folder for temporary files.
    pub temporary: Option<String>,
    /// The command of its setup.
    pub setup: Option<String>,
    /// Whether that setup has succeeded in the worktree.
    pub is_set_up: bool,
    /// The number of files that were copied from the user's checkout.
    pub copied_files: u64,
    /// Their sizes together, in bytes.
    pub copied_bytes: u64,
    /// The paths of the first of them.
    pub copied: Vec<String>,
    /// The files that match the patterns and were not copied, each with the reason.
    pub not_copied: Vec<String>,
}

/// Reads how the worktree of an agent was made ready; nothing for an agent of another clone.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn of_agent(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<ReadyWorktree> {
    let private = PrivateDir::new(repo.private_dir()?);
    let spec = Spec::last(repo, id, &private.agent(id)).map(|spec| spec.preparation).unwrap_or_default();
    let worktree = list::worktree_of_agent(repo, id, &agent.branch)?.filter(Worktree::exists);
    let ready = worktree.as_ref().map(Readiness::of).unwrap_or_default();
    let setup = spec.setup.map(|setup| setup.command);
    let sentence = |one: &Skipped| format!("{} ({})", one.path, one.why);
    let path = |path: &Vec<u8>| String::from_utf8_lossy(path).into_owned();
    Ok(ReadyWorktree {
        ports: spec.port.map(|first| (first, first + (ports::BLOCK - 1))),
        temporary: spec
            .temporary
            .filter(|folder| folder.is_dir())
            .map(|path| path.to_string_lossy().into_owned()),
        is_set_up: setup.is_some() && ready.set_up == setup,
        setup,
        copied_files: ready.copies.len() as u64,
        copied_bytes: ready.bytes(),
        copied: ready.copies.iter().take(MAX_NAMED).map(|copy| path(&copy.path)).collect(),
        not_copied: ready.skipped.iter().map(sentence).collect(),
    })
}
