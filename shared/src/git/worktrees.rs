//! Git's own list of worktrees.

use std::{
    ffi::OsStr,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, careful, moved},
    model::quote,
};

/// The file of a registration that contains the reason why its worktree is locked.
pub const LOCKED: &str = "locked";
/// What git writes into that file while a worktree is being made.
pub(super) const INITIALIZING: &str = "initializing";

/// Files and folders of a git directory that show an operation in progress, with its name.
const OPERATIONS: &[(&str, &str)] = &[
    ("rebase-merge", "rebase"),
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("sequencer", "cherry-pick"),
    ("BISECT_LOG", "bisect"),
];

/// A checkout: the main one or a linked worktree.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// Its own git directory.
    pub git_dir: PathBuf,
    /// The path of its files.
    pub path: PathBuf,
}

impl Checkout {
    /// Returns the full name of its branch, also while that is being rebased.
    pub fn branch(&self) -> Option<String> {
        let read = |file: &str| careful::small_text(&self.git_dir.join(file));
        let head = read("HEAD").unwrap_or_default();
        if let Some(name) = head.trim().strip_prefix("ref: ") {
            return Some(name.trim().to_owned());
        }
        let rebased = read("rebase-merge/head-name").or_else(|| read("rebase-apply/head-name"))?;
        Some(rebased.trim().to_owned())
    }

    /// Returns the git operation in progress.
    pub fn operation(&self) -> Option<&'static str> {
        OPERATIONS.iter().find(|(file, _)| self.git_dir.join(file).exists()).map(|(_, name)| *name)
    }
}

/// A linked worktree, read from its files only: nothing in it runs.
#[derive(Clone, Debug)]
pub struct Worktree {
    /// Its git directory, `<common>/worktrees/<name>`.
    pub git_dir: PathBuf,
    /// The path of its files.
    pub path: PathBuf,
    /// Whether anything was at its path when its registration was read, a link included; [`Worktree::exists`] looks again.
    pub was_there: bool,
}

/// The content of a worktree's `HEAD`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WorktreeHead {
    /// A branch, with its full name.
    Branch(String),
    /// A commit.
    Detached(Oid),
    /// It cannot be read.
    Unknown,
}

impl Repo {
    /// Returns whether any linked worktree is locked, as those being made are. Costs one `stat` per registration.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn has_locked_worktree(&self) -> Result<bool> {
        let registrations = fs::read_dir(self.common_dir()?.join("worktrees"));
        Ok(registrations.into_iter().flatten().flatten().any(|entry| entry.path().join(LOCKED).exists()))
    }

    /// Returns registrations whose creation was interrupted before they named a folder: git and gix write the mark first and the
    /// folder's name next. They contain nothing, but gix cannot make a worktree of the same name.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn nameless_registrations(&self) -> Result<Vec<PathBuf>> {
        let registrations = fs::read_dir(self.common_dir()?.join("worktrees"));
        let paths = registrations.into_iter().flatten().flatten().map(|entry| entry.path());
        Ok(paths.filter(|path| is_nameless(path)).collect())
    }

    /// Returns the registration with this name if it is one of [`Repo::nameless_registrations`].
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn nameless_registration(&self, name: &str) -> Result<Option<PathBuf>> {
        let path = self.common_dir()?.join("worktrees").join(name);
        Ok(Some(path).filter(|path| is_nameless(path)))
    }

    /// Lists all linked worktrees, sorted by name.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn worktrees(&self) -> Result<Vec<Worktree>> {
        self.worktree_reader().all()
    }

    /// Returns the linked worktree that is registered under a name.
    ///
    /// # Errors
    /// As for [`Repo::worktrees`].
    pub fn worktree_named(&self, name: &str) -> Result<Option<Worktree>> {
        self.worktree_reader().named(name.as_ref())
    }

    /// Lists every checkout that has a branch checked out, the main one first.
    ///
    /// # Errors
    /// As for [`Repo::worktrees`].
    pub fn checkouts_of(&self, branch_ref: &str) -> Result<Vec<Checkout>> {
        let mut all = Vec::new();
        if let Some(path) = self.main_checkout()? {
            all.push(Checkout { git_dir: self.common_dir()?, path });
        }
        let linked = self.worktrees()?.into_iter().filter(|worktree| worktree.path.exists());
        all.extend(linked.map(|one| Checkout { git_dir: one.git_dir, path: one.path }));
        all.retain(|checkout| checkout.branch().as_deref() == Some(branch_ref));
        Ok(all)
    }

    /// Returns the checkout from which the repository was found, the main one or a linked worktree; `None` if there is none.
    pub fn own_checkout(&self) -> Option<Worktree> {
        let path = self.work_dir()?;
        Some(Worktree { git_dir: self.gix.git_dir().to_owned(), path, was_there: true })
    }

    /// Returns the linked worktree at `path`.
    ///
    /// # Errors
    /// As for [`Repo::worktrees`].
    pub fn worktree_at(&self, path: &Path) -> Result<Option<Worktree>> {
        let mut reader = self.worktree_reader();
        if let Some(name) = path.file_name()
            && let Some(likely) = reader.named(name)?
            && likely.path == path
        {
            return Ok(Some(likely));
        }
        Ok(reader.all()?.into_iter().find(|worktree| worktree.path == path))
    }
}

