//! An agent's worktree, seen through the settings that held before it ran, with an index of ours in a temporary folder.

use tempfile::TempDir;

use crate::{
    Kind, Result,
    config::Config,
    error::Context,
    git::{Oid, Repo, repo::Identity, worktrees::Worktree},
    model::{Agent, AgentId},
    store::layout::Private,
    supervise::spec::Spec,
    worktree::{
        list,
        shadow::{Frozen, Shadow},
        take::Task,
    },
};

/// See above.
pub(super) struct Shadowed {
    /// Goes, with the index, when this goes.
    pub(super) folder: TempDir,
    pub(super) shadow: Shadow,
    pub(super) worktree: Worktree,
    /// Who commits for the agent.
    pub(super) identity: Option<Identity>,
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
        let spec = Spec::last(repo, id, &private.agent(id));
        let identity = spec.as_ref().and_then(|spec| spec.identity.clone());
        let kept = spec.map(|spec| private.frozen().join(spec.frozen));
        let settings = match kept.filter(|kept| kept.is_dir()) {
            Some(kept) => kept,
            None => folder.path().join(Frozen::now(repo)?.keep(folder.path(), &common)?),
        };
        let shadow = Shadow::at(settings, folder.path().join("index"), worktree.path.clone(), common);
        Ok(Some(Self { folder, shadow, worktree, identity, max_file: Config::of(repo).max_file()? }))
    }

    /// Whose work is taken.
    pub(super) fn task<'a>(&self, id: &'a AgentId, agent: &'a Agent, base: Oid) -> Task<'a> {
        Task { id, title: &agent.title, branch: &agent.branch, base, max_file: self.max_file }
    }
}
