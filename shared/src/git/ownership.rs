//! Whether a repository may be used at all: one that belongs to another user is refused before any of its configuration
//! is read, as git refuses it. Where everything belongs to the caller that costs a few looks at files; else git itself
//! is asked, so that `safe.directory` means what this git takes it to mean.

use std::path::{Path, PathBuf};

use gix::{
    discover::{repository, upwards},
    open::Options,
};

use crate::{
    Code, Error, Result,
    git::{Git, common_dir},
    model::text,
    world::Environment,
};

/// What git says of a repository that it does not accept; asked in English.
const REFUSALS: &[&str] = &["dubious ownership", "unsafe repository", "cannot use bare repository"];

/// Options under which the repository's own configuration counts in full: whether it may was decided here.
pub(super) fn trusting() -> Options {
    Options::default().with(gix::sec::Trust::Full).filter_config_section(|_| true)
}

/// A repository that may be used.
pub(super) struct UsableRepo {
    /// The git directory, of a worktree its own.
    pub(super) git_dir: PathBuf,
    /// The checkout, if it is of one.
    pub(super) work_tree: Option<PathBuf>,
}

/// Finds the repository of the caller's folder and refuses it where it belongs to somebody else. `None`: there is none.
///
/// # Errors
/// It belongs to somebody else, and `safe.directory` does not name it (128).
pub(super) fn find(environment: &Environment) -> Result<Option<UsableRepo>> {
    let directory = environment.directory();
    let found = match environment.variable("GIT_DIR").map(PathBuf::from) {
        // A repository that is named is checked as one that is found: the git processes we start find it by themselves.
        Some(git_dir) => named(&directory.join(git_dir)),
        None => found(environment),
    };
    let Some((place, trust)) = found else { return Ok(None) };
    let is_bare = is_found_and_bare(environment, &place);
    let (git_dir, work_tree) = place.into_repository_and_work_tree_directories();
    let found = UsableRepo {
        git_dir: directory.join(git_dir),
        work_tree: work_tree.map(|work_tree| directory.join(work_tree)),
    };
    if trust == gix::sec::Trust::Reduced || is_bare {
        let is_named = environment.variable("GIT_DIR").is_some();
        // Where the user stands, not at the top: inside a git directory another setting is asked for.
        ask(
            environment,
            if is_named { found.work_tree.as_ref().unwrap_or(&found.git_dir) } else { directory },
        )?;
    }
    if trust == gix::sec::Trust::Reduced {
        let common = common_dir::of_git_dir(&found.git_dir);
        if common == found.git_dir {
            accept(environment, &[common_dir::home(&common), &common]);
        } else {
            // Git checks the worktree alone; we read and write the repository behind it as well.
            check(environment, &common)?;
            accept(environment, &[found.work_tree.as_deref().unwrap_or(&found.git_dir), &found.git_dir]);
        }
    }
    Ok(Some(found))
}

/// Refuses a repository, named by its common git directory, that belongs to somebody else.
///
/// # Errors
/// As [`find`].
pub(super) fn check(environment: &Environment, common_dir: &Path) -> Result<()> {
    let checkout = common_dir::home(common_dir);
    let work_tree = (checkout != common_dir).then_some(checkout);
    match repository::trust(common_dir, work_tree, Path::new("/"), (common_dir, None)) {
        Ok(gix::sec::Trust::Full) => Ok(()),
        Ok(gix::sec::Trust::Reduced) => {
            ask(environment, checkout)?;
            accept(environment, &[checkout, common_dir]);
            Ok(())
        }
        // It is not there; whoever opens it says so.
        Err(_) => Ok(()),
    }
}

fn named(git_dir: &Path) -> Option<(repository::Path, gix::sec::Trust)> {
    let kind = gix::discover::is_git(git_dir).ok()?;
    let place = repository::Path::from_dot_git_dir(git_dir.to_owned(), kind, Path::new("/"))?;
    let (dir, work_tree) = place.clone().into_repository_and_work_tree_directories();
    let trust = repository::trust(&dir, work_tree.as_deref(), Path::new("/"), (git_dir, None)).ok()?;
    Some((place, trust))
}

/// How far git looks upwards for a repository.
fn upwards_options(environment: &Environment) -> upwards::Options<'static> {
    let options = upwards::Options { match_ceiling_dir_or_error: false, ..Default::default() };
    if environment.is_inherited() {
        return options.apply_environment();
    }
    let ceilings = environment.variable("GIT_CEILING_DIRECTORIES").unwrap_or_default();
    let ceiling_dirs = std::env::split_paths(&ceilings).filter(|path| path.is_absolute()).collect();
    let cross_fs = environment.text_variable("GIT_DISCOVERY_ACROSS_FILESYSTEM");
    let cross_fs = cross_fs.is_some_and(|value| matches!(value.as_str(), "1" | "true" | "yes" | "on"));
    upwards::Options { ceiling_dirs, cross_fs, ..options }
}

fn found(environment: &Environment) -> Option<(repository::Path, gix::sec::Trust)> {
    gix::discover::upwards_opts(environment.directory(), upwards_options(environment)).ok()
}

/// A bare repository that is merely found may lie in a checkout, as files of somebody else's: git has a setting for that.
fn is_found_and_bare(environment: &Environment, place: &repository::Path) -> bool {
    matches!(place, repository::Path::Repository(_)) && environment.variable("GIT_DIR").is_none()
}

/// Lets git decide, by the configuration that a repository cannot write: the system's, the user's and the command line's.
fn ask(environment: &Environment, place: &Path) -> Result<()> {
    let place = place.canonicalize().unwrap_or_else(|_| place.to_owned());
    if environment.safe_directories().contains(&place) {
        return Ok(());
    }
    let mut git = Git::new(environment, &place, "rev-parse").arg("--git-dir");
    for name in ["GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"] {
        if let Some(value) = environment.variable(name) {
            git = git.env(name, value);
        }
    }
    let said = git.output()?;
    let refused = REFUSALS.iter().any(|refusal| said.stderr.contains(refusal));
    if !said.status.success() && refused {
        return Err(refusal(&said.stderr));
    }
    Ok(())
}

/// Git asks for the checkout's name at its top, and for the git directory's within that.
fn accept(environment: &Environment, places: &[&Path]) {
    environment.add_safe_directories(places.iter().filter_map(|place| place.canonicalize().ok()));
}

/// Git's own words: the first line, and the command it advises.
fn refusal(said: &str) -> Error {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let mut error = Error::new(Code::RepositoryUnsafe, text::safe(first.trim_start_matches("fatal: ")));
    for line in lines.filter(|line| line.starts_with("git config")) {
        error = error.hint(text::safe(line));
    }
    error
}
