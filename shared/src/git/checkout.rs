//! Running git in a checkout that is addressed by its registration and never by its `.git` file: an agent that can write there
//! could make git work on another repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Code, Error, Result,
    git::{Git, careful, worktrees::Checkout},
    world::Environment,
};

/// Maximum size of a `.git` file, in bytes: it is one line with a path.
const MAX_DOT_GIT: u64 = 64 * 1024;

impl Checkout {
    /// Checks that the folder is the one that the registration names, and that its `.git` leads back to the registration. An
    /// agent may have replaced either.
    ///
    /// # Errors
    /// It is another folder (3).
    pub fn verify(&self) -> Result<()> {
        let refused = |why: &str| {
            let place = self.path.display();
            Err(Error::new(
                Code::WorktreeSuspect,
                format!("'{place}' is not the checkout that git has registered: {why}"),
            )
            .hint("git worktree list"))
        };
        let folder = self.registered_folder();
        if !fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir()) {
            return refused("it is not a folder");
        }
        match self.dot_git(&folder) {
            Some(target) if target == canonical(&self.git_dir) => Ok(()),
            Some(_) => refused("its '.git' leads elsewhere"),
            None => refused("it has no '.git'"),
        }
    }

    /// Returns the folder as the registration spells it, with a link in its last component not followed. The main checkout has no
    /// registration.
    fn registered_folder(&self) -> PathBuf {
        let registered = careful::text(self.git_dir.join("gitdir")).ok();
        let dot_git = registered.map(|text| self.git_dir.join(text.trim_end_matches('\n')));
        dot_git.and_then(|path| path.parent().map(Path::to_owned)).unwrap_or_else(|| self.path.clone())
    }

    /// Returns the git directory to which the `.git` of a folder leads.
    fn dot_git(&self, folder: &Path) -> Option<PathBuf> {
        let path = folder.join(".git");
        let found = fs::symlink_metadata(&path).ok()?;
        if found.is_file() && found.len() <= MAX_DOT_GIT {
            let text = careful::text(&path).ok()?;
            let target = text.strip_prefix("gitdir: ")?.trim_end_matches('\n');
            return Some(canonical(&folder.join(target)));
        }
        // The main checkout contains the git directory itself, or a link to it.
        let is_main = !self.git_dir.join("gitdir").exists();
        (is_main && path.is_dir()).then(|| canonical(&path))
    }

    /// Returns the command `git <verb>` in the checkout, whatever its `.git` contains.
    pub fn git(&self, environment: &Environment, verb: &str) -> Git {
        self.git_through(environment, &self.git_dir, verb)
    }

    /// Returns the command `git <verb>` on the files of the checkout, with `HEAD` and index of another git directory.
    pub fn git_through(&self, environment: &Environment, git_dir: &Path, verb: &str) -> Git {
        Git::for_work_tree(environment, &self.path, git_dir, verb).allow_lazy_fetch()
    }

    /// Returns whether `HEAD` is this branch, by its full name. Unlike [`Checkout::branch`], a branch that is being rebased is
    /// not.
    pub fn is_on(&self, branch_ref: &str) -> bool {
        let head = careful::text(self.git_dir.join("HEAD")).unwrap_or_default();
        head.strip_prefix("ref: ").is_some_and(|name| name.trim() == branch_ref)
    }
}

/// Splits output of git with `-z` into paths.
pub fn paths(output: &[u8]) -> Vec<Vec<u8>> {
    output.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect()
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
