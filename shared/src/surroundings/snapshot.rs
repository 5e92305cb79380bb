//! The state of everything outside the agents' worktrees at one moment.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::files::{self, FileStamp};
use crate::{
    Result,
    config::{Config, keys::BRANCH_PREFIX},
    git::{
        Oid, Repo, careful, reflog,
        settings::{self, Settings},
    },
    model::AgentId,
    store::layout::{self, PrivateDir},
    trust::configuration,
    worktree::{isolated_git_dir::IsolatedGitDir, worktrees_dir},
    world::Environment,
};

/// Files of the git directory that decide how git works, apart from config, attributes and hooks.
const GIT_FILES: &[&str] =
    &["info/exclude", "info/grafts", "info/sparse-checkout", "objects/info/alternates"];
/// Maximum size of such a file or of a hook that is read, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// Our own namespaces below `refs/`.
const OWN_NAMESPACES: &[&str] = &["orchestra", "orchestra-local"];

/// The state of configuration, hooks, refs and the user's checkouts at one moment.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct SurroundingsSnapshot {
    /// Configuration that can name a program, attributes, and hooks that git would run.
    pub(super) trusted: configuration::ConfigSnapshot,
    /// Every config key, with a fingerprint of its values.
    pub(super) settings: BTreeMap<String, String>,
    /// All hooks and [`GIT_FILES`]: mode and fingerprint.
    pub(super) files: BTreeMap<String, String>,
    /// The refs that are not ours, with their targets.
    pub(super) refs: BTreeMap<String, String>,
    /// The user's checkouts, the main one first.
    pub(super) checkouts: Vec<UserCheckout>,
    /// The path of the main checkout.
    pub(super) main: Option<PathBuf>,
    /// The changed and untracked files of the main checkout; `None` if they were not compared.
    pub(super) changed: Option<BTreeMap<String, FileStamp>>,
    /// The ids of the agents that run.
    pub(super) agents: BTreeSet<String>,
}

/// One of the user's checkouts.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct UserCheckout {
    /// The name of its registration; empty for the main one.
    pub(super) name: String,
    /// The content of its `HEAD` file.
    pub(super) head: String,
    /// The commit that `HEAD` resolves to.
    pub(super) commit: Option<Oid>,
    /// The length of the reflog of its `HEAD` in bytes; `None` if there is no reflog.
    pub(super) log: Option<u64>,
}

impl SurroundingsSnapshot {
    /// Takes a snapshot. `frozen` holds the settings with which the files of the main checkout are compared: those from before
    /// any agent could change them. `earlier` supplies the main checkout and its commit if the repository no longer does.
    /// `budget` limits the comparison of the files.
    ///
    /// # Errors
    /// The repository or its refs cannot be read.
    pub fn take(
        environment: &Environment,
        common_dir: &Path,
        frozen: &Path,
        earlier: Option<&Self>,
        budget: Duration,
    ) -> Result<Self> {
        let repo = Repo::open(environment, common_dir)?;
        let private = PrivateDir::new(repo.private_dir()?);
        let main = repo.main_checkout()?.or_else(|| earlier?.main.clone());
        let head_commit = repo.head().ok().or_else(|| earlier?.checkouts.first()?.commit);
        let files = main.as_ref().map(|main| {
            let dir = IsolatedGitDir::at(
                environment,
                frozen.to_owned(),
                PathBuf::new(),
                main.clone(),
                common_dir.to_owned(),
            );
            files::compare_in_background(
                &repo,
                dir,
                head_commit,
                worktrees_dir::planned_dir(&repo).ok(),
                budget,
            )
        });
        let agents = KnownAgents::of(&repo, &private)?;
        let mut checkouts = vec![UserCheckout::of(&repo, "", common_dir)];
        let mut registered = repo.worktree_reader();
        for name in users_worktrees(&repo, &agents)? {
            if let Some(worktree) = registered.named(name.as_ref())? {
                checkouts.push(UserCheckout::of(&repo, &name, &worktree.git_dir));
            }
        }
        let own_branches =
            OwnBranches { agents: &agents, prefix: Config::of(&repo).get_or_default(&BRANCH_PREFIX) };
        let refs = repo.refs_outside(OWN_NAMESPACES, &|name| own_branches.is_branch(name))?;
        Ok(Self {
            trusted: configuration::ConfigSnapshot::at(environment, common_dir),
            settings: settings_of(environment, common_dir),
            files: git_files(common_dir),
            refs,
            checkouts,
            agents: agents.with_folder,
            changed: files.and_then(files::BackgroundComparison::wait),
            main,
        })
    }
}

