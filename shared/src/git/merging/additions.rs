//! Whether a merge would change nothing, because the target has all of the work already.

use std::collections::HashMap;

use super::{
    changes::{BranchChanges, Overlap},
    merge_place::MERGE_TREE,
    merge_tree_output::{self, MergeResult},
    rules,
};
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, command},
};

/// A commit to merge into another on trial.
#[derive(Clone, Debug)]
pub struct MergePair {
    /// The commit that is merged into.
    pub target: Oid,
    /// The commit that is merged.
    pub tip: Oid,
    /// All their merge bases.
    pub bases: Vec<Oid>,
}

/// Returns for each pair whether its merge would change nothing. Most are decided by their paths; one git process answers all
/// others, and its objects go into a temporary folder.
///
/// # Errors
/// The repository cannot be read, or git fails. If it fails on one pair, that pair has the error.
pub fn which_add_nothing(repo: &Repo, pairs: &[MergePair]) -> Result<Vec<Result<bool>>> {
    let mut by_paths = ByPaths { repo, targets: HashMap::new() };
    let rewritten = rules::is_history_rewritten(repo, &repo.common_dir()?);
    let decide = |pair: &MergePair| if rewritten { None } else { by_paths.decide(pair) };
    let mut decided: Vec<Option<Result<bool>>> = pairs.iter().map(decide).map(|one| one.map(Ok)).collect();
    let open: Vec<usize> = (0..pairs.len()).filter(|at| decided[*at].is_none()).collect();
    let asked: Vec<&MergePair> = open.iter().map(|at| &pairs[*at]).collect();
    for (at, answer) in open.into_iter().zip(ask_git(repo, &asked)) {
        decided[at] = Some(answer);
    }
    Ok(decided.into_iter().flatten().collect())
}

/// Decides pairs by the paths that changed since their merge base.
struct ByPaths<'a> {
    repo: &'a Repo,
    /// What a target changed since a base.
    targets: HashMap<(Oid, Oid), Option<BranchChanges>>,
}

impl ByPaths<'_> {
    /// Returns `None` if only git can tell: both sides changed a file differently, or renamed or deleted something.
    fn decide(&mut self, pair: &MergePair) -> Option<bool> {
        let [base] = pair.bases.as_slice() else { return None };
        let base_tree = self.repo.tree_of(*base).ok()?;
        let work = BranchChanges::between(self.repo, base_tree, self.repo.tree_of(pair.tip).ok()?).ok()?;
        let there = self.targets.entry((*base, pair.target)).or_insert_with(|| {
            BranchChanges::between(self.repo, base_tree, self.repo.tree_of(pair.target).ok()?).ok()
        });
        let there = there.as_ref()?;
        // Without an overlap they merge cleanly, and a path that both changed is the same in both.
        matches!(there.overlap(&work), Overlap::Nowhere).then(|| there.has_all_paths_of(&work))
    }
}

/// Asks git about all pairs at once, and about those after a failure alone.
fn ask_git(repo: &Repo, pairs: &[&MergePair]) -> Vec<Result<bool>> {
    let (mut answers, mut alone) = match pairs {
        [] => return Vec::new(),
        [_] => (Vec::new(), pairs),
        // A failure is found again, and reported, for the pair that caused it.
        _ => (merge_tree(repo, pairs).unwrap_or_default(), pairs),
    };
    alone = &alone[answers.len()..];
    let mut all: Vec<Result<bool>> =
        answers.drain(..).zip(pairs).map(|(result, pair)| changes_nothing(repo, pair, &result)).collect();
    all.extend(alone.iter().map(|pair| {
        let results = merge_tree(repo, &[pair])?;
        // A merge that git refuses, for whatever reason, adds something.
        results.first().map_or(Ok(false), |result| changes_nothing(repo, pair, result))
    }));
    all
}

fn changes_nothing(repo: &Repo, pair: &MergePair, merged: &MergeResult) -> Result<bool> {
    Ok(merged.conflict.is_none() && merged.tree == repo.tree_of(pair.target)?)
}

/// Returns the results up to the first pair that git could not merge.
fn merge_tree(repo: &Repo, pairs: &[&MergePair]) -> Result<Vec<MergeResult>> {
    let common = repo.common_dir()?;
    let objects_dir =
        tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
    let questions: String = pairs.iter().map(|pair| format!("{} {}\n", pair.target, pair.tip)).collect();
    let output = repo
        .git_in(&common, MERGE_TREE[0])
        .allow_lazy_fetch()
        .args(&MERGE_TREE[1..])
        .env("GIT_OBJECT_DIRECTORY", objects_dir.path().as_os_str())
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", common.join("objects").as_os_str())
        .input(questions.into_bytes())
        .limit(command::LONG_LIMIT)
        .output()?;
    let (mut results, _) = merge_tree_output::parse(&output.stdout);
    results.truncate(pairs.len());
    Ok(results)
}
