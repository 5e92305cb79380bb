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
    error::Context,
    git::{Oid, careful, entries::Entries, worktrees::Worktree},
    model::ByteSize,
    parallel,
    worktree::{
        isolated_git_dir::IsolatedGitDir,
        root::Root,
        survey::{self, Survey, SurveyOptions},
    },
};

/// Counting stops at this number; a table shows `999+`.
pub const MOST: usize = 1000;
/// Maximum time that a list may spend on counting.
pub const BUDGET: Duration = Duration::from_millis(300);

/// A worktree whose changes are counted.
#[derive(Debug)]
pub struct DirtyCheck {
    /// Its files, reached through [`super::open_worktree`].
    pub root: Root,
    /// Its registration.
    pub worktree: Worktree,
    /// Its isolated git directory.
    pub shadow: IsolatedGitDir,
    /// The tree of its newest commit.
    pub head_tree: Oid,
}

/// Counts the changed files of each worktree, in their order; `None` if the time was too short or the worktree cannot be read.
pub fn measure(questions: Vec<DirtyCheck>, budget: Duration) -> Vec<Option<usize>> {
    let deadline = Instant::now() + budget;
    let count = questions.len();
    let workers = parallel::cores().min(count);
    let questions = std::sync::Arc::new(questions);
    let next = std::sync::Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = mpsc::channel();
    for _ in 0..workers {
        let (questions, next, sender) = (questions.clone(), next.clone(), sender.clone());
        // Not joined: the answer of a thread that is too late is never read.
        std::thread::spawn(move || {
            while Instant::now() < deadline {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(question) = questions.get(at) else { break };
                if sender.send((at, answer(question, deadline))).is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);
    let mut answers = vec![None; count];
    while let Ok((at, answer)) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        answers[at] = answer;
    }
    answers
}

fn answer(question: &DirtyCheck, deadline: Instant) -> Option<usize> {
    let DirtyCheck { root, worktree, shadow, head_tree } = question;
    let compared = Compared { root, worktree, shadow, head_tree: *head_tree };
    Some(look(&compared, MOST, deadline).ok()?.changes)
}

/// A worktree, and what it is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// Its files, reached through [`super::open_worktree`].
    pub root: &'a Root,
    /// Its registration.
    pub worktree: &'a Worktree,
    /// Its isolated git directory.
    pub shadow: &'a IsolatedGitDir,
    /// The tree of its newest commit.
    pub head_tree: Oid,
}

/// The result of comparing a worktree with its commit and its own index.
#[derive(Debug)]
pub struct WorktreeLook {
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

/// Compares a worktree with its commit, without storing anything. A file that was touched and has a filter counts as changed.
///
/// # Errors
/// The worktree has no index, a tree or folder cannot be read, or the deadline passed.
pub fn look(question: &Compared<'_>, most: usize, deadline: Instant) -> Result<WorktreeLook> {
    let repo = question.shadow.repo()?;
    let index = question.worktree.git_dir.join("index");
    careful::open_regular(&index)
        .context(Kind::External, || format!("cannot read index '{}'", index.display()))?;
    let entries = Entries::read(&repo, &index)?;
    let terms =
        SurveyOptions { repo: &repo, entries: &entries, max_file: ByteSize::bytes(u64::MAX / 2), deadline };
    let survey = survey::look(question.root, &terms)?;
    let mut paths = entries.staged_since(&repo, question.head_tree, most)?;
    count(&entries, &survey, &mut paths);
    Ok(WorktreeLook {
        changes: paths.len().min(most),
        left_out: survey.left_out.len(),
        hides_files: entries.hides_files(),
        ignored: survey.ignored,
    })
}

fn count(entries: &Entries, survey: &Survey, paths: &mut HashSet<Vec<u8>>) {
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
