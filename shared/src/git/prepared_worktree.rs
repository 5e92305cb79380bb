//! Making a worktree: registering it, and checking it out.

use std::{path::Path, sync::atomic::AtomicBool};

use gix::{
    error::ResultExt,
    refs::transaction::{LogChange, PreviousValue, RefEdit, RefLog},
};

use super::{frozen, registration::Registration};
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
pub struct PreparedWorktree(Way);

enum Way {
    Own { registration: Registration, repo: Box<gix::Repository>, tree: gix::ObjectId },
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
        let never = AtomicBool::new(false);
        let written = match self.0 {
            Way::Own { registration, repo, tree } => write_files(&repo, registration.folder(), &tree, &never)
                .and_then(|()| registration.finish().or_error()),
            Way::Gix(prepared) => prepared.checkout(gix::progress::Discard, &never).map(drop),
        };
        written.context(Kind::External, || "cannot write the files of the worktree".into())
    }
}

/// Writes all files of a tree into an empty worktree, then the index.
fn write_files(
    repo: &gix::Repository,
    worktree: &Path,
    tree: &gix::oid,
    never: &AtomicBool,
) -> gix::Result<()> {
    let mut index = repo.index_from_tree(tree)?;
    let mut options = repo.checkout_options(gix::worktree::stack::state::attributes::Source::IdMapping)?;
    options.destination_is_initially_empty = true;
    let (objects, progress) = (repo.objects.clone().into_arc().or_error()?, gix::progress::Discard);
    gix::worktree::state::checkout(&mut index, worktree, objects, &progress, &progress, never, options)?;
    index.write(gix::index::write::Options::default())
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
        Self::open_without_own_settings(environment, common_dir, &settings.collect::<Vec<_>>())
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
        let cannot = || format!("cannot make worktree '{}'", path.display());
        let settings = self.gix.config_snapshot();
        let is_off = |key: &&str| matches!(settings.try_boolean(*key), Ok(None | Some(false)));
        if REGISTERED_BY_GIX.iter().all(is_off) {
            let tree = self.tree_of(commit)?.gix();
            let text = match head {
                Head::Branch(name) => format!("ref: {name}"),
                // The first entry of its reflog tells where it came from: from nothing.
                Head::Detached => Oid::NULL.to_string(),
            };
            let made =
                Registration::make(&self.common_dir()?, path, &text).context(Kind::External, cannot)?;
            if let Some(registration) = made {
                let repo = Box::new(self.open_new(&registration, head, commit)?);
                return Ok(PreparedWorktree(Way::Own { registration, repo, tree }));
            }
        }
        self.prepare_by_gix(path, head, commit)
    }

    /// Opens a worktree that was just registered, and writes the first entry of its reflog.
    fn open_new(&self, registration: &Registration, head: &Head<'_>, commit: Oid) -> Result<gix::Repository> {
        let cannot = || format!("cannot make worktree '{}'", registration.folder().display());
        let options = self.gix.open_options().clone().open_path_as_is(true);
        let repo = gix::ThreadSafeRepository::open_opts(registration.git_dir(), options)
            .context(Kind::External, cannot)?
            .to_thread_local();
        let mode = match head {
            Head::Branch(_) => RefLog::Only,
            Head::Detached => RefLog::AndReference,
        };
        let log = LogChange { mode, ..LogChange::default() };
        let name = "HEAD".try_into().context(Kind::Internal, cannot)?;
        repo.edit_reference(RefEdit::update_with_log(name, commit.gix(), PreviousValue::Any, log))
            .context(Kind::External, cannot)?;
        Ok(repo)
    }

    /// Registers a worktree with every setting and every check of git, one of which reads all other registrations.
    fn prepare_by_gix(&self, path: &Path, head: &Head<'_>, commit: Oid) -> Result<PreparedWorktree> {
        let cannot = || format!("cannot make worktree '{}'", path.display());
        let detached = gix::worktree::add::Head::Detached(commit.gix());
        let prepared = self
            .gix
            .prepare_add_worktree(path, detached, &AtomicBool::new(false))
            .context(Kind::External, cannot)?;
        if let Head::Branch(name) = head {
            // For an attached `HEAD` gix opens every other worktree to see whether it has the branch checked out; ours is new.
            let head = prepared.repo().git_dir().join("HEAD");
            std::fs::write(head, format!("ref: {name}\n")).context(Kind::External, cannot)?;
        }
        Ok(PreparedWorktree(Way::Gix(Box::new(prepared))))
    }
}
