//! A repository whose own configuration cannot be used: an agent that breaks it must not keep anybody from looking at agents and
//! from stopping them. It is seen through a git directory of ours, with the configuration that git gives a new repository.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    Code, Error, Kind, Result,
    error::Context,
    git::{caller, common_dir, settings},
    model::quote,
    world::Environment,
};

/// What is seen through: parts of the git directory that hold no configuration.
const PARTS: &[&str] = &["info", "logs", "objects", "packed-refs", "refs", "shallow", "worktrees"];
/// What git writes into the `config` of a new repository.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n";
/// Read to find out whether a folder is a repository.
const READ_FIRST: &[&str] = &["HEAD", "commondir"];
/// Read when it is opened, or when anything is looked for in it; without them nothing can be said of it.
const READ_WHEN_OPENED: &[&str] = &["packed-refs", "objects/info/alternates"];
/// What can be done without, or is replaced by files of ours.
const REPLACED: &[&str] = &["config", "shallow"];
/// For a `HEAD` that cannot be read.
const NO_HEAD: &[u8] = b"ref: refs/heads/main\n";
/// Longest `HEAD`, in bytes.
const LONGEST: u64 = 8 << 10;

/// The git directory of ours; it goes when this goes.
#[derive(Debug)]
pub(super) struct FallbackRepo {
    folder: TempDir,
    /// The common git directory that is seen through it.
    pub(super) common_dir: PathBuf,
    /// The checkout in which the user stands, if any.
    pub(super) work_dir: Option<PathBuf>,
    /// Why the configuration cannot be used.
    pub(super) why: String,
}

impl FallbackRepo {
    /// Opens the repository of `git_dir` past its configuration, where agents were started in it before: then it could be used.
    ///
    /// # Errors
    /// `why`, where there was never an agent, or the repository is of another kind indeed.
    pub(super) fn open(
        environment: &Environment,
        git_dir: &Path,
        work_dir: Option<&Path>,
        why: Error,
    ) -> Result<(gix::Repository, Self)> {
        let common_dir = common_dir::of_git_dir(git_dir);
        let was_used = common_dir.join("orchestra/writer").is_file();
        let is_hidden = || READ_WHEN_OPENED.iter().any(|file| is_no_file(&common_dir.join(file)));
        if !was_used || common_dir.join("reftable").exists() || is_hidden() {
            return Err(why);
        }
        let cannot = || "cannot make a temporary folder".to_owned();
        let common_dir = common_dir.canonicalize().context(Kind::External, cannot)?;
        let folder = tempfile::tempdir().context(Kind::External, cannot)?;
        let is_seen = |part: &&&str| common_dir.join(part).exists() && !is_no_file(&common_dir.join(part));
        for part in PARTS.iter().filter(is_seen) {
            symlink(common_dir.join(part), folder.path().join(part)).context(Kind::External, cannot)?;
        }
        let head = settings::read_regular(&git_dir.join("HEAD"), LONGEST);
        let head = head.unwrap_or_else(|_| NO_HEAD.to_vec());
        fs::write(folder.path().join("HEAD"), head).context(Kind::External, cannot)?;
        fs::write(folder.path().join("config"), CONFIG).context(Kind::External, cannot)?;
        let options = caller::options(environment).open_path_as_is(true);
        let Ok(opened) = gix::ThreadSafeRepository::open_opts(folder.path(), options) else {
            return Err(why);
        };
        let work_dir = work_dir.and_then(|dir| dir.canonicalize().ok());
        let view = Self { folder, common_dir, work_dir, why: why.one_line() };
        Ok((caller::complete(opened.to_thread_local(), environment, &[])?, view))
    }

    /// Where it is, as `GIT_DIR` for git.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Why a repository is not opened as usual: something other than a file is in the place of one that is read then, such as a pipe,
/// for which everybody would wait for ever.
pub(super) fn in_the_way(common_dir: &Path) -> Option<Error> {
    let files = READ_FIRST.iter().chain(READ_WHEN_OPENED).chain(REPLACED);
    files.map(|file| common_dir.join(file)).find(|file| is_no_file(file)).map(|file| not_a_file(&file))
}

/// The same of the files that are read to find out whether a folder in or above the caller's is a repository; and where it is.
pub(super) fn in_the_way_above(environment: &Environment) -> Option<(common_dir::Location, Error)> {
    let directory = environment.directory();
    let place = match environment.variable("GIT_DIR") {
        Some(named) => common_dir::Location { git_dir: directory.join(named), work_tree: None },
        None => common_dir::locate(directory)?,
    };
    let file = READ_FIRST.iter().map(|file| place.git_dir.join(file)).find(|file| is_no_file(file))?;
    Some((place, not_a_file(&file)))
}

/// A folder in the place of a file makes nobody wait, and gix says of it what it is; but for the configuration.
fn is_no_file(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| !found.is_file() && (!found.is_dir() || file.ends_with("config")))
}

fn not_a_file(file: &Path) -> Error {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let error = Error::new(Code::RepositoryUnreadable, format!("the repository's '{name}' is not a file"));
    error.hint(format!("see what it is, then {}", quote::command(&[&"rm", &file])))
}
