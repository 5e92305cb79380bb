//! Unfinished landings: running now, or waiting for `--continue`.

use super::{state::State, target_lock::TargetLock};
use crate::{
    Code, Error, Result,
    git::Repo,
    model::{AgentId, text},
    store::operations::{self, Journal, Operation, OperationBody, Stage},
};

/// A landing that was neither finished nor aborted.
#[derive(Clone, Debug)]
pub struct OpenLanding {
    /// The operation that records it.
    pub operation: Operation,
    /// The target branch; `None` if the state of the landing cannot be read.
    pub into: Option<String>,
    /// The names of the branches it lands: agents' ids, or what was typed.
    branches: Vec<String>,
}

impl OpenLanding {
    fn read(repo: &Repo, operation: Operation) -> Self {
        let state = Journal::open(repo, &operation.id).and_then(|journal| State::load(repo, &journal));
        let (into, branches) = match state {
            Ok(state) => (Some(state.into), state.branches.into_iter().map(|one| one.name).collect()),
            Err(_) => (None, Vec::new()),
        };
        Self { operation, into, branches }
    }

    /// Returns whether a process is working on it now.
    ///
    /// # Errors
    /// The repository has no private folder.
    pub fn is_running(&self, repo: &Repo) -> Result<bool> {
        self.into.as_deref().map_or(Ok(false), |into| TargetLock::is_held(repo, into))
    }

    /// Returns whether the landing needs this agent: it lands the agent's work, or its target is the agent's branch.
    pub fn uses(&self, id: &AgentId, branch: &str) -> bool {
        self.into.as_deref() == Some(branch)
            || self.branches.iter().any(|name| name == id.as_str() || name == branch)
    }

    /// Returns whether it lands the work of no other than these agents.
    pub fn lands_only(&self, ids: &[&AgentId]) -> bool {
        self.branches.iter().all(|name| ids.iter().any(|id| id.as_str() == name))
    }
}

/// Returns all unfinished landings, newest first.
///
/// # Errors
/// The operations cannot be read.
pub fn all(repo: &Repo) -> Result<Vec<OpenLanding>> {
    let is_open = |one: &Operation| one.stage == Stage::Open && matches!(one.body, OperationBody::Landing(_));
    let open = operations::all(repo)?.into_iter().filter(is_open);
    Ok(open.map(|operation| OpenLanding::read(repo, operation)).collect())
}

/// Returns the landings that a process is working on now.
///
/// # Errors
/// The operations cannot be read.
pub fn running(repo: &Repo) -> Result<Vec<OpenLanding>> {
    let mut running = Vec::new();
    for open in all(repo)? {
        if open.is_running(repo)? {
            running.push(open);
        }
    }
    Ok(running)
}

/// Returns the unfinished landing into a branch.
///
/// # Errors
/// The operations cannot be read.
pub fn find(repo: &Repo, branch: &str) -> Result<Option<OpenLanding>> {
    Ok(all(repo)?.into_iter().find(|open| open.into.as_deref() == Some(branch)))
}

/// Returns the landing to continue or abort: the one into `into`; without `into`, the only unfinished one, or the only one that no
/// process is working on.
///
/// # Errors
/// There is no such landing, or there are several (3).
pub fn choose(repo: &Repo, into: Option<&str>) -> Result<OpenLanding> {
    let mut open = all(repo)?;
    if let Some(branch) = into {
        open.retain(|one| one.into.as_deref() == Some(branch));
    } else if open.len() > 1 {
        let mut idle = open.clone();
        idle.retain(|one| matches!(one.is_running(repo), Ok(false)));
        open = if idle.is_empty() { open } else { idle };
    }
    let names: Vec<String> =
        open.iter().filter_map(|one| one.into.as_deref()).map(|into| text::one_line(into, 60)).collect();
    match open.pop() {
        None => Err(no_landing_error()),
        Some(one) if open.is_empty() => Ok(one),
        Some(_) => {
            let why = format!("several landings are unfinished: into {}", names.join(", into "));
            Err(Error::refused(why).hint("choose one: --into BRANCH"))
        }
    }
}

/// Returns the error for a command that needs an unfinished landing where there is none.
pub fn no_landing_error() -> Error {
    Error::new(Code::LandingAbsent, "no landing is under way").hint("git orchestra merge-ranked --dry-run")
}
