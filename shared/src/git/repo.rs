//! Finding and opening a repository, and what it says of itself.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Kind, Result,
    error::Context,
    git::{
        Oid, caller, careful, common_dir,
        fallback::{self, FallbackRepo},
        ownership::{self, UsableRepo},
        ref_names, symbolic_ref, version,
    },
    world::Environment,
};

/// An opened repository. Opening costs a tenth of a millisecond; keep one only as long as it is used.
pub struct Repo {
    pub(super) gix: gix::Repository,
    pub(super) environment: Environment,
    /// Whether objects are written through to the disk; off only where they stay in memory.
    pub(super) durable: bool,
    /// How it is seen where its own configuration cannot be used.
    pub(super) view: Option<Arc<FallbackRepo>>,
    /// Who commits, where that is not asked of the configuration.
    identity: Option<Identity>,
}

impl Repo {
    /// Finds the repository in which the caller is, as git does: `GIT_DIR` first, then upwards from the caller's folder. Whatever is
    /// done with it is done in that environment.
    ///
    /// # Errors
    /// There is none, or it belongs to another user (128); or it is of a kind we cannot read (3).
    pub fn discover(environment: &Environment) -> Result<Self> {
        if let Some((place, why)) = fallback::in_the_way_above(environment) {
            ownership::check(environment, &common_dir::of_git_dir(&place.git_dir))?;
            return Self::past_its_configuration(
                environment,
                &place.git_dir,
                place.work_tree.as_deref(),
                why,
            );
        }
        let Some(found) = ownership::find(environment)? else { return Err(no_repository()) };
        let opened = match fallback::in_the_way(&common_dir::of_git_dir(&found.git_dir)) {
            Some(why) => Err(why),
            None => Self::discover_trusted(environment, &found),
        };
        opened.or_else(|error| {
            Self::past_its_configuration(environment, &found.git_dir, found.work_tree.as_deref(), error)
        })
    }

    fn discover_trusted(environment: &Environment, found: &UsableRepo) -> Result<Self> {
        let directory = environment.directory();
        if !environment.is_inherited() {
            return match caller::open_found(environment, found) {
                Ok(repo) => Self::checked(repo, environment),
                Err(error) => Err(Self::why_not(environment, error.one_line())),
            };
        }
        let trust = gix::discover::upwards::TrustPolicy::Assume(gix::sec::Trust::Full);
        let upwards = gix::discover::upwards::Options { trust, ..Default::default() };
        let options =
            gix::sec::trust::Mapping { full: ownership::trusting(), reduced: ownership::trusting() };
        match gix::ThreadSafeRepository::discover_with_environment_overrides_opts(directory, upwards, options)
        {
            Ok(repo) => Self::checked(repo.to_thread_local(), environment),
            Err(error) => Err(Self::why_not(environment, error)),
        }
    }

    /// For reading and stopping: see [`Repo::trouble`].
    fn past_its_configuration(
        environment: &Environment,
        git_dir: &Path,
        work_dir: Option<&Path>,
        why: Error,
    ) -> Result<Self> {
        let (gix, view) = FallbackRepo::open(environment, git_dir, work_dir, why)?;
        Ok(Self { view: Some(Arc::new(view)), ..Self::of(gix, environment) })
    }

    /// Why the repository's own configuration cannot be used, if it cannot; everything else of it can be read and written then.
    pub fn trouble(&self) -> Option<&str> {
        self.view.as_ref().map(|view| view.why.as_str())
    }

    /// As [`Repo::discover`]; none where there is none, or where it cannot be read.
    ///
    /// # Errors
    /// It belongs to another user (128).
    pub fn find(environment: &Environment) -> Result<Option<Self>> {
        if fallback::in_the_way_above(environment).is_some() {
            return Ok(Self::discover(environment).ok());
        }
        match ownership::find(environment)? {
            Some(_) => Ok(Self::discover(environment).ok()),
            None => Ok(None),
        }
    }

