//! Opens repositories with gix for callers whose environment is not that of this process, which gix would use otherwise.

use std::path::{Path, PathBuf};

use gix::{
    config::{
        File, Source,
        file::{Metadata, includes, init},
        path::interpolate,
    },
    open::{self, Options, Permissions},
};

use crate::{
    Code, Result,
    error::ErrorContext,
    git::ownership::{self, UsableRepo},
    world::Environment,
};

/// The configuration files outside of the repository, in the order in which git reads them.
const OUTSIDE: [Source; 3] = [Source::System, Source::Git, Source::User];
/// The variables that set the committer and the date, and the configuration keys that gix uses for them.
const COMMITTER: &[(&str, &str)] = &[
    ("GIT_COMMITTER_NAME", "committer.name"),
    ("GIT_COMMITTER_EMAIL", "committer.email"),
    ("GIT_COMMITTER_DATE", "gitoxide.commit.committerDate"),
    ("EMAIL", "gitoxide.user.emailFallback"),
];
/// The maximum number of settings that are read from `GIT_CONFIG_COUNT` and its variables.
const MAX_SETTINGS: usize = 1000;

/// Returns the options with which gix opens a repository for a caller. If the environment is not that of this process, gix reads no
/// variables and no configuration outside of the repository; [`complete`] adds those of the caller.
pub(super) fn options(environment: &Environment) -> Options {
    let options = ownership::trusting_options();
    if environment.is_inherited() {
        return options;
    }
    options.permissions(Permissions {
        env: open::permissions::Environment::isolated(),
        config: open::permissions::Config::isolated(),
        attributes: open::permissions::Attributes::all(),
    })
}

/// Opens a repository that was found for a caller whose environment is not that of this process.
///
/// # Errors
/// The repository cannot be opened.
pub(super) fn open_found(environment: &Environment, found: &UsableRepo) -> Result<gix::Repository> {
    let cannot = || format!("cannot open repository '{}'", found.git_dir.display());
    let git_dir = found.git_dir.canonicalize().context(Code::RepositoryUnreadable, cannot)?;
    let opened = gix::ThreadSafeRepository::open_opts(git_dir, options(environment).open_path_as_is(true))
        .context(Code::RepositoryUnreadable, cannot)?;
    let mut repo = complete(opened.to_thread_local(), environment, &[])?;
    let named = environment.variable("GIT_WORK_TREE").map(|path| environment.directory().join(path));
    let found_around = || found.work_tree.clone().filter(|_| repo.workdir().is_none());
    if let Some(work_tree) = named.or_else(found_around) {
        repo.set_workdir(work_tree).context(Code::RepositoryUnreadable, cannot)?;
    }
    Ok(repo)
}

/// Adds the caller's configuration to a repository that was opened with [`options`]. The caller's files come before the
/// repository's own configuration, the caller's variables after it, and `settings` last.
///
/// # Errors
/// One of the files cannot be read.
pub(super) fn complete(
    mut repo: gix::Repository,
    environment: &Environment,
    settings: &[&str],
) -> Result<gix::Repository> {
    if environment.is_inherited() {
        return Ok(repo);
    }
    let cannot = || "cannot read the caller's git configuration".to_owned();
    let own = repo.config_snapshot().plumbing().clone();
    let mut all = outside(environment).context(Code::RepositoryUnreadable, cannot)?;
    all.append(own).context(Code::RepositoryUnreadable, cannot)?;
    let home = environment.home();
    let head = repo.head_name().ok().flatten();
    let conditions = includes::conditional::Context {
        git_dir: Some(repo.git_dir()),
        branch_name: head.as_ref().map(|name| name.as_ref()),
    };
    let included = includes::Options::follow(context(home.as_deref()), conditions);
    let options = init::Options { includes: included, ..init::Options::default() };
    all.resolve_includes(options).context(Code::RepositoryUnreadable, cannot)?;
    let mut snapshot = repo.config_snapshot_mut();
    *snapshot = all;
    snapshot
        .append_config(of_variables(environment), Source::Env)
        .context(Code::RepositoryUnreadable, cannot)?;
    snapshot.append_config(settings, Source::Api).context(Code::RepositoryUnreadable, cannot)?;
    snapshot.commit().context(Code::RepositoryUnreadable, cannot)?;
    Ok(repo)
}

