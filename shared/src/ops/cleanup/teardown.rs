//! Runs the teardown of worktrees that are about to be removed.

use std::path::Path;

use super::ExaminedAgent;
use crate::{
    Result,
    config::{
        Config,
        keys::{SETUP_TIME, TEARDOWN},
    },
    context::{Context, Event},
    git::{Repo, worktrees::Worktree},
    landing::check::{self, Bounds},
    model::text,
    sandbox::Sandbox,
    store::layout::PrivateDir,
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

/// Runs the configured teardown in each worktree that is to be removed. One that fails is a warning: the worktree is removed anyway, and
/// `undo` restores it.
///
/// # Errors
/// The configuration has an invalid value, or one that nobody approved (3), or the user interrupts it (130); nothing is removed then.
pub(super) fn run_all(context: &Context, repo: &Repo, all: &[ExaminedAgent]) -> Result<Vec<String>> {
    let to_remove: Vec<(&ExaminedAgent, &Worktree)> = all
        .iter()
        .filter_map(|one| Some((one, one.finding.as_ref().ok()?.worktree.as_ref()?)))
        .filter(|(_, worktree)| worktree.exists())
        .collect();
    if to_remove.is_empty() {
        return Ok(Vec::new());
    }
    let config = Config::of(repo);
    let Some(command) = config.get(&TEARDOWN)? else { return Ok(Vec::new()) };
    let limit = config.get(&SETUP_TIME)?;
    let (mut warnings, of) = (Vec::new(), to_remove.len());
    for (done, (one, worktree)) in to_remove.into_iter().enumerate() {
        context.check()?;
        context.emit(&Event::WorktreeTornDown { agent: one.id.clone(), done, of });
        let place = Place { repo, one, folder: &worktree.path };
        let nonce = world::random_hex::<16>()?;
        let bounds =
            Bounds { environment: repo.environment(), limit, cancel: &context.cancel, nonce: &nonce };
        let ran = place.command().and_then(|shell| check::run_in(shell, &command, bounds))?;
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
        };
        launch::command(self.repo.environment(), "/bin/sh", &place)
    }
}