    /// Opens the repository at its common git directory, whatever `GIT_DIR` of the environment names.
    ///
    /// # Errors
    /// It is gone, belongs to another user, or is of a kind we cannot read.
    pub fn open(environment: &Environment, common_dir: &Path) -> Result<Self> {
        ownership::check(environment, common_dir)?;
        let opened = match fallback::in_the_way(common_dir) {
            Some(why) => Err(why),
            None => Self::open_with(environment, common_dir, &[]),
        };
        opened.or_else(|error| Self::past_its_configuration(environment, common_dir, None, error))
    }

    /// As [`Repo::open`], with settings that hold in this process only.
    pub(super) fn open_with(environment: &Environment, common_dir: &Path, settings: &[&str]) -> Result<Self> {
        Self::open_under(environment, common_dir, caller::options(environment), settings)
    }

    /// As [`Repo::open_with`], without what the repository's own configuration says of anything but its format.
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
        ownership::check(environment, common_dir)?;
        let options = options.open_path_as_is(true).config_overrides(settings.iter().copied());
        let repo = gix::ThreadSafeRepository::open_opts(common_dir, options)
            .context(Code::RepositoryUnreadable, || {
                format!("cannot open repository '{}'", common_dir.display())
            })?;
        let repo = caller::complete(repo.to_thread_local(), environment, settings)?;
        Self::checked(repo, environment)
    }

    /// gix opens a reftable repository without a word, lists nothing, and writes refs that git never sees.
    fn checked(gix: gix::Repository, environment: &Environment) -> Result<Self> {
        let storage = gix.config_snapshot().string("extensions.refStorage").map(|name| name.to_string());
        match storage.as_deref() {
            None | Some("files") => Ok(Self::of(gix, environment)),
            Some(other) => Err(unsupported_refs(environment, other)),
        }
    }

    pub(super) fn of(gix: gix::Repository, environment: &Environment) -> Self {
        Self { gix, environment: environment.clone(), durable: true, view: None, identity: None }
    }

    /// The same repository with all new objects kept in memory: for trials that leave nothing behind.
    #[must_use]
    pub fn in_memory(self) -> Self {
        Self { gix: self.gix.with_object_memory(), durable: false, ..self }
    }

    /// The same repository, in which commits and reflogs bear this identity whatever the configuration says by now; without
    /// one, that of the configuration.
    #[must_use]
    pub fn acting_as(&self, identity: Option<&Identity>) -> Self {
        let identity = identity.or(self.identity.as_ref()).cloned();
        let (gix, view) = (self.gix.clone(), self.view.clone());
        Self { gix, environment: self.environment.clone(), durable: self.durable, view, identity }
    }

    /// Tells "no repository" from "one that we cannot read".
    fn why_not(environment: &Environment, error: impl std::fmt::Display) -> Error {
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

    /// The git directory that all worktrees share, absolute, links resolved.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn common_dir(&self) -> Result<PathBuf> {
        if let Some(view) = &self.view {
            return Ok(view.common_dir.clone());
        }
        let dir = self.gix.common_dir();
        dir.canonicalize().context(Code::RepositoryUnreadable, || format!("cannot find '{}'", dir.display()))
    }

    /// The folder for what is bound to this machine or disposable: `<common>/orchestra`.
    ///
    /// # Errors
    /// As [`Repo::common_dir`].
    pub fn private_dir(&self) -> Result<PathBuf> {
        Ok(self.common_dir()?.join("orchestra"))
    }

    /// The checkout in which the user stands, if it is one.
    pub fn work_dir(&self) -> Option<PathBuf> {
        if let Some(view) = &self.view {
            return view.work_dir.clone();
        }
        self.gix.workdir().and_then(|dir| dir.canonicalize().ok())
    }

    /// The main checkout, wherever the user stands; none in a bare repository.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn main_checkout(&self) -> Result<Option<PathBuf>> {
        if let Some(view) = &self.view {
            let checkout = common_dir::home(&view.common_dir);
            return Ok((checkout != view.common_dir).then(|| checkout.to_owned()));
        }
        let common = self.common_dir()?;
        // Where the user stands in it, its '.git' may be a link, or a file, that leads to any place.
        if self.gix.git_dir() == self.gix.common_dir()
            && let Some(checkout) = self.work_dir()
            && (common_dir::leads_to(&checkout.join(".git"), &common) || self.has_chosen_work_tree())
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
        let home = common_dir::home(&common);
        Ok(checkout.filter(is_its_own).or_else(|| (home != common).then(|| home.to_owned())))
    }

    /// Whether the checkout is named by the configuration or the environment, and so need not hold a `.git`.
    fn has_chosen_work_tree(&self) -> bool {
        self.environment.variable("GIT_WORK_TREE").is_some() || self.config("core.worktree").is_some()
    }

    /// The name and e-mail for our commits: the user's own, or those of [`Repo::acting_as`].
    ///
    /// # Errors
    /// None is configured; git would not commit either.
    pub fn identity(&self) -> Result<Identity> {
        if let Some(identity) = &self.identity {
            return Ok(identity.clone());
        }
        let missing = || {
            Error::new(Code::IdentityMissing, "no name and e-mail for commits")
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

    /// As [`Repo::identity`]; where there is none, one that says so. For events, which say who wrote them by other means: nobody
    /// is kept from stopping an agent by a name that is missing.
    pub fn identity_or_none(&self) -> Identity {
        self.identity().unwrap_or_else(|_| Identity {
            name: "git orchestra".to_owned(),
            email: "no-identity@localhost".to_owned(),
        })
    }

    /// A value of the user's git config. Only `git` and `config` call it: every key has a name there.
    pub(crate) fn config(&self, key: &str) -> Option<String> {
        self.gix.config_snapshot().string(key).map(|value| value.to_string())
    }

    /// A path in the user's git config, `~` spelled out.
    pub(super) fn config_path(&self, key: &str) -> Option<PathBuf> {
        self.path_setting(key).ok()?
    }

    /// As [`Repo::config_path`], and why it names no path where git would not take it either, such as for `~nobody/x`.
    ///
    /// # Errors
    /// It is not a path.
    pub(crate) fn path_setting(&self, key: &str) -> std::result::Result<Option<PathBuf>, String> {
        let path = caller::path(&self.gix, &self.environment, key)?;
        Ok(path.filter(|path| !path.as_os_str().is_empty()))
    }

    /// Every value of a key of the user's git config, in order.
    pub(crate) fn config_all(&self, key: &str) -> Vec<String> {
        let snapshot = self.gix.config_snapshot();
        let values = snapshot.plumbing().strings(key);
        values.unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    /// The subsections of a section: `claude` in `orchestra.agent.claude.command` for `orchestra` and `agent.`.
    pub(crate) fn config_sections(&self, section: &str) -> Vec<String> {
        let snapshot = self.gix.config_snapshot();
        let Some(found) = snapshot.plumbing().sections_by_name(section) else { return Vec::new() };
        found.filter_map(|s| s.header().subsection_name().map(ToString::to_string)).collect()
    }

    /// Whether the config rewrites URLs for pushing alone (`url.*.pushInsteadOf`).
    pub(super) fn has_push_rewrites(&self) -> bool {
        let snapshot = self.gix.config_snapshot();
        let Some(mut found) = snapshot.plumbing().sections_by_name("url") else { return false };
        found.any(|section| section.value("pushInsteadOf").is_some())
    }

    /// A URL that is no configured remote, with the rewrites of the config applied.
    pub(super) fn rewritten_for_push(&self, url: &str) -> String {
        let remote = self.gix.remote_at(url).ok();
        let found = remote.and_then(|remote| Some(remote.url(gix::remote::Direction::Push)?.to_bstring()));
        found.map_or_else(|| url.to_owned(), |found| found.to_string())
    }

    /// The commit on which the user stands.
    ///
    /// # Errors
    /// There is no commit yet, or HEAD is broken.
    pub fn head(&self) -> Result<Oid> {
        // gix would wait for a pipe in the place of the branch.
        if let Some(tip) = self.head_name().map(|name| self.find_ref(&name)).transpose()?.flatten()
            && self.gix.find_commit(tip.gix()).is_ok()
        {
            return Ok(tip);
        }
        let mut head = self.gix.head().context(Kind::Refused, || "HEAD cannot be read".into())?;
        if head.is_unborn() {
            return Err(Error::new(Code::CommitMissing, "there is no commit yet to start from")
                .hint("git commit --allow-empty -m 'first commit'"));
        }
        Ok(head.peel_to_commit().context(Kind::Refused, || "HEAD names no commit".into())?.id.into())
    }

    /// The branch on which the user stands, without `refs/heads/`; none where HEAD is detached.
    pub fn head_branch(&self) -> Option<String> {
        Some(self.head_name()?.strip_prefix(ref_names::BRANCHES)?.to_owned())
    }

    /// The ref to which HEAD points, with its full name; none where it is detached.
    fn head_name(&self) -> Option<String> {
        symbolic_ref::target(&self.gix.git_dir().join("HEAD"))
    }

    /// The time of a commit, in seconds since 1970: for people and for ties only.
    pub fn commit_time(&self, id: Oid) -> i64 {
        self.gix
            .find_commit(id.gix())
            .ok()
            .and_then(|commit| commit.time().ok())
            .map_or(0, |time| time.seconds)
    }

    /// Whether everything in `old` is in `new`.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn contains(&self, new: Oid, old: Oid) -> Result<bool> {
        let cannot = || format!("cannot walk the history of {}", new.short());
        let bases = self.gix.merge_bases_many(new.gix(), &[old.gix()]).context(Kind::Internal, cannot)?;
        Ok(bases.iter().any(|base| base.detach() == old.gix()))
    }

    /// The best common ancestor of two commits; of several, the first.
    ///
    /// # Errors
    /// They have none, or the history cannot be read.
    pub fn merge_base(&self, one: Oid, other: Oid) -> Result<Oid> {
        let cannot = || format!("cannot find where {} and {} went apart", one.short(), other.short());
        let bases = self.gix.merge_bases_many(one.gix(), &[other.gix()]).context(Kind::Internal, cannot)?;
        bases
            .first()
            .map(|base| base.detach().into())
            .ok_or_else(|| Error::new(Code::HistoriesUnrelated, cannot()))
    }

    /// The best common ancestors of two commits; none where their histories have nothing in common.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn merge_bases(&self, one: Oid, other: Oid) -> Result<Vec<Oid>> {
        let cannot = || format!("cannot walk the history of {}", other.short());
        let bases = self.gix.merge_bases_many(one.gix(), &[other.gix()]).context(Kind::Internal, cannot)?;
        Ok(bases.iter().map(|base| base.detach().into()).collect())
    }

    /// Whether two commits have a common ancestor.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn are_related(&self, one: Oid, other: Oid) -> Result<bool> {
        let cannot = || format!("cannot walk the history of {}", one.short());
        Ok(!self.gix.merge_bases_many(one.gix(), &[other.gix()]).context(Kind::Internal, cannot)?.is_empty())
    }

    /// The newest commits that lead from `base` (excluded) to `head`, at most so many, the newest first.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn commits_since(&self, base: Oid, head: Oid, most: usize) -> Result<Vec<Oid>> {
        Ok(self.since(base, head)?.take(most).collect())
    }

    /// How many commits lead from `base` (excluded) to `head`.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn commits_between(&self, base: Oid, head: Oid) -> Result<u64> {
        Ok(self.since(base, head)?.count() as u64)
    }

    fn since(&self, base: Oid, head: Oid) -> Result<impl Iterator<Item = Oid>> {
        let walk = self
            .gix
            .rev_walk([head.gix()])
            .with_hidden([base.gix()])
            .all()
            .context(Kind::Internal, || format!("cannot walk the history of {}", head.short()))?;
        Ok(walk.filter_map(std::result::Result::ok).map(|found| found.id.into()))
    }
}

/// Who commits.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// `user.name`.
    pub name: String,
    /// `user.email`.
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

/// Since git 2.46 such a repository can be changed into one that can be used.
fn unsupported_refs(environment: &Environment, format: &str) -> Error {
    let error = unsupported(&format!("its refs are stored as '{format}', and only 'files' is supported"));
    match version::of(environment) {
        Some(found) if found < version::WITH_REFS_MIGRATE => {
            error.hint("git 2.46 or newer changes that: git refs migrate --ref-format=files")
        }
        _ => error.hint("git refs migrate --ref-format=files"),
    }
}

/// Git has no command that changes the names of objects.
fn unsupported_objects() -> Error {
    unsupported("its objects are named by sha256, and only sha1 is supported")
        .hint("git cannot convert a repository: 'git init --object-format=sha1' makes a new one")
}
