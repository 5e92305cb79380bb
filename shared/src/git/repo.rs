//! Finding and opening a repository, and reading its properties.

use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{
        Oid, caller, careful, common_dir,
        fallback::{self, FallbackRepo},
        ownership::{self, UsableRepo},
        packed_cache::PackedCache,
        project_file::ProjectFile,
        ref_names, renewing, symbolic_ref,
        syncing::Syncing,
        typed_settings::typed_settings,
        version,
    },
    world::Environment,
};

/// An opened repository. Opening takes a tenth of a millisecond; keep one only while it is used.
pub struct Repo {
    pub(super) gix: renewing::RenewingRepo,
    pub(super) environment: Environment,
    pub(super) syncing: Syncing,
    /// The git directory of ours, if the repository's own configuration cannot be used.
    pub(super) fallback: Option<Arc<FallbackRepo>>,
    /// The git directory of ours with the settings for writing files, if they are not the repository's own.
    pub(super) frozen: Option<PathBuf>,
    /// The committer, if it does not come from the configuration.
    identity: Option<Identity>,
    /// The common git directory with links resolved, once it was asked for.
    common: OnceCell<PathBuf>,
    /// The project's file, once it was asked for.
    pub(super) project: OnceCell<Option<Arc<ProjectFile>>>,
    /// The packed refs that were read last.
    pub(super) packed: PackedCache,
}

impl Repo {
    /// Finds the caller's repository as git does: `GIT_DIR` first, then upwards from the caller's folder. The repository keeps the
    /// environment, and runs git in it.
    ///
    /// # Errors
    /// There is none, or it belongs to another user (128); or it is of a kind we cannot read (3).
    pub fn discover(environment: &Environment) -> Result<Self> {
        if let Some((place, why)) = fallback::obstacle_above(environment) {
            ownership::check_owner(environment, &common_dir::of_git_dir(&place.git_dir))?;
            return Self::open_fallback(environment, &place.git_dir, place.work_tree.as_deref(), why);
        }
        let Some(found) = ownership::find_usable(environment)? else { return Err(no_repository()) };
        let opened = match fallback::obstacle(&common_dir::of_git_dir(&found.git_dir)) {
            Some(why) => Err(why),
            None => Self::discover_trusted(environment, &found),
        };
        opened.or_else(|error| {
            Self::open_fallback(environment, &found.git_dir, found.work_tree.as_deref(), error)
        })
    }

    fn discover_trusted(environment: &Environment, found: &UsableRepo) -> Result<Self> {
        let mut repo = Self::discover_without_typed(environment, found)?;
        let typed = typed_settings(environment);
        // An agent that hides its variables gets none either.
        if !typed.is_empty() && !repo.is_called_by_agent() {
            caller::append(&mut repo.gix, &typed)?;
        }
        Ok(repo)
    }

    /// Opens the repository without what was typed as `git -c KEY=VALUE`, which gix does not read.
    fn discover_without_typed(environment: &Environment, found: &UsableRepo) -> Result<Self> {
        let directory = environment.directory();
        if !environment.is_inherited() {
            return match caller::open_found(environment, found) {
                Ok(repo) => Self::require_supported_refs(repo, environment),
                Err(error) => Err(Self::discover_error(environment, error.one_line())),
            };
        }
        let trust = gix::discover::upwards::TrustPolicy::Assume(gix::sec::Trust::Full);
        let upwards = gix::discover::upwards::Options { trust, ..Default::default() };
        let options = gix::sec::trust::Mapping {
            full: ownership::trusting_options(),
            reduced: ownership::trusting_options(),
        };
        match gix::ThreadSafeRepository::discover_with_environment_overrides_opts(directory, upwards, options)
        {
            Ok(repo) => Self::require_supported_refs(repo.to_thread_local(), environment),
            Err(error) => Err(Self::discover_error(environment, error)),
        }
    }

    /// Opens the repository without its configuration, to view and stop agents. See [`Repo::config_error`].
    fn open_fallback(
        environment: &Environment,
        git_dir: &Path,
        work_dir: Option<&Path>,
        why: Error,
    ) -> Result<Self> {
        let (gix, fallback) = FallbackRepo::open(environment, git_dir, work_dir, why)?;
        Ok(Self { fallback: Some(Arc::new(fallback)), ..Self::of(gix, environment) })
    }

