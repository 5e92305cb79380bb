//! The changed and untracked files of the main checkout, compared within a time limit.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    git::{Oid, Repo},
    parallel,
    worktree::isolated_git_dir::IsolatedGitDir,
    world::Environment,
};

/// Maximum number of changed files that are recorded one by one.
const MAX_CHANGES: usize = 2000;

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct FileStamp {
    /// Whether git tracks it.
    pub(super) tracked: bool,
    /// Its length, and its time of change in nanoseconds; `None` if it does not exist.
    pub(super) content: Option<(u64, i64)>,
}

/// A comparison that runs on another thread.
pub(super) struct BackgroundComparison {
    answer: mpsc::Receiver<Option<BTreeMap<String, FileStamp>>>,
    deadline: Instant,
}

impl BackgroundComparison {
    /// Waits for the comparison. `None`: the time was too short, there are too many changes, or something cannot be read.
    pub(super) fn wait(self) -> Option<BTreeMap<String, FileStamp>> {
        self.answer.recv_timeout(self.deadline.saturating_duration_since(Instant::now())).ok().flatten()
    }
}

/// Compares the files of the main checkout with the commit `head_commit`, through an isolated git directory. Ignores files in or
/// above worktrees and the folder `planned` for them.
pub(super) fn compare_in_background(
    repo: &Repo,
    isolated: IsolatedGitDir,
    head_commit: Option<Oid>,
    planned: Option<PathBuf>,
    budget: Duration,
) -> BackgroundComparison {
    let (sender, answer) = mpsc::channel();
    let deadline = Instant::now() + budget;
    let tree = head_commit.and_then(|commit| repo.tree_of(commit).ok());
    let index = repo.common_dir().map(|common| common.join("index"));
    let (environment, common) = (repo.environment().clone(), repo.common_dir());
    // Not joined: the answer of a thread that is too late is never read. Without a thread there is no answer.
    let _ = parallel::in_background(move || {
        let compare = || -> Result<Option<BTreeMap<Vec<u8>, bool>>> {
            match tree {
                Some(tree) => isolated.repo()?.changed_paths(&index?, tree, MAX_CHANGES),
                None => Ok(None),
            }
        };
        let stamps = compare().ok().flatten().and_then(|paths| {
            let worktrees = || worktree_folders(&environment, &common?);
            stamps(isolated.work_tree(), planned, worktrees, &paths).ok()
        });
        let _ = sender.send(stamps);
    });
    BackgroundComparison { answer, deadline }
}

/// Returns the folders of all linked worktrees. To be called only if a file changed: each registration is read.
fn worktree_folders(environment: &Environment, common: &Path) -> Result<Vec<PathBuf>> {
    let all = Repo::open(environment, common)?.worktrees()?;
    Ok(all.into_iter().map(|worktree| worktree.path).collect())
}

fn stamps(
    top: &Path,
    planned: Option<PathBuf>,
    worktrees: impl FnOnce() -> Result<Vec<PathBuf>>,
    paths: &BTreeMap<Vec<u8>, bool>,
) -> Result<BTreeMap<String, FileStamp>> {
    let mut hidden: Vec<PathBuf> = planned.into_iter().collect();
    if !paths.is_empty() {
        hidden.extend(worktrees()?);
    }
    let is_hidden =
        |path: &Path| hidden.iter().any(|folder| folder.starts_with(path) || path.starts_with(folder));
    let mut stamps = BTreeMap::new();
    for (name, tracked) in paths {
        let path = top.join(OsStr::from_bytes(name));
        if is_hidden(&path) {
            continue;
        }
        let found = fs::symlink_metadata(&path).ok();
        let content = found
            .map(|found| (found.len(), found.mtime().saturating_mul(1_000_000_000) + found.mtime_nsec()));
        stamps.insert(String::from_utf8_lossy(name).into_owned(), FileStamp { tracked: *tracked, content });
    }
    Ok(stamps)
}
