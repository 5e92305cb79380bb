//! Opening a repository whose configuration cannot be used: an agent that breaks it must not prevent users from viewing agents
//! and stopping them. The repository is read through a git directory of ours, with the configuration of a new repository.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{caller, common_dir, settings},
    model::quote,
    world::Environment,
};

/// The parts of the git directory that are linked: they contain no configuration.
const LINKED_PARTS: &[&str] = &["info", "logs", "objects", "packed-refs", "refs", "shallow", "worktrees"];
/// What git writes into the `config` of a new repository.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n";
/// Files that are read to find out whether a folder is a repository.
const READ_FIRST: &[&str] = &["HEAD", "commondir"];
/// Files that are read when the repository is opened or searched; without them nothing can be read.
const READ_WHEN_OPENED: &[&str] = &["packed-refs", "objects/info/alternates"];
/// Files that are not needed, or are replaced by our own.
const REPLACED: &[&str] = &["config", "shallow"];
/// The `HEAD` used if the real one cannot be read.
const NO_HEAD: &[u8] = b"ref: refs/heads/main\n";
/// Maximum size of a `HEAD` file, in bytes.
const MAX_HEAD_BYTES: u64 = 8 << 10;

/// The git directory of ours, removed when it is dropped.
#[derive(Debug)]
pub(super) struct FallbackRepo {
    folder: TempDir,
    /// The common git directory that is read through it.
    pub(super) common_dir: PathBuf,
    /// The user's checkout, if any.
    pub(super) work_dir: Option<PathBuf>,
    /// Why the configuration cannot be used.
    pub(super) why: String,
}

impl FallbackRepo {
    /// Opens the repository of `git_dir` without its configuration, provided that an agent was started in it before: then the
    /// configuration was valid once.
    ///
    /// # Errors
    /// Returns `why` if there never was an agent, or the repository really is of an unsupported kind.
    pub(super) fn open(
        environment: &Environment,
        git_dir: &Path,
        work_dir: Option<&Path>,
        why: Error,
    ) -> Result<(gix::Repository, Self)> {
        let common_dir = common_dir::of_git_dir(git_dir);
        let was_used = common_dir.join("orchestra/writer").is_file();
        let is_hidden = || READ_WHEN_OPENED.iter().any(|file| is_obstructed(&common_dir.join(file)));
        if !was_used || common_dir.join("reftable").exists() || is_hidden() {
            return Err(why);
        }
        let cannot = || "cannot make a temporary folder".to_owned();
        let common_dir = common_dir.canonicalize().context(Kind::External, cannot)?;
        let folder = tempfile::tempdir().context(Kind::External, cannot)?;
        let is_linked =
            |part: &&&str| common_dir.join(part).exists() && !is_obstructed(&common_dir.join(part));
        for part in LINKED_PARTS.iter().filter(is_linked) {
            symlink(common_dir.join(part), folder.path().join(part)).context(Kind::External, cannot)?;
        }
        let head = settings::read_regular(&git_dir.join("HEAD"), MAX_HEAD_BYTES);
        let head = head.unwrap_or_else(|_| NO_HEAD.to_vec());
        fs::write(folder.path().join("HEAD"), head).context(Kind::External, cannot)?;
        fs::write(folder.path().join("config"), CONFIG).context(Kind::External, cannot)?;
        let options = caller::options(environment).open_path_as_is(true);
        let Ok(opened) = gix::ThreadSafeRepository::open_opts(folder.path(), options) else {
            return Err(why);
        };
        let work_dir = work_dir.and_then(|dir| dir.canonicalize().ok());
        let fallback = Self { folder, common_dir, work_dir, why: why.one_line() };
        Ok((caller::complete(opened.to_thread_local(), environment, &[])?, fallback))
    }

    /// The path of the folder, as `GIT_DIR` for git.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Returns why a repository cannot be opened normally: something other than a file, such as a pipe, is in the place of a file
/// that is read then, and every reader would block.
pub(super) fn obstacle(common_dir: &Path) -> Option<Error> {
    let files = READ_FIRST.iter().chain(READ_WHEN_OPENED).chain(REPLACED);
    files.map(|file| common_dir.join(file)).find(|file| is_obstructed(file)).map(|file| not_a_file(&file))
}

/// Returns the same for the files that are read to find out whether the caller's folder, or one above it, is a repository,
/// together with the location of that repository.
pub(super) fn obstacle_above(environment: &Environment) -> Option<(common_dir::Location, Error)> {
    let directory = environment.directory();
    let place = match environment.variable("GIT_DIR") {
        Some(named) => common_dir::Location { git_dir: directory.join(named), work_tree: None },
        None => common_dir::locate(directory)?,
    };
    let file = READ_FIRST.iter().map(|file| place.git_dir.join(file)).find(|file| is_obstructed(file))?;
    Some((place, not_a_file(&file)))
}

/// Returns whether something else is in the place of a file. A folder blocks nobody, and gix reports it, except in the place of
/// the configuration.
fn is_obstructed(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| !found.is_file() && (!found.is_dir() || file.ends_with("config")))
}

fn not_a_file(file: &Path) -> Error {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let error = Error::new(Code::RepositoryUnreadable, format!("the repository's '{name}' is not a file"));
    error.hint(format!("inspect it, then {}", quote::command(&[&"rm", &file])))
}
