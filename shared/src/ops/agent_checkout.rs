//! An agent's worktree, read with the git configuration as it was before the agent ran, and with a temporary index.

use tempfile::TempDir;

use crate::{
    Code, Error, Kind, Result,
    config::{Config, keys::MAX_FILE},
    error::ErrorContext,
    git::{Oid, Repo, common_dir, repo::Identity, worktrees::Worktree},
    model::{Agent, AgentId, ByteSize, text},
    store::{
        self,
        layout::{self, PrivateDir},
    },
    supervise::spec::Spec,
    trust::acceptance,
    worktree::{
        capture::{CapturePlace, CaptureTarget},
        isolated_git_dir::{FrozenConfig, IsolatedGitDir},
        list, open_worktree,
        root::WorktreeRoot,
        unchanged,
    },
};

/// Returns whether the worktree of an agent has changes that are not in its work: somebody made them since the work was saved.
///
/// # Errors
/// As for [`AgentCheckout::of`].
pub(super) fn has_changes(repo: &Repo, id: &AgentId) -> Result<bool> {
    let agent = store::agent(repo, id)?;
    let (Some(checkout), Some(head)) =
        (AgentCheckout::of(repo, id, &agent)?, repo.find_ref(&layout::head_ref(id))?)
    else {
        return Ok(false);
    };
    Ok(unchanged::compare(repo, &checkout.place(&checkout.isolated), head)?.changes > 0)
}

/// An agent's worktree, with everything that is needed to read it safely.
pub(super) struct AgentCheckout {
    /// Holds the index; removed when this value is dropped.
    pub(super) folder: TempDir,
    pub(super) isolated: IsolatedGitDir,
    pub(super) worktree: Worktree,
    /// The author of the agent's commits, if it is known.
    pub(super) identity: Option<Identity>,
    root: WorktreeRoot,
    max_file: ByteSize,
}

/// Explains that an agent has no worktree in this repository, and why.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn missing_worktree(repo: &Repo, id: &AgentId, branch: &str) -> Result<Error> {
    let Some(worktree) = list::worktree_of_agent(repo, id, branch)? else {
        return Ok(Error::new(Code::WorktreeMissing, format!("agent '{id}' has no worktree in this clone")));
    };
    let shown = text::safe(&worktree.path.to_string_lossy()).into_owned();
    let again = format!("git orchestra resume {id} makes it again from its work");
    Ok(match worktree.other_repository() {
        Some(other) => {
            let other = common_dir::display_folder(&other).to_string_lossy().into_owned();
            let what = format!("agent '{id}' has no worktree in this copy of the repository");
            Error::new(Code::WorktreeMissing, what)
                .because(format!("'{shown}' is the worktree of '{}'", text::safe(&other)))
                .hint(format!("git orchestra resume {id} makes one here from its work"))
        }
        None => {
            let what = format!("the worktree of agent '{id}' is missing: nothing at '{shown}'");
            Error::new(Code::WorktreeMissing, what)
                .hint("git worktree repair NEW-PATH, if it was moved by hand")
                .hint(again)
        }
    })
}

impl AgentCheckout {
    /// Opens the worktree of an agent. Returns `None` if it has none on this machine.
    ///
    /// # Errors
    /// The folder is not the agent's worktree (3), or something cannot be read or written.
    pub(super) fn of(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<Option<Self>> {
        let found = list::worktree_of_agent(repo, id, &agent.branch)?;
        found.filter(Worktree::exists).map(|worktree| Self::open(repo, id, worktree)).transpose()
    }

    /// Opens an agent's worktree, which was found before.
    ///
    /// # Errors
    /// As for [`AgentCheckout::of`].
    pub(super) fn open(repo: &Repo, id: &AgentId, worktree: Worktree) -> Result<Self> {
        let common = repo.common_dir()?;
        let private = PrivateDir::new(repo.private_dir()?);
        let spec = Spec::last(repo, id, &private.agent(id));
        let root = open_worktree::open_worktree(
            repo,
            &worktree,
            spec.as_ref().map(Spec::worktree_identity).unwrap_or_default(),
        )?;
        let folder =
            tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
        // The agent may have changed identity and configuration, so those from before it ran are used, if they are known.
        let identity = spec.as_ref().and_then(|spec| spec.identity.clone());
        let settings = match spec.filter(|spec| private.frozen().join(&spec.frozen).is_dir()) {
            Some(spec) => FrozenConfig::kept(&private.frozen(), &spec.frozen, &common)?,
            None => {
                let accepted = acceptance::is_accepted(repo);
                let settings = if accepted { FrozenConfig::now(repo)? } else { FrozenConfig::plain() };
                folder.path().join(settings.keep(folder.path(), &common)?)
            }
        };
        // An invalid size in the configuration must not prevent reading.
        let max_file = Config::of(repo).get_or_default(&MAX_FILE);
        let isolated = IsolatedGitDir::at(
            repo.environment(),
            settings,
            folder.path().join("index"),
            root.path().to_owned(),
            common,
        );
        Ok(Self { folder, isolated, worktree, identity, root, max_file })
    }

    /// Returns the worktree for a capture that stores its objects where `isolated` says.
    pub(super) fn place<'a>(&'a self, isolated: &'a IsolatedGitDir) -> CapturePlace<'a> {
        CapturePlace { root: &self.root, worktree: &self.worktree, agent_side: None, isolated }
    }

    /// Returns whose work is captured, and from which base.
    pub(super) fn task<'a>(&self, id: &'a AgentId, agent: &'a Agent, base: Oid) -> CaptureTarget<'a> {
        CaptureTarget {
            id,
            title: &agent.title,
            last_words: agent.last_words.as_deref(),
            branch: &agent.branch,
            base,
            max_file: self.max_file,
        }
    }
}
