//! Asking git itself about many pairs of commits: one process per core at a time. Git's objects go into temporary folders. A pair on
//! which git fails or takes too long is tried alone, and does not affect the others.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use super::{
    judgement::Judgement,
    merge_place::{MERGE_TREE, MergePlace, failure_message},
    merge_tree_output::{self, MergeResult},
    scratch_objects::{self, QuickFolder},
    threads,
};
use crate::{
    Code, Error, Kind, Result,
    git::{Oid, command},
    model::text::count,
    parallel,
};

/// Maximum number of pairs per process if programs of the user take part in merges: one of them may block.
const MAX_PAIRS_WITH_PROGRAMS: usize = 8;
/// Maximum number of pairs per process otherwise: it bounds the size of the temporary objects.
const MAX_PAIRS: usize = 256;
/// After this many single merges that took too long, git is no longer asked.
const MAX_TIMEOUTS: usize = 3;
/// The signal of Ctrl-C.
const INTERRUPTED: i32 = 2;

/// Returns git's judgements in the order of the pairs. `programs`: programs of the user may take part.
///
/// # Errors
/// Git does not work here at all, or Ctrl-C ended it.
pub(super) fn judge_by_git(
    place: &MergePlace,
    pairs: &[(Oid, Oid)],
    programs: bool,
) -> Result<Vec<Judgement>> {
    let Some(&(sample, _)) = pairs.first() else { return Ok(Vec::new()) };
    let threads = threads(pairs.len());
    let most = if programs { MAX_PAIRS_WITH_PROGRAMS } else { MAX_PAIRS };
    let chunks: Vec<&[(Oid, Oid)]> = pairs.chunks(pairs.len().div_ceil(threads).min(most).max(1)).collect();
    let quick = QuickFolder::make(place.environment());
    let judge =
        GitJudge { place, sample, quick, quick_failures: AtomicUsize::new(0), timeouts: AtomicUsize::new(0) };
    let judged = parallel::try_map_with(&chunks, threads, || Ok(()), |(), chunk| judge.judge(chunk))?;
    Ok(judged.into_iter().flatten().collect())
}

struct GitJudge<'a> {
    place: &'a MergePlace,
    /// A commit that merges with itself if git works.
    sample: Oid,
    quick: Option<QuickFolder>,
    /// How often git failed with its objects in memory, which may be full. From the first time on, the disk is used.
    quick_failures: AtomicUsize,
    timeouts: AtomicUsize,
}

/// How a git process ended.
enum GitOutcome {
    Complete(Vec<MergeResult>),
    /// It judged some pairs and failed on the next one; the text says why.
    Failed(Vec<MergeResult>, String),
    /// It was killed or crashed; its results are lost.
    Crashed(String),
    TimedOut,
}

impl GitJudge<'_> {
    fn judge(&self, pairs: &[(Oid, Oid)]) -> Result<Vec<Judgement>> {
        let mut judged: Vec<Judgement> = Vec::with_capacity(pairs.len());
        while judged.len() < pairs.len() {
            let rest = &pairs[judged.len()..];
            if self.timeouts.load(Ordering::Relaxed) >= MAX_TIMEOUTS {
                let many = count(MAX_TIMEOUTS as u64, "merge");
                let reason =
                    format!("git was not asked: {many} took longer than {}", self.place.shown_limit());
                judged.resize(pairs.len(), Judgement::Unknown(reason));
                break;
            }
            match self.run(rest)? {
                GitOutcome::Complete(answers) => judged.extend(answers.into_iter().map(Judgement::of)),
                GitOutcome::Failed(answers, why) => {
                    judged.extend(answers.into_iter().map(Judgement::of));
                    judged.push(Judgement::Unknown(format!("git cannot merge them: {why}")));
                }
                GitOutcome::TimedOut if rest.len() == 1 => {
                    self.timeouts.fetch_add(1, Ordering::Relaxed);
                    judged.push(Judgement::Unknown(format!(
                        "git takes longer than {}",
                        self.place.shown_limit()
                    )));
                }
                GitOutcome::Crashed(why) if rest.len() == 1 => {
                    judged.push(Judgement::Unknown(format!("git cannot merge them: {why}")));
                }
                GitOutcome::TimedOut | GitOutcome::Crashed(_) => {
                    let part = if rest.len() <= MAX_PAIRS_WITH_PROGRAMS { 1 } else { rest.len() / 2 };
                    for chunk in rest.chunks(part) {
                        judged.extend(self.judge(chunk)?);
                    }
                }
            }
        }
        Ok(judged)
    }

    fn run(&self, pairs: &[(Oid, Oid)]) -> Result<GitOutcome> {
        if let Some(quick) = self.quick.as_ref().filter(|_| self.quick_failures.load(Ordering::Relaxed) == 0)
        {
            let outcome = self.run_in(Some(quick), pairs)?;
            if matches!(outcome, GitOutcome::Complete(_) | GitOutcome::TimedOut) {
                return Ok(outcome);
            }
            self.quick_failures.fetch_add(1, Ordering::Relaxed);
        }
        self.run_in(None, pairs)
    }

    fn run_in(&self, quick: Option<&QuickFolder>, pairs: &[(Oid, Oid)]) -> Result<GitOutcome> {
        let output = match self.merge_tree(quick, pairs) {
            Err(error) if error.code == Code::GitTimeout => return Ok(GitOutcome::TimedOut),
            other => other?,
        };
        let (answers, whole) = merge_tree_output::parse(&output.stdout);
        if output.status.success() && whole && answers.len() == pairs.len() {
            return Ok(GitOutcome::Complete(answers));
        }
        if output.signal() == Some(INTERRUPTED) {
            return Err(Error::new(Kind::Interrupted, "interrupted during a trial merge"));
        }
        if pairs != [(self.sample, self.sample)]
            && quick.is_none()
            && !matches!(self.run_in(None, &[(self.sample, self.sample)])?, GitOutcome::Complete(_))
        {
            let error = Error::new(Code::GitFailed, "git merge-tree does not work here");
            return Err(error.because(failure_message(&output.stderr)));
        }
        let message = failure_message(&output.stderr);
        Ok(match output.status.code() {
            Some(code) if code != 0 && answers.len() < pairs.len() => GitOutcome::Failed(answers, message),
            _ => GitOutcome::Crashed(message),
        })
    }

    fn merge_tree(&self, quick: Option<&QuickFolder>, pairs: &[(Oid, Oid)]) -> Result<command::Output> {
        let scratch = scratch_objects::make(quick)?;
        let questions: String = pairs.iter().map(|(ours, theirs)| format!("{ours} {theirs}\n")).collect();
        self.place
            .git_without_fsync(MERGE_TREE[0])
            .args(&MERGE_TREE[1..])
            .env("GIT_OBJECT_DIRECTORY", scratch.path())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.place.common_dir().join("objects"))
            .input(questions.into_bytes())
            .limit(limit(self.place.limit(), pairs.len()))
            .output()
    }
}

/// Returns the time limit for some pairs. Git alone always ends; a program of the user may not, but then at most [`MAX_PAIRS_WITH_PROGRAMS`] pairs
/// are in one process.
fn limit(one: Duration, pairs: usize) -> Duration {
    if pairs <= MAX_PAIRS_WITH_PROGRAMS {
        one
    } else {
        command::LONG_LIMIT
            .max(Duration::from_secs(5).saturating_mul(u32::try_from(pairs).unwrap_or(u32::MAX)))
    }
}