pub(super) fn is_nameless(registration: &Path) -> bool {
    let has_no_path = match fs::symlink_metadata(registration.join("gitdir")) {
        Ok(found) => found.is_file() && found.len() == 0,
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    let is_early_file = |name: &OsStr| name == LOCKED || name == "gitdir";
    has_no_path
        && fs::read_dir(registration)
            .is_ok_and(|mut entries| entries.all(|one| one.is_ok_and(|one| is_early_file(&one.file_name()))))
}

impl Worktree {
    /// Returns its path by its registration, with links not resolved. If nothing is there because the worktree was moved with the
    /// repository, returns the new path.
    pub fn registered_path(&self) -> Option<PathBuf> {
        current_path(&self.git_dir)
    }

    /// Returns the path in its registration, even if that is outdated.
    pub(super) fn recorded_path(&self) -> Option<PathBuf> {
        recorded_path(&self.git_dir)
    }

    /// Returns whether anything is at its path, a link included.
    pub fn exists(&self) -> bool {
        self.registered_path().is_some_and(|path| fs::symlink_metadata(path).is_ok())
    }

    /// Returns what its `HEAD` contains.
    pub fn head(&self) -> WorktreeHead {
        let text = careful::small_text(&self.git_dir.join("HEAD")).unwrap_or_default();
        let text = text.trim();
        match (text.strip_prefix("ref: "), Oid::parse(text)) {
            (Some(name), _) => WorktreeHead::Branch(name.trim().to_owned()),
            (None, Some(id)) => WorktreeHead::Detached(id),
            (None, None) => WorktreeHead::Unknown,
        }
    }

    /// Returns the git operation in progress.
    pub fn operation(&self) -> Option<&'static str> {
        OPERATIONS.iter().find(|(file, _)| self.git_dir.join(file).exists()).map(|(_, name)| *name)
    }

    /// Returns why it is locked; `None`: it is not.
    pub fn lock_reason(&self) -> Option<String> {
        let text = careful::small_text(&self.git_dir.join(LOCKED))?;
        Some(text.trim().to_owned())
    }

    /// Returns whether it is being made, or its creation was interrupted.
    pub fn is_incomplete(&self) -> bool {
        self.lock_reason().is_some_and(|reason| reason == INITIALIZING)
    }

    /// Moves the registration of a worktree whose files are gone into `folder`, so that the worktree can be recreated in its
    /// place.
    ///
    /// # Errors
    /// Its files exist, somebody locked it, or it cannot be moved.
    pub fn move_registration(&self, folder: &Path) -> Result<()> {
        let shown = self.path.display();
        if self.path.join(".git").exists() {
            return Err(Error::internal(format!("the files of worktree '{shown}' exist")));
        }
        if let Some(reason) = self.lock_reason() {
            return Err(Error::new(
                Code::WorktreeLocked,
                format!("worktree '{shown}' is gone, but locked: {reason}"),
            )
            .hint(format!(
                "if it is not needed any more: {}",
                quote::command(&[&"git", &"worktree", &"unlock", &self.path])
            )));
        }
        let cannot = || format!("cannot move '{}' out of the way", self.git_dir.display());
        fs::create_dir_all(folder).context(Kind::External, cannot)?;
        let name = self.git_dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let place = (0..1000).map(|n| folder.join(format!("{name}.{n}"))).find(|place| !place.exists());
        let place = place.ok_or_else(|| Error::internal(cannot()))?;
        fs::rename(&self.git_dir, place).context(Kind::External, cannot)
    }
}

/// Returns the folder that a registration names.
fn recorded_path(git_dir: &Path) -> Option<PathBuf> {
    let gitdir = careful::small_text(&git_dir.join("gitdir"))?;
    let gitdir = Some(gitdir.trim_end_matches('\n')).filter(|gitdir| !gitdir.is_empty())?;
    git_dir.join(gitdir).parent().map(Path::to_owned)
}

fn current_path(git_dir: &Path) -> Option<PathBuf> {
    current_place(git_dir).map(|(path, _)| path)
}

/// Returns the folder of a registration, which may have moved with the repository, and what is there.
pub(super) fn current_place(git_dir: &Path) -> Option<(PathBuf, io::Result<fs::Metadata>)> {
    let written = recorded_path(git_dir)?;
    let found = fs::symlink_metadata(&written);
    if found.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound)
        && let Some(moved) = moved::find_moved(git_dir, &written)
    {
        let found = fs::symlink_metadata(&moved);
        return Some((moved, found));
    }
    Some((written, found))
}
