//! Whether a repository may be used at all. One that belongs to another user is rejected before its configuration is read, as in
//! git. If everything belongs to the caller, that costs a few `stat` calls; otherwise git itself is asked, so that
//! `safe.directory` means what this git takes it to mean.

use std::path::{Path, PathBuf};

use gix::{
    discover::{repository, upwards},
    open::Options,
};

use crate::{
    Code, Error, Result,
    git::{Git, common_dir, renewing},
    model::text,
    world::Environment,
};

/// Git's messages, in English, about a repository that it does not accept.
const OWNERSHIP_ERRORS: &[&str] = &["dubious ownership", "unsafe repository", "cannot use bare repository"];

/// Returns options under which the repository's own configuration is fully trusted: its owner was checked before.
pub(super) fn trusting_options() -> Options {
    Options::default()
        .with(gix::sec::Trust::Full)
        .filter_config_section(|_| true)
        .object_store_slots(renewing::slots())
}

/// A repository that may be used.
pub(super) struct UsableRepo {
    /// The git directory; for a worktree, the worktree's own.
    pub(super) git_dir: PathBuf,
    /// The checkout, if there is one.
    pub(super) work_tree: Option<PathBuf>,
}

/// Finds the repository of the caller's folder, and rejects it if it belongs to another user. Returns `None` if there is none.
///
/// # Errors
/// The repository belongs to another user, and `safe.directory` does not name it (128).
pub(super) fn find_usable(environment: &Environment) -> Result<Option<UsableRepo>> {
    let directory = environment.directory();
    let found = match environment.variable("GIT_DIR").map(PathBuf::from) {
        // A repository that was named is checked like one that was found: the git processes we start find it by themselves.
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
        // In the user's folder, not at the top: inside a git directory another setting applies.
        ask_git(
            environment,
            if is_named { found.work_tree.as_ref().unwrap_or(&found.git_dir) } else { directory },
        )?;
    }
    if trust == gix::sec::Trust::Reduced {
        let common = common_dir::of_git_dir(&found.git_dir);
        if common == found.git_dir {
            accept(environment, &[common_dir::display_folder(&common), &common]);
        } else {
            // Git checks only the worktree; we also read and write the repository behind it.
            check_owner(environment, &common)?;
            accept(environment, &[found.work_tree.as_deref().unwrap_or(&found.git_dir), &found.git_dir]);
        }
    }
    Ok(Some(found))
}

/// Rejects a repository, by its common git directory, that belongs to another user.
///
/// # Errors
/// As [`find_usable`].
pub(super) fn check_owner(environment: &Environment, common_dir: &Path) -> Result<()> {
    let checkout = common_dir::display_folder(common_dir);
    let work_tree = (checkout != common_dir).then_some(checkout);
    match repository::trust(common_dir, work_tree, Path::new("/"), (common_dir, None)) {
        Ok(gix::sec::Trust::Full) => Ok(()),
        Ok(gix::sec::Trust::Reduced) => {
            ask_git(environment, checkout)?;
            accept(environment, &[checkout, common_dir]);
            Ok(())
        }
        // It does not exist; opening it reports that.
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

/// Returns the limits of the search upwards for a repository, from the variables that git uses.
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

/// Returns whether a bare repository was found rather than named. It may be in a checkout, as the files of another user; git has a
/// setting for that.
fn is_found_and_bare(environment: &Environment, place: &repository::Path) -> bool {
    matches!(place, repository::Path::Repository(_)) && environment.variable("GIT_DIR").is_none()
}

/// Lets git decide by the configuration that a repository cannot write: the system's, the user's and the command line's.
fn ask_git(environment: &Environment, place: &Path) -> Result<()> {
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
    let refused = OWNERSHIP_ERRORS.iter().any(|refusal| said.stderr.contains(refusal));
    if !said.status.success() && refused {
        return Err(refusal(&said.stderr));
    }
    Ok(())
}

/// Adds accepted paths. At the top of a checkout git checks the checkout's path, and inside the git directory that of the git
/// directory.
fn accept(environment: &Environment, places: &[&Path]) {
    environment.add_safe_directories(places.iter().filter_map(|place| place.canonicalize().ok()));
}

/// Returns git's own message as an error: the first line, and the command that it suggests.
fn refusal(said: &str) -> Error {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let mut error = Error::new(Code::RepositoryUnsafe, text::safe(first.trim_start_matches("fatal: ")));
    for line in lines.filter(|line| line.starts_with("git config")) {
        error = error.hint(text::safe(line));
    }
    error
}
