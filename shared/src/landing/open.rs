//! Landings that are not finished: under way in this moment, or waiting for `--continue`.

use super::{state::State, target_lock::TargetLock};
use crate::{
    Code, Error, Result,
    git::Repo,
    model::{AgentId, text},
    store::operations::{self, Journal, Operation, OperationBody, Stage},
};

/// A landing that is not finished.
#[derive(Clone, Debug)]
pub struct OpenLanding {
    /// Its operation.
    pub operation: Operation,
    /// Its target; `None` where what it wrote down cannot be read.
    pub into: Option<String>,
    /// The branches that it lands, as people name them.
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

    /// Whether a process works on it now.
    ///
    /// # Errors
    /// The repository has no private folder.
    pub fn is_running(&self, repo: &Repo) -> Result<bool> {
        self.into.as_deref().map_or(Ok(false), |into| TargetLock::is_held(repo, into))
    }

    /// Whether it needs an agent with this branch: to land its work, to ask it for a repair, or as its target.
    pub fn uses(&self, id: &AgentId, branch: &str) -> bool {
        self.into.as_deref() == Some(branch)
            || self.branches.iter().any(|name| name == id.as_str() || name == branch)
    }
}

/// All landings that are not finished, the newest first.
///
/// # Errors
/// The operations cannot be read.
pub fn all(repo: &Repo) -> Result<Vec<OpenLanding>> {
    let is_open = |one: &Operation| one.stage == Stage::Open && matches!(one.body, OperationBody::Landing(_));
    let open = operations::all(repo)?.into_iter().filter(is_open);
    Ok(open.map(|operation| OpenLanding::read(repo, operation)).collect())
}

/// The landings on which processes work now.
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

/// The landing on a branch that is not finished.
///
/// # Errors
/// The operations cannot be read.
pub fn into(repo: &Repo, branch: &str) -> Result<Option<OpenLanding>> {
    Ok(all(repo)?.into_iter().find(|open| open.into.as_deref() == Some(branch)))
}

/// The landing that a user means who wants to continue or abort one: that on `into`; else the only one there is, or the only one on
/// which no process works.
///
/// # Errors
/// There is none, or there are several (3).
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
        None => Err(none()),
        Some(one) if open.is_empty() => Ok(one),
        Some(_) => {
            let why = format!("several landings are not finished: into {}", names.join(", into "));
            Err(Error::refused(why).hint("--into BRANCH says which is meant"))
        }
    }
}

/// Says that no landing is under way.
pub fn none() -> Error {
    Error::new(Code::LandingAbsent, "no landing is under way").hint("git orchestra merge-ranked --dry-run")
}