    /// Returns why the repository's own configuration cannot be used, if so; the rest of the repository can be read and written.
    pub fn config_error(&self) -> Option<&str> {
        self.fallback.as_ref().map(|fallback| fallback.why.as_str())
    }

    /// Like [`Repo::discover`], but returns `None` if no repository is found or it cannot be read.
    ///
    /// # Errors
    /// It belongs to another user (128).
    pub fn find(environment: &Environment) -> Result<Option<Self>> {
        if fallback::obstacle_above(environment).is_some() {
            return Ok(Self::discover(environment).ok());
        }
        match ownership::find_usable(environment)? {
            Some(_) => Ok(Self::discover(environment).ok()),
            None => Ok(None),
        }
    }

    /// Opens the repository with this common git directory, whatever `GIT_DIR` in the environment names.
    ///
    /// # Errors
    /// It is gone, belongs to another user, or is of a kind we cannot read.
    pub fn open(environment: &Environment, common_dir: &Path) -> Result<Self> {
        ownership::check_owner(environment, common_dir)?;
        let opened = match fallback::obstacle(common_dir) {
            Some(why) => Err(why),
            None => Self::open_with(environment, common_dir, &[]),
        };
        opened.or_else(|error| Self::open_fallback(environment, common_dir, None, error))
    }

    /// Like [`Repo::open`], with additional settings.
    pub(super) fn open_with(environment: &Environment, common_dir: &Path, settings: &[&str]) -> Result<Self> {
        Self::open_under(environment, common_dir, caller::options(environment), settings)
    }

    /// Like [`Repo::open_with`], and ignores the repository's own configuration except for its format.
    pub(super) fn open_without_own_settings(
        environment: &Environment,
        common_dir: &Path,
        settings: &[&str],
    ) -> Result<Self> {
        let options = caller::options(environment).filter_config_section(|section| {
            !matches!(section.source, gix::config::Source::Local | gix::config::Source::Worktree)
        });
        Self::open_under(environment, common_dir, options, settings)
    }

    fn open_under(
        environment: &Environment,
        common_dir: &Path,
        options: gix::open::Options,
        settings: &[&str],
    ) -> Result<Self> {
        ownership::check_owner(environment, common_dir)?;
        let options = options.open_path_as_is(true).config_overrides(settings.iter().copied());
        let repo = gix::ThreadSafeRepository::open_opts(common_dir, options)
            .context(Code::RepositoryUnreadable, || {
                format!("cannot open repository '{}'", common_dir.display())
            })?;
        let repo = caller::complete(repo.to_thread_local(), environment, settings)?;
        Self::require_supported_refs(repo, environment)
    }

    /// Rejects reftable repositories: gix opens them without an error, lists nothing, and writes refs that git never sees.
    fn require_supported_refs(gix: gix::Repository, environment: &Environment) -> Result<Self> {
        let storage = gix.config_snapshot().string("extensions.refStorage").map(|name| name.to_string());
        match storage.as_deref() {
            None | Some("files") => Ok(Self::of(gix, environment)),
            Some(other) => Err(unsupported_refs(environment, other)),
        }
    }

    pub(super) fn of(gix: gix::Repository, environment: &Environment) -> Self {
        Self {
            gix: renewing::RenewingRepo::of(gix),
            environment: environment.clone(),
            syncing: Syncing::AtOnce,
            fallback: None,
            frozen: None,
            identity: None,
            common: OnceCell::new(),
            project: OnceCell::new(),
            packed: PackedCache::default(),
        }
    }

    /// Returns the repository with all new objects in memory: for trials that leave nothing behind.
    #[must_use]
    pub fn in_memory(self) -> Self {
        Self { gix: self.gix.in_memory(), syncing: Syncing::Never, ..self }
    }

