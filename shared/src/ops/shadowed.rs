//! An agent's worktree, seen through the settings that held before it ran, with an index of ours in a temporary folder.

use tempfile::TempDir;

use crate::{
    Kind, Result,
    config::Config,
    error::Context,
    git::{Oid, Repo, worktrees::Worktree},
    model::{Agent, AgentId},
    store::layout::Private,
    supervise::spec::Spec,
    trust::acceptance,
    worktree::{
        list,
        shadow::{Frozen, Shadow},
        take::Task,
    },
};

/// The largest untracked file that is taken, where the setting cannot be understood.
const MAX_FILE: u64 = 100 << 20;

/// See above.
pub(super) struct Shadowed {
    /// Goes, with the index, when this goes.
    pub(super) folder: TempDir,
    pub(super) shadow: Shadow,
    pub(super) worktree: Worktree,
    max_file: u64,
}

impl Shadowed {
    /// Of an agent; `None` where it has no worktree here.
    pub(super) fn of(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<Option<Self>> {
        let found = list::of_agent(repo, id, &agent.branch)?;
        let Some(worktree) = found.filter(|worktree| worktree.path.is_dir()) else { return Ok(None) };
        let folder =
            tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
        let common = repo.common_dir()?;
        let private = Private::new(repo.private_dir()?);
        // As they were before it ran, if that is known; it may have changed them.
        let settings = match Spec::last(repo, id, &private.agent(id)) {
            Some(spec) if private.frozen().join(&spec.frozen).is_dir() => {
                Frozen::kept(&private.frozen(), &spec.frozen, &common)?
            }
            _ => {
                let accepted = acceptance::is_accepted(repo);
                let settings = if accepted { Frozen::now(repo)? } else { Frozen::plain() };
                folder.path().join(settings.keep(folder.path(), &common)?)
            }
        };
        // A size that cannot be understood keeps nobody from looking.
        let max_file = Config::of(repo).max_file().unwrap_or(MAX_FILE);
        let shadow = Shadow::at(settings, folder.path().join("index"), worktree.path.clone(), common);
        Ok(Some(Self { folder, shadow, worktree, max_file }))
    }

    /// Whose work is taken.
    pub(super) fn task<'a>(&self, id: &'a AgentId, agent: &'a Agent, base: Oid) -> Task<'a> {
        Task { id, title: &agent.title, branch: &agent.branch, base, max_file: self.max_file }
    }
}