/// Adds the settings of the command line to an open repository, which take precedence over all others.
///
/// # Errors
/// One of them has no key, or a value that git would not accept either.
pub(super) fn append(repo: &mut gix::Repository, settings: &[String]) -> Result<()> {
    let cannot = || "cannot use the settings of the command line (git -c)".to_owned();
    let mut snapshot = repo.config_snapshot_mut();
    snapshot.append_config(settings, Source::Cli).context(Code::ConfigInvalid, cannot)?;
    snapshot.commit().map(drop).context(Code::ConfigInvalid, cannot)
}

/// Reads the caller's configuration files, without the files that they include.
fn outside(environment: &Environment) -> gix::Result<File> {
    let mut variable = |name: &str| environment.variable(name);
    let files = OUTSIDE.iter().filter_map(|source| {
        let path = source.storage_location(&mut variable)?;
        Some(Metadata::from(*source).at(path).with(gix::sec::Trust::Full))
    });
    let includes = includes::Options::no_follow();
    let options = init::Options { includes, ..init::Options::default() };
    let read = File::from_paths_metadata_buf(&mut files.into_iter(), &mut Vec::new(), false, options)?;
    Ok(read.unwrap_or_default())
}

/// Reads the configuration of a caller who is in no repository: their files with what these include.
///
/// # Errors
/// One of the files cannot be read.
pub(super) fn without_repository(environment: &Environment) -> Result<File> {
    let cannot = || "cannot read your git configuration".to_owned();
    let mut all = outside(environment).context(Code::ConfigInvalid, cannot)?;
    let home = environment.home();
    let included =
        includes::Options::follow(context(home.as_deref()), includes::conditional::Context::default());
    let options = init::Options { includes: included, ..init::Options::default() };
    all.resolve_includes(options).context(Code::ConfigInvalid, cannot)?;
    Ok(all)
}

/// Returns the settings that the caller's variables contain.
fn of_variables(environment: &Environment) -> Vec<String> {
    let mut found = Vec::new();
    let count = environment.text_variable("GIT_CONFIG_COUNT").and_then(|count| count.parse::<usize>().ok());
    for at in 0..count.unwrap_or(0).min(MAX_SETTINGS) {
        let of = |name: &str| environment.text_variable(&format!("GIT_CONFIG_{name}_{at}"));
        if let Some(key) = of("KEY") {
            found.push(format!("{key}={}", of("VALUE").unwrap_or_default()));
        }
    }
    let committer = COMMITTER
        .iter()
        .filter_map(|(name, key)| Some(format!("{key}={}", environment.text_variable(name)?)));
    found.extend(committer);
    found
}

/// Returns a path from the configuration, with `~` replaced by the caller's home folder.
///
/// # Errors
/// The value is not a usable path, such as `~nobody/x`.
pub(super) fn path(
    repo: &gix::Repository,
    environment: &Environment,
    key: &str,
) -> std::result::Result<Option<PathBuf>, String> {
    let snapshot = repo.config_snapshot();
    if environment.is_inherited() {
        return snapshot.trusted_path(key).map_err(|error| error.to_string());
    }
    let Some(path) = snapshot.plumbing().path(key) else { return Ok(None) };
    let found = path.interpolate(context(environment.home().as_deref()));
    found.map(Some).map_err(|error| error.to_string())
}

fn context(home: Option<&Path>) -> interpolate::Context<'_> {
    interpolate::Context { home_dir: home, ..interpolate::Context::default() }
}