    /// Returns the repository with a fixed identity for commits and reflogs, whatever the configuration says now. `None`: the
    /// identity stays.
    #[must_use]
    pub fn with_identity(&self, identity: Option<&Identity>) -> Self {
        let identity = identity.or(self.identity.as_ref()).cloned();
        let (gix, fallback, common) = (self.gix.another(), self.fallback.clone(), self.common.clone());
        let (environment, syncing) = (self.environment.clone(), self.syncing.clone());
        let (frozen, project) = (self.frozen.clone(), self.project.clone());
        let packed = PackedCache::default();
        Self { gix, environment, syncing, fallback, frozen, identity, common, project, packed }
    }

    /// Distinguishes "no repository" from "a repository that cannot be opened".
    fn discover_error(environment: &Environment, error: impl std::fmt::Display) -> Error {
        let git_dir = environment.variable("GIT_DIR").map(PathBuf::from).or_else(|| {
            let (path, _) = gix::discover::upwards(environment.directory()).ok()?;
            Some(path.into_repository_and_work_tree_directories().0)
        });
        let Some(git_dir) = git_dir.filter(|dir| dir.exists()) else {
            return no_repository();
        };
        let common = common_dir::of_git_dir(&git_dir);
        let config = careful::text(common.join("config")).unwrap_or_default().to_ascii_lowercase();
        if config.contains("sha256") {
            return unsupported_objects();
        }
        Error::new(Code::RepositoryUnreadable, format!("cannot open repository '{}'", git_dir.display()))
            .because(error.to_string())
            .hint("'git status' says more about the repository")
    }