impl SurroundingsSnapshot {
    /// Removes a branch of the user that an agent works on.
    pub(super) fn forget_branch(&mut self, branch: &str) {
        self.refs.remove(&layout::branch_ref(branch));
    }
}

impl UserCheckout {
    fn of(repo: &Repo, name: &str, git_dir: &Path) -> Self {
        let head = careful::text(git_dir.join("HEAD")).unwrap_or_default().trim().to_owned();
        let commit = match head.strip_prefix("ref: ") {
            Some(branch) => repo.find_ref(branch.trim()).ok().flatten(),
            None => Oid::parse(&head),
        };
        Self { name: name.to_owned(), head, commit, log: reflog::reflog_length(&git_dir.join("logs/HEAD")) }
    }
}

/// Returns the names of the user's linked worktrees, sorted: neither an agent's nor one for landing. The registrations of agents,
/// of which there may be thousands, are not read.
fn users_worktrees(repo: &Repo, agents: &KnownAgents) -> Result<Vec<String>> {
    let all = repo.worktree_names()?.into_iter().filter_map(|name| name.into_string().ok());
    let mut names: Vec<String> =
        all.filter(|name| !agents.contains(name) && !name.starts_with(layout::SCRATCH)).collect();
    names.sort_unstable();
    Ok(names)
}

/// The agents that this clone knows.
struct KnownAgents {
    /// The agents that have a private folder: they run or wait to run.
    with_folder: BTreeSet<String>,
    /// The agents that have a ref.
    with_ref: HashSet<String>,
}

impl KnownAgents {
    fn of(repo: &Repo, private: &PrivateDir) -> Result<Self> {
        let with_folder = private.agents().into_iter().map(|id| id.to_string()).collect();
        Ok(Self { with_folder, with_ref: repo.ref_names_in(layout::AGENTS)? })
    }

    fn contains(&self, name: &str) -> bool {
        AgentId::parse(name).is_ok() && (self.with_folder.contains(name) || self.with_ref.contains(name))
    }
}

/// Distinguishes the branches of agents from the user's.
struct OwnBranches<'a> {
    agents: &'a KnownAgents,
    prefix: String,
}

impl OwnBranches<'_> {
    fn is_branch(&self, name: &str) -> bool {
        let Some(branch) = layout::branch_of(name) else { return false };
        let prefixed = |prefix: &str| !prefix.is_empty() && branch.starts_with(prefix);
        let last = branch.rsplit('/').next().unwrap_or(branch);
        prefixed(&self.prefix) || prefixed(layout::OTHER_PREFIX) || self.agents.contains(last)
    }
}

fn settings_of(environment: &Environment, common_dir: &Path) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for one in Settings::of(common_dir, environment.home().as_deref()).values {
        let parts = [Some(one.section), one.subsection, Some(one.name)];
        let key = parts.into_iter().flatten().collect::<Vec<_>>().join(".");
        let key = one.file.map_or_else(|| key.clone(), |file| format!("{key} (in {file})"));
        let all = values.entry(key).or_default();
        all.extend_from_slice(one.value.as_bytes());
        all.push(0);
    }
    values.into_iter().map(|(key, value)| (key, settings::fingerprint(&value))).collect()
}

fn git_files(common_dir: &Path) -> BTreeMap<String, String> {
    let hooks = fs::read_dir(common_dir.join("hooks")).into_iter().flatten().flatten();
    let hooks = hooks.filter_map(|entry| entry.file_name().into_string().ok());
    let hooks = hooks.filter(|name| Path::new(name).extension().is_none_or(|ending| ending != "sample"));
    let names =
        hooks.map(|name| format!("hooks/{name}")).chain(GIT_FILES.iter().map(|&name| name.to_owned()));
    names.filter_map(|name| Some((name.clone(), file_state(&common_dir.join(name))?))).collect()
}

/// Returns mode and content of a file; `None` if it does not exist.
fn file_state(path: &Path) -> Option<String> {
    let found = fs::symlink_metadata(path).ok()?;
    let content = match settings::read_regular(path, MAX_FILE_BYTES) {
        Ok(bytes) => settings::fingerprint(&bytes),
        Err(error) => error.to_string(),
    };
    Some(format!("{:o} {content}", found.permissions().mode()))
}
