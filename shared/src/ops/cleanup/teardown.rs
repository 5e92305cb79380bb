//! Runs the teardown of worktrees that are about to be removed. It may delete anything there, so everything is stored before, and the
//! operation names it. What it commits is work like any other. Of an agent that is kept after it, what it deleted is put back.

use std::{collections::HashMap, path::Path, time::Duration};

use super::{ExaminedAgent, Examiner, NotRemovable, Request, removal_target, summary};
use crate::{
    Error, Result,
    config::{
        Config,
        keys::{SETUP_TIME, TEARDOWN},
    },
    context::{Context, Event},
    git::{Oid, Repo, worktrees::Worktree},
    landing::check::{self, Bounds},
    model::{AgentId, text},
    removal::{
        remove::{self, StoredAgent},
        restore::RemovedAgent,
        torn_down,
    },
    sandbox::Sandbox,
    store::{
        Listing,
        layout::{self, PrivateDir},
        operations::{Journal, Stage},
    },
    supervise::{
        launch::{self, AgentPlace},
        preparation::Preparation,
        spec::Spec,
    },
    worktree::include::Readiness,
    world,
};

/// How much of the end of the output is part of a warning, in columns.
const WIDTH: usize = 200;

/// What was stored of agents before the teardown of their worktrees, and its warnings.
#[derive(Default)]
pub(super) struct Teardowns {
    pub(super) stored: HashMap<AgentId, StoredAgent>,
    pub(super) warnings: Vec<String>,
}

/// Stores all in the worktrees that are to be removed, records the operation, and runs the configured teardown in each of them. One that
/// fails is a warning: the worktree is removed anyway, and `undo` restores it. Where something cannot be stored, it does not run.
///
/// # Errors
/// The configuration has an invalid value, or one that nobody approved (3), or the user interrupts it (130); nothing is removed then,
/// and the operation keeps what was stored.
pub(super) fn run_all(
    context: &Context,
    repo: &Repo,
    journal: &mut Journal,
    all: &[ExaminedAgent],
) -> Result<Teardowns> {
    let to_remove: Vec<(&ExaminedAgent, &Worktree)> = all
        .iter()
        .filter_map(|one| Some((one, one.finding.as_ref().ok()?.worktree.as_ref()?)))
        .filter(|(_, worktree)| worktree.exists())
        .collect();
    if to_remove.is_empty() {
        return Ok(Teardowns::default());
    }
    let config = Config::of(repo);
    let Some(command) = config.get(&TEARDOWN)? else { return Ok(Teardowns::default()) };
    let limit = config.get(&SETUP_TIME)?;
    let stored = store_all(context, repo, journal, &to_remove)?;
    let to_run: Vec<_> = to_remove.into_iter().filter(|(one, _)| stored.contains_key(&one.id)).collect();
    match run_each(context, repo, &to_run, &command, limit) {
        Ok(warnings) => Ok(Teardowns { stored, warnings }),
        Err(error) => {
            let id = journal.operation.id.clone();
            let warnings = put_back(repo, &id, &stored);
            journal.operation.stage = Stage::Aborted;
            let pins: Vec<Oid> = stored.values().flat_map(|one| one.pins.iter().copied()).collect();
            journal.write(repo, &pins)?;
            Err(warnings.into_iter().fold(error, Error::hint))
        }
    }
}

/// Keeps the agents whose teardown moved their branch to work that is nowhere else.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn look_again(
    repo: &Repo,
    request: &Request,
    all: &mut [ExaminedAgent],
    stored: &HashMap<AgentId, StoredAgent>,
) -> Result<()> {
    let mut moved = Vec::new();
    for one in all.iter_mut().filter(|one| one.finding.is_ok() && !one.discard) {
        let before = stored.get(&one.id);
        if before.map_or(Ok(false), |before| torn_down::has_moved(repo, &before.removal))? {
            moved.push(one);
        }
    }
    if moved.is_empty() {
        return Ok(());
    }
    let listing = Listing::read(repo)?;
    let examiner = Examiner::new(repo, request, &listing)?;
    for one in moved {
        match examiner.is_integrated(&one.id, &one.agent) {
            Ok(Ok(_)) => {}
            Ok(Err(kept)) => {
                let why = format!("its teardown committed to its branch: {}", kept.why);
                one.finding = Err(NotRemovable { why, ..kept });
            }
            Err(error) => one.finding = Err(NotRemovable::because(error)),
        }
    }
    Ok(())
}

