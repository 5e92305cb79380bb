//! Uncommitted work of live agents: measured, on all cores, within a budget.

use std::{
    path::PathBuf,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use crate::{git::Oid, worktree::shadow::Shadow};

/// Counting stops here; a table says `999+`.
pub const MOST: usize = 1000;
/// What a list may spend on it.
pub const BUDGET: Duration = Duration::from_millis(300);

/// One worktree to look at.
#[derive(Debug)]
pub struct Question {
    /// Its shadow.
    pub shadow: Shadow,
    /// The index of the worktree itself.
    pub index: PathBuf,
    /// The tree of its newest commit.
    pub head_tree: Oid,
}

/// The number of changed files for each question, in order; `None` where the budget did not suffice or the
/// worktree cannot be read.
pub fn measure(questions: Vec<Question>, budget: Duration) -> Vec<Option<usize>> {
    let deadline = Instant::now() + budget;
    let count = questions.len();
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(count);
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
                if sender.send((at, answer(question))).is_err() {
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

fn answer(question: &Question) -> Option<usize> {
    let repo = question.shadow.repo().ok()?;
    repo.count_changes(&question.index, question.head_tree, MOST).ok()
}
