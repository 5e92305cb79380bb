//! Uncommitted work of live agents: measured, on all cores, within a budget.

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

/// Counting stops here; a table says `999+`.
pub const MOST: usize = 1000;
/// What a list may spend on it.
pub const BUDGET: Duration = Duration::from_millis(300);

/// One worktree to look at.
#[derive(Debug)]
pub struct DirtyCheck {
    /// Its files, reached through [`super::open_worktree`].
    pub root: Root,
    /// Its registration.
    pub worktree: Worktree,
    /// Its shadow.
    pub shadow: IsolatedGitDir,
    /// The tree of its newest commit.
    pub head_tree: Oid,
}

/// The number of changed files for each question, in order; `None` where the budget did not suffice or the
/// worktree cannot be read.
pub fn measure(questions: Vec<DirtyCheck>, budget: Duration) -> Vec<Option<usize>> {
    let deadline = Instant::now() + budget;
    let count = questions.len();
    let workers = parallel::cores().min(count);
    let questions = std::sync::Arc::new(questions);
    let next = std::sync::Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = mpsc::channel();
    for _ in 0..workers {
        let (questions, next, sender) = (questions.clone(), next.clone(), sender.clone());
        // Not joined: a worker that is late is left behind, its answer unread.
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
    /// Its shadow.
    pub shadow: &'a IsolatedGitDir,
    /// The tree of its newest commit.
    pub head_tree: Oid,
}

/// A worktree compared with its commit and its own index.
#[derive(Debug)]
pub struct WorktreeLook {
    /// Paths that differ from the commit, staged or not, and untracked ones; a folder of them counts as one. At most as many
    /// as were asked for.
    pub changes: usize,
    /// Files that cannot be taken.
    pub left_out: usize,
    /// Git is told not to look at some files.
    pub hides_files: bool,
    /// Files and folders that git ignores; folders end in `/`.
    pub ignored: Vec<Vec<u8>>,
}

/// Compares a worktree, without storing anything. A file that was touched, and goes through a filter, counts as changed.
///
/// # Errors
/// It has no index, a tree or folder cannot be read, or it took too long.
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
