//! Asking git itself about many pairs of commits: one process per core. Git's objects go into a temporary folder. A pair on which
//! git fails or takes too long is tried alone, and does not affect the others.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use super::{
    answer::{self, Answer},
    judgement::Judgement,
    place::{MERGE_TREE, MergePlace, why},
    threads,
};
use crate::{
    Code, Error, Kind, Result,
    error::Context,
    git::{Oid, command},
    model::text::count,
    parallel,
};

/// Maximum number of pairs per process if programs of the user's take part in merges: one of them may block.
const FEW: usize = 8;
/// After this many single merges that took too long, git is no longer asked.
const MOST_TIMEOUTS: usize = 3;
/// The signal of Ctrl-C.
const INTERRUPTED: i32 = 2;

/// Returns git's judgements in the order of the pairs. `programs`: programs of the user's may take part.
///
/// # Errors
/// Git does not work here at all, or Ctrl-C ended it.
pub(super) fn ask(place: &MergePlace, pairs: &[(Oid, Oid)], programs: bool) -> Result<Vec<Judgement>> {
    let Some(&(sample, _)) = pairs.first() else { return Ok(Vec::new()) };
    let threads = threads(pairs.len());
    let most = if programs { FEW } else { usize::MAX };
    let chunks: Vec<&[(Oid, Oid)]> = pairs.chunks(pairs.len().div_ceil(threads).min(most).max(1)).collect();
    let asking = Asking { place, sample, timeouts: AtomicUsize::new(0) };
    let judged = parallel::try_map_with(&chunks, threads, || Ok(()), |(), chunk| asking.about(chunk))?;
    Ok(judged.into_iter().flatten().collect())
}

struct Asking<'a> {
    place: &'a MergePlace,
    /// A commit that merges with itself if git works.
    sample: Oid,
    timeouts: AtomicUsize,
}

/// How a git process ended.
enum Ended {
    Well(Vec<Answer>),
    /// It judged some pairs and failed on the next one; the text says why.
    GaveUp(Vec<Answer>, String),
    /// It was killed or crashed; its results are lost.
    Died(String),
    TooLate,
}

impl Asking<'_> {
    fn about(&self, pairs: &[(Oid, Oid)]) -> Result<Vec<Judgement>> {
        let mut judged: Vec<Judgement> = Vec::with_capacity(pairs.len());
        while judged.len() < pairs.len() {
            let rest = &pairs[judged.len()..];
            if self.timeouts.load(Ordering::Relaxed) >= MOST_TIMEOUTS {
                let many = count(MOST_TIMEOUTS as u64, "merge");
                let not = format!("git was not asked: {many} took longer than {}", self.place.shown_limit());
                judged.resize(pairs.len(), Judgement::Unknown(not));
                break;
            }
            match self.run(rest)? {
                Ended::Well(answers) => judged.extend(answers.into_iter().map(Judgement::of)),
                Ended::GaveUp(answers, why) => {
                    judged.extend(answers.into_iter().map(Judgement::of));
                    judged.push(Judgement::Unknown(format!("git cannot merge them: {why}")));
                }
                Ended::TooLate if rest.len() == 1 => {
                    self.timeouts.fetch_add(1, Ordering::Relaxed);
                    judged.push(Judgement::Unknown(format!(
                        "git takes longer than {}",
                        self.place.shown_limit()
                    )));
                }
                Ended::Died(why) if rest.len() == 1 => {
                    judged.push(Judgement::Unknown(format!("git cannot merge them: {why}")));
                }
                Ended::TooLate | Ended::Died(_) => {
                    let part = if rest.len() <= FEW { 1 } else { rest.len() / 2 };
                    for some in rest.chunks(part) {
                        judged.extend(self.about(some)?);
                    }
                }
            }
        }
        Ok(judged)
    }

    fn run(&self, pairs: &[(Oid, Oid)]) -> Result<Ended> {
        let output = match self.merge_tree(pairs) {
            Err(error) if error.code == Code::GitTimeout => return Ok(Ended::TooLate),
            other => other?,
        };
        let (answers, whole) = answer::parse(&output.stdout);
        if output.status.success() && whole && answers.len() == pairs.len() {
            return Ok(Ended::Well(answers));
        }
        if output.signal() == Some(INTERRUPTED) {
            return Err(Error::new(Kind::Interrupted, "interrupted"));
        }
        if pairs != [(self.sample, self.sample)]
            && !matches!(self.run(&[(self.sample, self.sample)])?, Ended::Well(_))
        {
            let error = Error::new(Code::GitFailed, "git merge-tree does not work here");
            return Err(error.because(why(&output.stderr)));
        }
        let said = why(&output.stderr);
        Ok(match output.status.code() {
            Some(code) if code != 0 && answers.len() < pairs.len() => Ended::GaveUp(answers, said),
            _ => Ended::Died(said),
        })
    }

    fn merge_tree(&self, pairs: &[(Oid, Oid)]) -> Result<command::Output> {
        let scratch =
            tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
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

/// Returns the time limit for some pairs. Git alone always ends; a program of the user's may not, but then at most [`FEW`] pairs
/// are in one process.
fn limit(one: Duration, pairs: usize) -> Duration {
    if pairs <= FEW {
        one
    } else {
        command::LONG_LIMIT
            .max(Duration::from_secs(5).saturating_mul(u32::try_from(pairs).unwrap_or(u32::MAX)))
    }
}
