//! An agent's worktree, seen through the settings that held before it ran, with an index of ours in a temporary folder.

use tempfile::TempDir;

use crate::{
    Kind, Result,
    config::{Config, keys::MAX_FILE},
    error::Context,
    git::{Oid, Repo, repo::Identity, worktrees::Worktree},
    model::{Agent, AgentId, ByteSize},
    store::layout::PrivateDir,
    supervise::spec::Spec,
    trust::acceptance,
    worktree::{
        capture::{CapturePlace, CaptureTarget},
        isolated_git_dir::{FrozenConfig, IsolatedGitDir},
        list, open_worktree,
        root::Root,
    },
};

/// See above.
pub(super) struct AgentCheckout {
    /// Goes, with the index, when this goes.
    pub(super) folder: TempDir,
    pub(super) shadow: IsolatedGitDir,
    pub(super) worktree: Worktree,
    /// Who commits for the agent.
    pub(super) identity: Option<Identity>,
    root: Root,
    max_file: ByteSize,
}

impl AgentCheckout {
    /// Of an agent; `None` where it has no worktree here.
    ///
    /// # Errors
    /// The worktree is not what it should be (3), or something cannot be read or written.
    pub(super) fn of(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<Option<Self>> {
        let found = list::of_agent(repo, id, &agent.branch)?;
        let Some(worktree) = found.filter(Worktree::is_there) else { return Ok(None) };
        let common = repo.common_dir()?;
        let private = PrivateDir::new(repo.private_dir()?);
        let spec = Spec::last(repo, id, &private.agent(id));
        let root = open_worktree::enter(repo, &worktree, spec.as_ref().map(Spec::made).unwrap_or_default())?;
        let folder =
            tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
        // As they were before it ran, if that is known; it may have changed them.
        let identity = spec.as_ref().and_then(|spec| spec.identity.clone());
        let settings = match spec.filter(|spec| private.frozen().join(&spec.frozen).is_dir()) {
            Some(spec) => FrozenConfig::kept(&private.frozen(), &spec.frozen, &common)?,
            None => {
                let accepted = acceptance::is_accepted(repo);
                let settings = if accepted { FrozenConfig::now(repo)? } else { FrozenConfig::plain() };
                folder.path().join(settings.keep(folder.path(), &common)?)
            }
        };
        // A size that cannot be understood keeps nobody from looking.
        let max_file = Config::of(repo).get_or_default(&MAX_FILE);
        let shadow = IsolatedGitDir::at(
            repo.environment(),
            settings,
            folder.path().join("index"),
            root.path().to_owned(),
            common,
        );
        Ok(Some(Self { folder, shadow, worktree, identity, root, max_file }))
    }

    /// The worktree, for a look that stores objects where `shadow` says.
    pub(super) fn place<'a>(&'a self, shadow: &'a IsolatedGitDir) -> CapturePlace<'a> {
        CapturePlace { root: &self.root, worktree: &self.worktree, shadow }
    }

    /// Whose work is taken.
    pub(super) fn task<'a>(&self, id: &'a AgentId, agent: &'a Agent, base: Oid) -> CaptureTarget<'a> {
        CaptureTarget { id, title: &agent.title, branch: &agent.branch, base, max_file: self.max_file }
    }
}
