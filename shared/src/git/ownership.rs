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
    git::{
        Git, common_dir,
        safe_directories::{accept, accepted},
    },
    model::text,
    world,
};

/// Git's messages, in English, about a repository that it does not accept.
const REFUSALS: &[&str] = &["dubious ownership", "unsafe repository", "cannot use bare repository"];

/// Returns options under which the repository's own configuration is fully trusted: its owner was checked before.
pub(super) fn trusting() -> Options {
    Options::default().with(gix::sec::Trust::Full).filter_config_section(|_| true)
}

/// A repository that may be used.
pub(super) struct UsableRepo {
    /// The git directory; for a worktree, the worktree's own.
    pub(super) git_dir: PathBuf,
    /// The checkout, if there is one.
    pub(super) work_tree: Option<PathBuf>,
}

/// Finds the repository of `directory`, and rejects one that belongs to another user. `None`: there is none.
///
/// # Errors
/// It belongs to another user, and `safe.directory` does not name it (128).
pub(super) fn find(directory: &Path) -> Result<Option<UsableRepo>> {
    let found = match world::variable("GIT_DIR").map(PathBuf::from) {
        // A repository that was named is checked like one that was found: the git processes we start find it by themselves.
        Some(git_dir) => named(&directory.join(git_dir)),
        None => found(directory),
    };
    let Some((place, trust)) = found else { return Ok(None) };
    let is_bare = is_bare(&place);
    let (git_dir, work_tree) = place.into_repository_and_work_tree_directories();
    let found = UsableRepo {
        git_dir: directory.join(git_dir),
        work_tree: work_tree.map(|work_tree| directory.join(work_tree)),
    };
    if trust == gix::sec::Trust::Reduced || is_bare {
        let is_named = world::variable("GIT_DIR").is_some();
        // In the user's folder, not at the top: inside a git directory another setting applies.
        ask(if is_named { found.work_tree.as_ref().unwrap_or(&found.git_dir) } else { directory })?;
    }
    if trust == gix::sec::Trust::Reduced {
        let common = common_dir::of_git_dir(&found.git_dir);
        if common == found.git_dir {
            accept(&[common_dir::home(&common), &common]);
        } else {
            // Git checks only the worktree; we also read and write the repository behind it.
            check(&common)?;
            accept(&[found.work_tree.as_deref().unwrap_or(&found.git_dir), &found.git_dir]);
        }
    }
    Ok(Some(found))
}

/// Rejects a repository, by its common git directory, that belongs to another user.
///
/// # Errors
/// As for [`find`].
pub(super) fn check(common_dir: &Path) -> Result<()> {
    let checkout = common_dir::home(common_dir);
    let work_tree = (checkout != common_dir).then_some(checkout);
    match repository::trust(common_dir, work_tree, Path::new("/"), (common_dir, None)) {
        Ok(gix::sec::Trust::Full) => Ok(()),
        Ok(gix::sec::Trust::Reduced) => {
            ask(checkout)?;
            accept(&[checkout, common_dir]);
            Ok(())
        }
        // It does not exist; whoever opens it reports that.
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

fn found(directory: &Path) -> Option<(repository::Path, gix::sec::Trust)> {
    let options = upwards::Options { match_ceiling_dir_or_error: false, ..Default::default() };
    gix::discover::upwards_opts(directory, options.apply_environment()).ok()
}

/// Returns whether a bare repository was found rather than named. It may be in a checkout, as files of somebody else; git has a
/// setting for that.
fn is_bare(place: &repository::Path) -> bool {
    matches!(place, repository::Path::Repository(_)) && world::variable("GIT_DIR").is_none()
}

/// Lets git decide by the configuration that a repository cannot write: the system's, the user's and the command line's.
fn ask(place: &Path) -> Result<()> {
    let place = place.canonicalize().unwrap_or_else(|_| place.to_owned());
    if accepted().contains(&place) {
        return Ok(());
    }
    let mut git = Git::new(&place, "rev-parse").arg("--git-dir");
    for name in ["GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"] {
        if let Some(value) = world::variable(name) {
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
