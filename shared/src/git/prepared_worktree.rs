//! Making a worktree: registering it, and checking it out.

use std::{path::Path, sync::atomic::AtomicBool};

use super::{files_of_tree::FilesOfTree, frozen, registration::Registration, written_by_git::GitWriter};
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo},
    world::Environment,
};

/// Settings for checkouts: a delta cache, and all cores.
const FOR_CHECKOUT: [&str; 2] = ["core.deltaBaseCacheLimit=96m", "checkout.workers=0"];

/// If one of these settings is not false, gix registers the worktree, as only it knows how.
const REGISTERED_BY_GIX: [&str; 3] =
    ["core.sparseCheckout", "extensions.worktreeConfig", "worktree.useRelativePaths"];

/// A worktree that is registered but not yet checked out. When dropped, it is removed again.
pub struct PreparedWorktree {
    way: Way,
    tree: gix::ObjectId,
    git: GitWriter,
}

/// How it was registered.
enum Way {
    Own { registration: Registration, repo: Box<gix::Repository> },
    Gix(Box<gix::worktree::add::PrepareCheckout>),
}

/// What a new worktree has checked out.
enum Head<'a> {
    /// A branch, by its full name.
    Branch(&'a str),
    Detached,
}

impl PreparedWorktree {
    /// Checks out the files of its commit, on all cores, and finishes the registration.
    ///
    /// # Errors
    /// A file cannot be written; then nothing is left behind.
    pub fn checkout(self) -> Result<()> {
        let cannot = || "cannot write the files of the worktree".to_owned();
        match self.way {
            Way::Own { registration, repo } => {
                FilesOfTree { repo: &repo, worktree: registration.folder(), git: &self.git }
                    .write(&self.tree)?;
                registration.finish().context(Kind::External, cannot)
            }
            Way::Gix(prepared) => {
                let repo = prepared.repo();
                let worktree = repo.workdir().map(Path::to_owned).unwrap_or_default();
                FilesOfTree { repo, worktree: &worktree, git: &self.git }.write(&self.tree)?;
                prepared.persist().map(drop).context(Kind::External, cannot)
            }
        }
    }
}

impl Repo {
    /// Opens the repository for checkouts: with all cores and a delta cache (gix has none by default, and is up to 20 times
    /// slower without).
    ///
    /// # Errors
    /// As [`Repo::open`].
    pub fn open_for_checkout(environment: &Environment, common_dir: &Path) -> Result<Self> {
        Self::open_with(environment, common_dir, &FOR_CHECKOUT)
    }

    /// Like [`Repo::open_for_checkout`], with the settings frozen in the git directory `frozen` of ours: what agents wrote into
    /// the repository's own configuration since does not affect how files are written.
    ///
    /// # Errors
    /// As [`Repo::open`].
    pub fn open_for_checkout_as_frozen(
        environment: &Environment,
        common_dir: &Path,
        frozen: &Path,
    ) -> Result<Self> {
        let settings = frozen::frozen_settings(frozen);
        let settings = settings.iter().map(String::as_str).chain(FOR_CHECKOUT);
        let mut repo =
            Self::open_without_own_settings(environment, common_dir, &settings.collect::<Vec<_>>())?;
        repo.frozen = Some(frozen.to_owned());
        Ok(repo)
    }

    /// Registers a worktree at `path` for an existing branch at `commit`. The branch must not be checked out elsewhere.
    ///
    /// # Errors
    /// The folder is taken or cannot be written.
    pub fn prepare_worktree(&self, path: &Path, branch_ref: &str, commit: Oid) -> Result<PreparedWorktree> {
        self.prepare(path, &Head::Branch(branch_ref), commit)
    }

    /// Registers a worktree at `path` with a detached `HEAD`.
    ///
    /// # Errors
    /// The folder is taken or cannot be written.
    pub fn prepare_detached_worktree(&self, path: &Path, commit: Oid) -> Result<PreparedWorktree> {
        self.prepare(path, &Head::Detached, commit)
    }

    fn prepare(&self, path: &Path, head: &Head<'_>, commit: Oid) -> Result<PreparedWorktree> {
        let (tree, git) = (self.tree_of(commit)?.gix(), GitWriter::of(self)?);
        let way = match self.register(path, head, commit)? {
            Some(way) => way,
            None => self.register_by_gix(path, head, commit)?,
        };
        Ok(PreparedWorktree { way, tree, git })
    }

    /// Registers a worktree without reading the other registrations. `None`: only gix knows how.
    fn register(&self, path: &Path, head: &Head<'_>, commit: Oid) -> Result<Option<Way>> {
        let settings = self.gix.config_snapshot();
        let is_off = |key: &&str| matches!(settings.try_boolean(*key), Ok(None | Some(false)));
        if !REGISTERED_BY_GIX.iter().all(is_off) {
            return Ok(None);
        }
        let text = match head {
            Head::Branch(name) => format!("ref: {name}"),
            Head::Detached => commit.to_string(),
        };
        let made = Registration::make(&self.common_dir()?, path, &text)
            .context(Kind::External, || cannot_make(path))?;
        let Some(registration) = made else { return Ok(None) };
        let repo = Box::new(self.open_new(&registration)?);
        // It tells where the worktree came from: from nothing.
        self.write_reflog(&registration.git_dir().join("logs/HEAD"), None, commit, "")?;
        Ok(Some(Way::Own { registration, repo }))
    }

    /// Opens a worktree that was just registered, with the configuration of this repository.
    fn open_new(&self, registration: &Registration) -> Result<gix::Repository> {
        let cannot = || cannot_make(registration.folder());
        let options = self.gix.open_options().clone().open_path_as_is(true);
        let mut repo = gix::ThreadSafeRepository::open_opts(registration.git_dir(), options)
            .context(Kind::External, cannot)?
            .to_thread_local();
        if !self.environment.is_inherited() {
            // The options do not contain what was read in the caller's environment.
            let mut settings = repo.config_snapshot_mut();
            *settings = self.gix.config_snapshot().plumbing().clone();
            settings.commit().context(Kind::External, cannot)?;
        }
        Ok(repo)
    }

    /// Registers a worktree with every setting and every check of git, one of which reads all other registrations.
    fn register_by_gix(&self, path: &Path, head: &Head<'_>, commit: Oid) -> Result<Way> {
        let cannot = || cannot_make(path);
        let detached = gix::worktree::add::Head::Detached(commit.gix());
        let prepared = self
            .gix
            .prepare_add_worktree(path, detached, &AtomicBool::new(false))
            .context(Kind::External, cannot)?;
        if let Head::Branch(name) = head {
            // For an attached `HEAD` gix opens every other worktree to see whether it has the branch checked out; ours is new.
            // Renamed into its place, as git does: another program that lists the worktrees never finds it empty.
            let head = prepared.repo().git_dir().join("HEAD");
            let lock = head.with_extension("lock");
            std::fs::write(&lock, format!("ref: {name}\n"))
                .and_then(|()| std::fs::rename(&lock, &head))
                .context(Kind::External, cannot)?;
        }
        Ok(Way::Gix(Box::new(prepared)))
    }
}

fn cannot_make(path: &Path) -> String {
    format!("cannot make worktree '{}'", path.display())
}
