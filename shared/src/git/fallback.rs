//! A repository whose own configuration cannot be used: an agent that breaks it must not keep anybody from looking at agents and
//! from stopping them. It is seen through a git directory of ours, with the configuration that git gives a new repository.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    Error, Kind, Result,
    error::Context,
    git::{above, ownership, settings},
};

/// What is seen through: parts of the git directory that hold no configuration.
const PARTS: &[&str] = &["info", "logs", "objects", "packed-refs", "refs", "shallow", "worktrees"];
/// What git writes into the `config` of a new repository.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n";
/// Longest `HEAD`, in bytes.
const LONGEST: u64 = 8 << 10;

/// The git directory of ours; it goes when this goes.
#[derive(Debug)]
pub(super) struct View {
    folder: TempDir,
    /// The common git directory that is seen through it.
    pub(super) common_dir: PathBuf,
    /// The checkout in which the user stands, if any.
    pub(super) work_dir: Option<PathBuf>,
    /// Why the configuration cannot be used.
    pub(super) why: String,
}

impl View {
    /// Opens the repository of `git_dir` past its configuration, where agents were started in it before: then it could be used.
    ///
    /// # Errors
    /// `why`, where there was never an agent, or the repository is of another kind indeed.
    pub(super) fn open(
        git_dir: &Path,
        work_dir: Option<&Path>,
        why: Error,
    ) -> Result<(gix::Repository, Self)> {
        let common_dir = above::common_dir_of(git_dir);
        let was_used = common_dir.join("orchestra/writer").is_file();
        if !was_used || common_dir.join("reftable").exists() {
            return Err(why);
        }
        let cannot = || "cannot make a temporary folder".to_owned();
        let common_dir = common_dir.canonicalize().context(Kind::External, cannot)?;
        let folder = tempfile::tempdir().context(Kind::External, cannot)?;
        for part in PARTS.iter().filter(|part| common_dir.join(part).exists()) {
            symlink(common_dir.join(part), folder.path().join(part)).context(Kind::External, cannot)?;
        }
        let head = settings::read_regular(&git_dir.join("HEAD"), LONGEST).unwrap_or_default();
        fs::write(folder.path().join("HEAD"), head).context(Kind::External, cannot)?;
        fs::write(folder.path().join("config"), CONFIG).context(Kind::External, cannot)?;
        let options = ownership::trusting().open_path_as_is(true);
        let Ok(opened) = gix::ThreadSafeRepository::open_opts(folder.path(), options) else {
            return Err(why);
        };
        let work_dir = work_dir.and_then(|dir| dir.canonicalize().ok());
        let view = Self { folder, common_dir, work_dir, why: why.one_line() };
        Ok((opened.to_thread_local(), view))
    }

    /// Where it is, as `GIT_DIR` for git.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Whether the configuration is no file at all: to open a pipe in its place would wait for ever.
pub(super) fn is_in_the_way(common_dir: &Path) -> bool {
    fs::metadata(common_dir.join("config")).is_ok_and(|found| !found.is_file())
}
