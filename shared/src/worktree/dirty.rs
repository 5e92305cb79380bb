//! Counting uncommitted changes of live agents, on all cores, within a time limit.

use std::{
    collections::HashSet,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, careful, index_entries::IndexEntries, worktrees::Worktree},
    model::ByteSize,
    parallel,
    worktree::{
        isolated_git_dir::IsolatedGitDir,
        root::WorktreeRoot,
        survey::{self, Survey, SurveyOptions},
    },
};

/// Counting stops at this number; a table shows `999+`.
pub const MAX_COUNT: usize = 1000;

/// A worktree whose changes are counted.
#[derive(Debug)]
pub struct DirtyCheck {
    /// Its files, reached through [`super::open_worktree`].
    pub root: WorktreeRoot,
    /// Its registration.
    pub worktree: Worktree,
    /// Its isolated git directory.
    pub isolated: IsolatedGitDir,
    /// The tree of its newest commit.
    pub head_tree: Oid,
}

/// How the count of one worktree ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Counted {
    /// The number of changed files.
    Changes(usize),
    /// It was begun, but took too long, or the worktree cannot be read.
    InVain,
}

impl Counted {
    /// Returns the number of changed files, if they were counted.
    pub const fn changes(self) -> Option<usize> {
        match self {
            Self::Changes(changes) => Some(changes),
            Self::InVain => None,
        }
    }
}

/// Counts the changed files of each worktree, the first ones first; `None` if there was no time to begin.
pub fn measure(checks: Vec<DirtyCheck>, budget: Duration) -> Vec<Option<Counted>> {
    if checks.is_empty() {
        return Vec::new();
    }
    let deadline = Instant::now() + budget;
    let count = checks.len();
    let workers = parallel::cores().min(count);
    let checks = std::sync::Arc::new(checks);
    let next = std::sync::Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = mpsc::channel();
    for _ in 0..workers {
        let (checks, next, sender) = (checks.clone(), next.clone(), sender.clone());
        // Not joined: the answer of a thread that is too late is never read.
        let started = parallel::in_background(move || {
            while Instant::now() < deadline {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(check) = checks.get(at) else { break };
                if sender.send((at, count_changes(check, deadline))).is_err() {
                    break;
                }
            }
        });
        // The others do the work; without any, there was no time to begin.
        if started.is_err() {
            break;
        }
    }
    drop(sender);
    let mut counts = vec![None; count];
    while let Ok((at, result)) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        counts[at] = Some(result);
    }
    // A thread that is too late is still at work on the last one that it took.
    for count in counts.iter_mut().take(next.load(Ordering::Relaxed)) {
        count.get_or_insert(Counted::InVain);
    }
    counts
}

fn count_changes(check: &DirtyCheck, deadline: Instant) -> Counted {
    let DirtyCheck { root, worktree, isolated, head_tree } = check;
    let compared = ComparedWorktree { root, worktree, isolated, head_tree: *head_tree };
    match compare_worktree(&compared, MAX_COUNT, deadline) {
        Ok(found) => Counted::Changes(found.changes),
        Err(_) => Counted::InVain,
    }
}

/// A worktree, and what it is compared with.
#[derive(Clone, Copy, Debug)]
pub struct ComparedWorktree<'a> {
    /// Its files, reached through [`super::open_worktree`].
    pub root: &'a WorktreeRoot,
    /// Its registration.
    pub worktree: &'a Worktree,
    /// Its isolated git directory.
    pub isolated: &'a IsolatedGitDir,
    /// The tree of its newest commit.
    pub head_tree: Oid,
}

/// The result of comparing a worktree with its commit and its own index.
#[derive(Debug)]
pub struct WorktreeComparison {
    /// The number of paths that differ from the commit, staged or not, and of untracked ones; an untracked folder counts as one.
    /// At most the limit that was passed.
    pub changes: usize,
    /// The number of files that cannot be captured.
    pub left_out: usize,
    /// Whether the index tells git to skip some files.
    pub hides_files: bool,
    /// Files and folders that git ignores; folders end in `/`.
    pub ignored: Vec<Vec<u8>>,
}

/// Compares a worktree with its commit, without storing anything. A file that was touched counts as changed if git converts its content.
///
/// # Errors
/// The worktree has no index, a tree or folder cannot be read, or the deadline passed.
pub fn compare_worktree(
    check: &ComparedWorktree<'_>,
    most: usize,
    deadline: Instant,
) -> Result<WorktreeComparison> {
    let repo = check.isolated.repo()?;
    let index = check.worktree.git_dir.join("index");
    careful::open_regular(&index)
        .context(Kind::External, || format!("cannot read index '{}'", index.display()))?;
    let entries = IndexEntries::read(&repo, &index)?;
    let options =
        SurveyOptions { repo: &repo, entries: &entries, max_file: ByteSize::bytes(u64::MAX / 2), deadline };
    let survey = survey::survey_worktree(check.root, &options)?;
    let mut paths = entries.staged_since(&repo, check.head_tree, most)?;
    add_changes(&entries, &survey, &mut paths);
    Ok(WorktreeComparison {
        changes: paths.len().min(most),
        left_out: survey.left_out.len(),
        hides_files: entries.hides_files(),
        ignored: survey.ignored,
    })
}

fn add_changes(entries: &IndexEntries, survey: &Survey, paths: &mut HashSet<Vec<u8>>) {
    for path in survey.changes().chain(survey.unmerged.iter().map(Vec::as_slice)) {
        let is_tracked = entries.of_path(path).is_some();
        let folder = path
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'/')
            .map(|(at, _)| &path[..=at])
            .find(|folder| !is_tracked && !entries.has_below(folder));
        paths.insert(folder.unwrap_or(path).to_vec());
    }
}
