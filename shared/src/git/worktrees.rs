//! Git's own list of worktrees.

use std::{
    ffi::OsStr,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, careful, common_dir, moved},
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
    /// What was at its path when its registration was read; [`Worktree::exists`] looks again.
    pub place: WorktreePlace,
}

/// What is at the path of a worktree, for the repository that has registered it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WorktreePlace {
    /// Its files, or whatever replaced them, a link included.
    Here,
    /// Nothing is at its path.
    Gone,
    /// A worktree of another repository: this repository is a copy of that one, and the registration was copied with it. Nothing there
    /// is ours to read or to change.
    Foreign,
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
        let linked = self.worktrees()?.into_iter().filter(Worktree::is_checked_out);
        all.extend(linked.map(|one| Checkout { git_dir: one.git_dir, path: one.path }));
        all.retain(|checkout| checkout.branch().as_deref() == Some(branch_ref));
        Ok(all)
    }

    /// Returns the checkout from which the repository was found, the main one or a linked worktree; `None` if there is none.
    pub fn own_checkout(&self) -> Option<Worktree> {
        let path = self.work_dir()?;
        Some(Worktree { git_dir: self.gix.git_dir().to_owned(), path, place: WorktreePlace::Here })
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
        moved::recorded_path(&self.git_dir)
    }

    /// Returns whether anything is at its path, a link included, that is not the worktree of another repository.
    pub fn exists(&self) -> bool {
        current_place(&self.git_dir).is_some_and(|now| now.place == WorktreePlace::Here)
    }

    /// Returns whether its branch is checked out in a folder of this repository.
    pub fn is_checked_out(&self) -> bool {
        self.place == WorktreePlace::Here && self.path.exists()
    }

    /// Returns the git directory of the other repository whose worktree is at its path, if there is one.
    pub fn other_repository(&self) -> Option<PathBuf> {
        let other = moved::other_registration(&self.registered_path()?, &self.git_dir)?;
        common_dir::of_git_dir(&other).canonicalize().ok()
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

    /// Moves the registration of a worktree whose files are gone, or those of another repository, into `folder`, so that the worktree can be recreated in its
    /// place.
    ///
    /// # Errors
    /// Its files exist, somebody locked it, or it cannot be moved.
    pub fn move_registration(&self, folder: &Path) -> Result<()> {
        let shown = self.path.display();
        if self.exists() && self.path.join(".git").exists() {
            return Err(Error::internal(format!("the files of worktree '{shown}' exist")));
        }
        // The lock protects the files of the other repository, which keeps its own registration.
        if let Some(reason) = self.lock_reason().filter(|_| self.other_repository().is_none()) {
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

fn current_path(git_dir: &Path) -> Option<PathBuf> {
    current_place(git_dir).map(|now| now.path)
}

/// The folder of a registration.
pub(super) struct CurrentPlace {
    pub(super) path: PathBuf,
    pub(super) place: WorktreePlace,
    /// Whether a folder is at the path, and no link or file.
    pub(super) is_folder: bool,
}

/// Returns the folder of a registration, which may have been moved or copied with the repository, and what is there.
pub(super) fn current_place(git_dir: &Path) -> Option<CurrentPlace> {
    let path = moved::recorded_path(git_dir)?;
    let found = fs::symlink_metadata(&path);
    let is_folder = found.as_ref().is_ok_and(fs::Metadata::is_dir);
    let is_foreign = is_folder && moved::other_registration(&path, git_dir).is_some();
    let is_gone = found.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if (is_gone || is_foreign)
        && let Some(path) = moved::find_moved(git_dir, &path)
    {
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
        return Some(CurrentPlace { path, place: WorktreePlace::Here, is_folder });
    }
    let place = match found {
        Ok(_) if is_foreign => WorktreePlace::Foreign,
        Ok(_) => WorktreePlace::Here,
        Err(_) => WorktreePlace::Gone,
    };
    Some(CurrentPlace { path, place, is_folder })
}