    /// Returns the common git directory of all worktrees, absolute, with links resolved.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn common_dir(&self) -> Result<PathBuf> {
        if let Some(fallback) = &self.fallback {
            return Ok(fallback.common_dir.clone());
        }
        if let Some(known) = self.common.get() {
            return Ok(known.clone());
        }
        let dir = self.gix.common_dir();
        let cannot = || format!("cannot find '{}'", dir.display());
        let found = dir.canonicalize().context(Code::RepositoryUnreadable, cannot)?;
        Ok(self.common.get_or_init(|| found).clone())
    }

    /// Returns the folder for machine-bound and disposable files: `<common>/orchestra`.
    ///
    /// # Errors
    /// As for [`Repo::common_dir`].
    pub fn private_dir(&self) -> Result<PathBuf> {
        Ok(self.common_dir()?.join("orchestra"))
    }

    /// Returns the user's checkout, if the repository was found from one.
    pub fn work_dir(&self) -> Option<PathBuf> {
        if let Some(fallback) = &self.fallback {
            return fallback.work_dir.clone();
        }
        self.gix.workdir().and_then(|dir| dir.canonicalize().ok())
    }

    /// Returns the main checkout, wherever the user is; `None` in a bare repository.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn main_checkout(&self) -> Result<Option<PathBuf>> {
        if let Some(fallback) = &self.fallback {
            let checkout = common_dir::display_folder(&fallback.common_dir);
            return Ok((checkout != fallback.common_dir).then(|| checkout.to_owned()));
        }
        let common = self.common_dir()?;
        // If the user is in it, its `.git` may be a link or a file that leads anywhere.
        if self.gix.git_dir() == self.gix.common_dir()
            && let Some(checkout) = self.work_dir()
            && (common_dir::leads_to(&checkout.join(".git"), &common) || self.has_configured_work_tree())
        {
            return Ok(Some(checkout));
        }
        let main = self.gix.main_repo().context(Kind::Internal, || "cannot find the main checkout".into())?;
        if main.is_bare() {
            return Ok(None);
        }
        let checkout = main.workdir().and_then(|dir| dir.canonicalize().ok());
        let is_its_own = |dir: &PathBuf| {
            common_dir::leads_to(&dir.join(".git"), &common)
                || main.config_snapshot().string("core.worktree").is_some()
        };
        let home = common_dir::display_folder(&common);
        Ok(checkout.filter(is_its_own).or_else(|| (home != common).then(|| home.to_owned())))
    }

    /// Returns whether the configuration or the environment names the checkout, so that it need not contain a `.git`.
    fn has_configured_work_tree(&self) -> bool {
        self.environment.variable("GIT_WORK_TREE").is_some() || self.config("core.worktree").is_some()
    }

    /// Returns the name and e-mail for our commits: the user's own, or those of [`Repo::with_identity`].
    ///
    /// # Errors
    /// None is configured; git could not commit either.
    pub fn identity(&self) -> Result<Identity> {
        if let Some(identity) = &self.identity {
            return Ok(identity.clone());
        }
        let missing = || {
            Error::new(Code::IdentityMissing, "no name and e-mail address for commits")
                .hint("git config --global user.name \"Your Name\"")
                .hint("git config --global user.email you@example.com")
        };
        let signature = self
            .gix
            .committer()
            .ok_or_else(missing)?
            .context(Code::IdentityMissing, || "the committer's name or date is malformed".into())?;
        if signature.name.is_empty() || signature.email.is_empty() {
            return Err(missing());
        }
        Ok(Identity { name: signature.name.to_string(), email: signature.email.to_string() })
    }

    /// Like [`Repo::identity`]; without one, returns a placeholder. For commits of events, which record their writer separately:
    /// a missing name must not prevent the user from stopping an agent.
    pub fn identity_or_none(&self) -> Identity {
        self.identity().unwrap_or_else(|_| Identity {
            name: "git orchestra".to_owned(),
            email: "no-identity@localhost".to_owned(),
        })
    }

    /// Returns a value of the user's git config. Only `git` and `config` call it, where every key has a name.
    pub(crate) fn config(&self, key: &str) -> Option<String> {
        self.gix.config_snapshot().string(key).map(|value| value.to_string())
    }

    /// Returns a path in the user's git config, with `~` expanded.
    pub(super) fn config_path(&self, key: &str) -> Option<PathBuf> {
        self.path_setting(key).ok()?
    }

    /// Like [`Repo::config_path`], but returns git's reason if the value is not a path, such as for `~nobody/x`.
    ///
    /// # Errors
    /// The value is not a path.
    pub(crate) fn path_setting(&self, key: &str) -> std::result::Result<Option<PathBuf>, String> {
        let path = caller::path(&self.gix, &self.environment, key)?;
        Ok(path.filter(|path| !path.as_os_str().is_empty()))
    }

    /// Returns all values of a key of the user's git config, in order.
    pub(crate) fn config_all(&self, key: &str) -> Vec<String> {
        let snapshot = self.gix.config_snapshot();
        let values = snapshot.plumbing().strings(key);
        values.unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    /// Returns the subsections of a section: `agent.claude` of `orchestra.agent.claude.command` for `orchestra`.
    pub(crate) fn config_sections(&self, section: &str) -> Vec<String> {
        let snapshot = self.gix.config_snapshot();
        let Some(found) = snapshot.plumbing().sections_by_name(section) else { return Vec::new() };
        found.filter_map(|s| s.header().subsection_name().map(ToString::to_string)).collect()
    }

    /// Returns whether the config rewrites URLs only for pushing (`url.*.pushInsteadOf`).
    pub(super) fn has_push_rewrites(&self) -> bool {
        let snapshot = self.gix.config_snapshot();
        let Some(mut found) = snapshot.plumbing().sections_by_name("url") else { return false };
        found.any(|section| section.value("pushInsteadOf").is_some())
    }

    /// Returns a URL that is not a configured remote, after applying the rewrites of the config.
    pub(super) fn rewritten_for_push(&self, url: &str) -> String {
        let remote = self.gix.remote_at(url).ok();
        let found = remote.and_then(|remote| Some(remote.url(gix::remote::Direction::Push)?.to_bstring()));
        found.map_or_else(|| url.to_owned(), |found| found.to_string())
    }

    /// Returns the commit that `HEAD` resolves to.
    ///
    /// # Errors
    /// There is no commit yet, or `HEAD` is broken.
    pub fn head(&self) -> Result<Oid> {
        // gix would block on a pipe in the place of the branch.
        if let Some(tip) = self.head_name().map(|name| self.find_ref(&name)).transpose()?.flatten()
            && self.gix.find_commit(tip.gix()).is_ok()
        {
            return Ok(tip);
        }
        let mut head = self.gix.head().context(Kind::Refused, || "HEAD cannot be read".into())?;
        if head.is_unborn() {
            return Err(self.no_commit("there is no commit yet to start from"));
        }
        Ok(head.peel_to_commit().context(Kind::Refused, || "HEAD names no commit".into())?.id.into())
    }

    /// Returns the checked-out branch, without `refs/heads/`; `None` if `HEAD` is detached.
    pub fn head_branch(&self) -> Option<String> {
        Some(self.head_name()?.strip_prefix(ref_names::BRANCHES)?.to_owned())
    }

    /// Returns the full name of the ref to which `HEAD` points; `None` if it is detached.
    fn head_name(&self) -> Option<String> {
        symbolic_ref::target(&self.gix.git_dir().join("HEAD"))
    }

    /// Returns the time of a commit in seconds since 1970: only for people and to break ties.
    pub fn commit_time(&self, id: Oid) -> i64 {
        self.gix
            .find_commit(id.gix())
            .ok()
            .and_then(|commit| commit.time().ok())
            .map_or(0, |time| time.seconds)
    }

    /// Returns whether `old` is `new` or an ancestor of it.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn contains(&self, new: Oid, old: Oid) -> Result<bool> {
        let cannot = || format!("cannot walk the history of {}", new.short());
        let bases = self.gix.merge_bases_many(new.gix(), &[old.gix()]).context(Kind::Internal, cannot)?;
        Ok(bases.iter().any(|base| base.detach() == old.gix()))
    }

    /// Returns the merge base of two commits; if there are several, the first.
    ///
    /// # Errors
    /// There is none, or the history cannot be read.
    pub fn merge_base(&self, one: Oid, other: Oid) -> Result<Oid> {
        let cannot = || format!("cannot find a merge base of {} and {}", one.short(), other.short());
        let bases = self.gix.merge_bases_many(one.gix(), &[other.gix()]).context(Kind::Internal, cannot)?;
        bases
            .first()
            .map(|base| base.detach().into())
            .ok_or_else(|| Error::new(Code::HistoriesUnrelated, cannot()))
    }

    /// Returns all merge bases of two commits; empty if their histories are unrelated.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn merge_bases(&self, one: Oid, other: Oid) -> Result<Vec<Oid>> {
        let cannot = || format!("cannot walk the history of {}", other.short());
        let bases = self.gix.merge_bases_many(one.gix(), &[other.gix()]).context(Kind::Internal, cannot)?;
        Ok(bases.iter().map(|base| base.detach().into()).collect())
    }

    /// Returns whether two commits have a common ancestor.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn are_related(&self, one: Oid, other: Oid) -> Result<bool> {
        let cannot = || format!("cannot walk the history of {}", one.short());
        Ok(!self.gix.merge_bases_many(one.gix(), &[other.gix()]).context(Kind::Internal, cannot)?.is_empty())
    }
}

/// The identity of a committer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// The name, from `user.name`.
    pub name: String,
    /// The e-mail address, from `user.email`.
    pub email: String,
}

fn no_repository() -> Error {
    Error::new(Kind::NotARepository, "not a git repository (or any of the parent directories): .git")
}

fn unsupported(what: &str) -> Error {
    Error::new(
        Code::RepositoryUnsupported,
        format!("this repository cannot be used with git orchestra: {what}"),
    )
}

/// Returns the error for another ref storage. Git 2.46 and newer can convert such a repository.
fn unsupported_refs(environment: &Environment, format: &str) -> Error {
    let error = unsupported(&format!("its refs are stored as '{format}', and only 'files' is supported"));
    match version::of(environment) {
        Some(found) if found < version::WITH_REFS_MIGRATE => {
            error.hint("git 2.46 or newer changes that: git refs migrate --ref-format=files")
        }
        _ => error.hint("git refs migrate --ref-format=files"),
    }
}

/// Returns the error for SHA-256 objects. Git has no command to convert them.
fn unsupported_objects() -> Error {
    unsupported("its objects are named by sha256, and only sha1 is supported")
        .hint("git cannot convert a repository: 'git init --object-format=sha1' makes a new one")
}