/// Puts back what the teardowns of agents that were not removed deleted. Returns a warning for each of them.
pub(super) fn put_back(repo: &Repo, operation: &str, stored: &HashMap<AgentId, StoredAgent>) -> Vec<String> {
    let mut warnings = Vec::new();
    for (id, one) in stored {
        if !repo.find_ref(&layout::agent_ref(id)).is_ok_and(|at| at.is_some()) {
            continue;
        }
        let agent = RemovedAgent { removal: &one.removal, stored: one.tree };
        match torn_down::put_back(repo, operation, agent) {
            Ok(true) => warnings.push(format!("'{id}' is kept, and what its teardown deleted is back")),
            Ok(false) => {}
            Err(error) => warnings.push(format!(
                "what the teardown of '{id}' deleted is not back: {}; operation {operation} keeps it",
                error.one_line()
            )),
        }
    }
    warnings.sort_unstable();
    warnings
}

/// Stores agents, and records the operation with all of them. One that cannot be stored is left out, and is kept for that reason.
fn store_all(
    context: &Context,
    repo: &Repo,
    journal: &mut Journal,
    all: &[(&ExaminedAgent, &Worktree)],
) -> Result<HashMap<AgentId, StoredAgent>> {
    let (storing, mut stored) = (repo.syncing_together(), HashMap::new());
    let (mut removals, mut pins) = (Vec::new(), Vec::new());
    for (one, _) in all {
        context.check()?;
        let Some(Ok(done)) = removal_target(one).map(|target| remove::store_agent(&storing, &target)) else {
            continue;
        };
        journal.put_tree(&done.removal.agent, torn_down::marked(&storing, done.tree)?);
        removals.push(done.removal.clone());
        pins.extend(done.pins.iter().copied());
        stored.insert(one.id.clone(), done);
    }
    if !removals.is_empty() {
        storing.sync_objects()?;
        journal.operation.summary = summary(&removals);
        journal.operation.set_removals(removals)?;
        journal.write(repo, &pins)?;
    }
    Ok(stored)
}

fn run_each(
    context: &Context,
    repo: &Repo,
    all: &[(&ExaminedAgent, &Worktree)],
    command: &str,
    limit: Duration,
) -> Result<Vec<String>> {
    let (mut warnings, of) = (Vec::new(), all.len());
    for (done, (one, worktree)) in all.iter().enumerate() {
        context.check()?;
        context.emit(&Event::WorktreeTornDown { agent: one.id.clone(), done, of });
        let place = Place { repo, one, folder: &worktree.path };
        let nonce = world::random_hex::<16>()?;
        let bounds =
            Bounds { environment: repo.environment(), limit, cancel: &context.cancel, nonce: &nonce };
        let ran = place.command().and_then(|shell| check::run_in(shell, command, bounds))?;
        let ready = Readiness::of(worktree);
        if ready.set_up.is_some() {
            Readiness { set_up: None, ..ready }.write(worktree)?;
        }
        warnings.extend(ran.failure.map(|why| {
            let said = text::last_line(&String::from_utf8_lossy(&ran.output), WIDTH);
            let said = said.map_or_else(String::new, |said| format!(": {said}"));
            format!("the teardown of '{}' failed ({why}){said}", one.id)
        }));
    }
    Ok(warnings)
}

struct Place<'a> {
    repo: &'a Repo,
    one: &'a ExaminedAgent,
    folder: &'a Path,
}

impl Place<'_> {
    /// Returns a shell with the environment that the agent had.
    fn command(&self) -> Result<std::process::Command> {
        let private = PrivateDir::new(self.repo.private_dir()?);
        let spec = Spec::last(self.repo, &self.one.id, &private.agent(&self.one.id));
        let none = Preparation::default();
        let common_dir = self.repo.common_dir()?;
        let environment = self.repo.environment();
        let sandbox =
            spec.as_ref().map(|spec| launch::sandbox_of(environment, spec, &self.one.id, &common_dir));
        let sandbox = sandbox.transpose()?.flatten();
        let sandbox = sandbox.map(|sandbox| Sandbox { worktree: self.folder.to_owned(), ..sandbox });
        let place = AgentPlace {
            id: &self.one.id,
            common_dir: &common_dir,
            worktree: self.folder,
            branch: &self.one.agent.branch,
            base: &self.one.agent.base.to_string(),
            unset: spec.as_ref().map_or(&[], |spec| &spec.launch.unset),
            preparation: spec.as_ref().map_or(&none, |spec| &spec.preparation),
            sandbox: sandbox.as_ref(),
            of_program: Some(&self.one.agent.profile),
        };
        launch::command(self.repo.environment(), "/bin/sh", &place)
    }
}
