//! Trial merges: what git would say if two commits were merged. Nothing is left in the repository.
//!
//! Most pairs are decided by paths alone: branches without a common path merge cleanly. If both changed the content of the same
//! regular text files and overlap nowhere else, these contents are merged here, by git's algorithm. A file that one deleted and the
//! other changed is a conflict, unless it may have been renamed. Everything else is left to git itself.

mod additions;
mod attributes;
mod by_git;
mod changes;
mod common_ancestors;
mod contents;
mod judgement;
mod known_changes;
mod merge_bases;
mod merge_place;
mod merge_tree_output;
mod rules;
mod scratch_objects;
mod similarity;
mod sizes;
mod text;
mod trial_conflict;

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

pub use self::{
    additions::{MergePair, which_add_nothing},
    judgement::{Judgement, Method, TrialMerge},
    merge_bases::{MergeBase, MergeBases},
    merge_place::MergePlace,
    merge_tree_output::{GitConflict, MergeResult},
    rules::MergeRules,
    sizes::ChangeSize,
    trial_conflict::TrialConflict,
};
use self::{
    changes::{BranchChanges, CommonFiles, Overlap},
    contents::Merger,
    known_changes::{KnownChanges, TreePair},
};
use crate::{
    Error, Kind, Result,
    error::ErrorContext as _,
    git::{Oid, Repo, shared_repo::SharedRepo},
    parallel,
};

/// Maximum number of threads: more would only wait for memory.
const MAX_THREADS: usize = 8;

/// The memory in which a thread keeps packed files that others are stored as differences to, in bytes.
const DELTA_CACHE_BYTES: usize = 64 << 20;

/// The results for some pairs, in their order.
#[derive(Debug)]
pub struct Trials {
    /// One result per pair.
    pub found: Vec<TrialMerge>,
    /// The folders whose attributes may have influenced the results that can be cached.
    pub folders: BTreeSet<Vec<u8>>,
}

/// Merges pairs of commits on trial. Each pair is two indices into `tips`: ours and theirs. A pair that cannot be merged, for
/// whatever reason, does not affect the others.
///
/// # Errors
/// A commit of `tips` cannot be read, or git does not work here.
pub fn merge_on_trial(
    repo: &Repo,
    place: &MergePlace,
    rules: &mut MergeRules,
    tips: &[Oid],
    pairs: &[(usize, usize)],
) -> Result<Trials> {
    merge_on_trial_from(repo, &MergeBases::of(repo, tips), place, rules, tips, pairs, None)
}

/// Like [`merge_on_trial`], with the merge bases of the commits, if they are known already, and with a cache file of what branches changed.
///
/// # Errors
/// As for [`merge_on_trial`].
pub fn merge_on_trial_from(
    repo: &Repo,
    bases: &MergeBases,
    place: &MergePlace,
    rules: &mut MergeRules,
    tips: &[Oid],
    pairs: &[(usize, usize)],
    cache: Option<&Path>,
) -> Result<Trials> {
    let trees = tips.iter().map(|tip| repo.tree_of(*tip)).collect::<Result<Vec<Oid>>>()?;
    let commits: Vec<(Oid, Oid)> = pairs.iter().map(|&(a, b)| (tips[a], tips[b])).collect();
    let bases = if rules.rewritten {
        vec![MergeBase::Ambiguous; pairs.len()]
    } else {
        base_trees(repo, bases.of_pairs(repo, &commits)?)
    };
    let changed = all_changes(repo, &trees, &bases, pairs, cache)?;
    let PathVerdicts { mut verdicts, to_merge, to_ask } = judge_by_paths(rules, &changed, &bases, pairs);
    let ask = |pairs: &[usize]| {
        let asked: Vec<(Oid, Oid)> = pairs.iter().map(|at| commits[*at]).collect();
        by_git::judge_by_git(place, &asked, rules.programs)
    };
    // Git works beside our own threads.
    let (by_git, merged) = parallel::both(|| ask(&to_ask), || merge_all(repo, &to_merge));
    let mut by_git = by_git.context(Kind::Internal, || "cannot ask git for merges".into())?;
    let mut too_hard = Vec::new();
    for (at, merged) in merged? {
        match merged {
            Some(trial_conflict) => {
                let judgement = trial_conflict.map_or(Judgement::Merges, Judgement::Conflicts);
                verdicts[at] = Some(TrialMerge { judgement, method: Method::Merge, cacheable: true });
            }
            None => too_hard.push(at),
        }
    }
    if let Ok(judged) = &mut by_git {
        judged.extend(ask(&too_hard)?);
    }
    for (at, judgement) in to_ask.into_iter().chain(too_hard).zip(by_git?) {
        // A program may give another result next time; for criss-cross histories not every relevant folder is known.
        let cacheable = matches!(bases[at], MergeBase::One(_))
            && !rules.programs
            && !matches!(judgement, Judgement::Unknown(_));
        verdicts[at] = Some(TrialMerge { judgement, method: Method::Git, cacheable });
    }
    let found: Option<Vec<TrialMerge>> = verdicts.into_iter().collect();
    let found = found.ok_or_else(|| Error::internal("a pair without a verdict"))?;
    let folders = deciding_folders(&found, &bases, pairs, &changed);
    Ok(Trials { found, folders })
}

/// What is decided by paths alone. The other pairs are listed by their indexes.
struct PathVerdicts {
    verdicts: Vec<Option<TrialMerge>>,
    to_merge: Vec<(usize, CommonFiles)>,
    to_ask: Vec<usize>,
}

fn judge_by_paths(
    rules: &mut MergeRules,
    changed: &AllChanges,
    bases: &[MergeBase],
    pairs: &[(usize, usize)],
) -> PathVerdicts {
    let mut verdicts: Vec<Option<TrialMerge>> = vec![None; pairs.len()];
    let (mut to_merge, mut to_ask) = (Vec::new(), Vec::new());
    for (at, &(a, b)) in pairs.iter().enumerate() {
        let sides = match bases[at] {
            MergeBase::One(base) => sides_of(changed, base, a, b),
            MergeBase::Ambiguous => None,
            MergeBase::None => {
                let none = Judgement::Unknown("they have no common ancestor".to_owned());
                verdicts[at] = Some(TrialMerge { judgement: none, method: Method::Paths, cacheable: false });
                continue;
            }
        };
        match sides.map(|(ours, theirs)| ours.overlap(theirs)) {
            Some(Overlap::Nowhere) => verdicts[at] = Some(TrialMerge::CLEAN_BY_PATHS),
            Some(Overlap::Files(files)) if files.paths().all(|path| rules.is_plain(path)) => {
                to_merge.push((at, files));
            }
            Some(Overlap::Files(_) | Overlap::NeedsGit) | None => to_ask.push(at),
        }
    }
    PathVerdicts { verdicts, to_merge, to_ask }
}

/// Returns, for every pair that was not decided by paths alone, the folders above all paths that either side changed.
fn deciding_folders(
    found: &[TrialMerge],
    bases: &[MergeBase],
    pairs: &[(usize, usize)],
    changed: &AllChanges,
) -> BTreeSet<Vec<u8>> {
    let mut sides: BTreeSet<([u8; 20], usize)> = BTreeSet::new();
    let mut folders = BTreeSet::new();
    for ((trial, base), &(a, b)) in found.iter().zip(bases).zip(pairs) {
        let MergeBase::One(base) = *base else { continue };
        if !trial.cacheable || trial.method == Method::Paths {
            continue;
        }
        folders.insert(Vec::new());
        for side in [a, b] {
            if sides.insert((*base.as_bytes(), side))
                && let Some(Some(changes)) = changed.get(&(base, side))
            {
                folders.extend(changes.folders().cloned());
            }
        }
    }
    folders
}

/// The changes of a branch: the tree of its merge base, and its own.
pub type DiffRange = (Oid, Oid);

/// Returns what each commit changes since its merge base with `target`; `None` if there is no single merge base.
///
/// # Errors
/// As for [`merge_on_trial`].
pub fn diff_ranges(
    repo: &Repo,
    bases: &MergeBases,
    target: Oid,
    tips: &[Oid],
) -> Result<Vec<Option<DiffRange>>> {
    let pairs: Vec<(Oid, Oid)> = tips.iter().map(|tip| (*tip, target)).collect();
    let found =
        base_trees(repo, bases.of_pairs(repo, &pairs)?).into_iter().zip(tips).map(|(base, tip)| match base {
            MergeBase::One(base) => Ok(Some((base, repo.tree_of(*tip)?))),
            MergeBase::Ambiguous | MergeBase::None => Ok(None),
        });
    found.collect()
}

/// Returns how much each range changes; zero for one that cannot be read.
///
/// # Errors
/// The repository cannot be opened.
pub fn sizes(repo: &Repo, spans: &[DiffRange]) -> Result<Vec<ChangeSize>> {
    if spans.is_empty() {
        return Ok(Vec::new());
    }
    let between = |repo: &mut Repo, (): &mut (), (base, tree): &DiffRange| {
        Ok(BranchChanges::between(repo, *base, *tree).map(|changes| changes.contents()).unwrap_or_default())
    };
    let changed = on_all_cores(repo, spans, |_| Ok(()), between)?;
    let size = |files: &Vec<_>| ChangeSize { files: files.len() as u64, lines: 0 };
    let mut sizes: Vec<ChangeSize> = changed.iter().map(size).collect();
    let parts = sizes::parts(changed, threads(spans.len()));
    let shared = repo.shared();
    let counted = parallel::try_map_with(
        &parts,
        parts.len(),
        || Ok::<Repo, Error>(worker(&shared)),
        |repo, part| Ok(sizes::count_lines(repo, part)),
    )?;
    for (change, lines) in counted.into_iter().flatten() {
        sizes[change].lines = sizes[change].lines.saturating_add(lines);
    }
    Ok(sizes)
}

/// Returns whether two commits differ in an attributes file.
///
/// # Errors
/// One of them cannot be read.
pub fn changes_attributes(repo: &Repo, before: Oid, after: Oid) -> Result<bool> {
    Ok(BranchChanges::between(repo, repo.tree_of(before)?, repo.tree_of(after)?)?
        .has_file_named(merge_place::ATTRIBUTES))
}

/// Replaces each merge base by its tree. One whose tree cannot be read counts as ambiguous.
fn base_trees(repo: &Repo, bases: Vec<MergeBase>) -> Vec<MergeBase> {
    let mut trees: HashMap<Oid, Option<Oid>> = HashMap::new();
    let mut tree = |commit| *trees.entry(commit).or_insert_with(|| repo.tree_of(commit).ok());
    let of_one = |base| match base {
        MergeBase::One(commit) => tree(commit).map_or(MergeBase::Ambiguous, MergeBase::One),
        other => other,
    };
    bases.into_iter().map(of_one).collect()
}

/// The changes by base and branch; `None` if the trees cannot be compared.
type AllChanges = HashMap<(Oid, usize), Option<BranchChanges>>;

fn sides_of(changed: &AllChanges, base: Oid, a: usize, b: usize) -> Option<(&BranchChanges, &BranchChanges)> {
    changed.get(&(base, a))?.as_ref().zip(changed.get(&(base, b))?.as_ref())
}

/// Returns what each branch changed since each of its bases: computed once, not once per pair, or found in the cache file.
fn all_changes(
    repo: &Repo,
    trees: &[Oid],
    bases: &[MergeBase],
    pairs: &[(usize, usize)],
    cache: Option<&Path>,
) -> Result<AllChanges> {
    let mut wanted: Vec<(Oid, usize)> = Vec::new();
    for (base, &(a, b)) in bases.iter().zip(pairs) {
        if let MergeBase::One(base) = *base {
            wanted.extend([(base, a), (base, b)]);
        }
    }
    wanted.sort_unstable_by_key(|(base, branch)| (*base.as_bytes(), *branch));
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(AllChanges::new());
    }
    let known = cache.map(KnownChanges::read).unwrap_or_default();
    let tree_pair = |(base, branch): (Oid, usize)| -> TreePair { (base, trees[branch]) };
    let mut all: AllChanges =
        wanted.iter().filter_map(|one| Some((*one, Some(known.get(tree_pair(*one))?)))).collect();
    let unknown: Vec<(Oid, usize)> = wanted.into_iter().filter(|one| !all.contains_key(one)).collect();
    if unknown.is_empty() {
        return Ok(all);
    }
    let between = |repo: &mut Repo, (): &mut (), one: &(Oid, usize)| {
        let (base, tree) = tree_pair(*one);
        Ok(BranchChanges::between(repo, base, tree).ok())
    };
    let found = on_all_cores(repo, &unknown, |_| Ok(()), between)?;
    all.extend(unknown.into_iter().zip(found));
    if let Some(path) = cache {
        known.write(path, all.iter().filter_map(|(one, changes)| Some((tree_pair(*one), changes.as_ref()?))));
    }
    Ok(all)
}

/// Returns the conflict of each pair, if there is one; the outer `None`: git must judge.
fn merge_all(
    repo: &Repo,
    to_merge: &[(usize, CommonFiles)],
) -> Result<Vec<(usize, Option<Option<TrialConflict>>)>> {
    let merged = on_all_cores(
        repo,
        to_merge,
        |_| Ok(Merger::default()),
        |repo, merger, (_, files)| Ok(merger.merge(repo, files)),
    )?;
    Ok(to_merge.iter().map(|(at, _)| *at).zip(merged).collect())
}

/// Returns the useful number of threads for a number of items.
fn threads(items: usize) -> usize {
    parallel::cores().min(MAX_THREADS).min(items.div_ceil(4)).max(1)
}

/// Applies `work` to each item, on as many threads as are useful. Each thread has its own repository, whose new objects stay in
/// memory, and its own tools.
fn on_all_cores<I: Sync, T: Send, State>(
    repo: &Repo,
    items: &[I],
    state: impl Fn(&Repo) -> Result<State> + Sync,
    work: impl Fn(&mut Repo, &mut State, &I) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let shared = repo.shared();
    let with_repository = || -> Result<(Repo, State)> {
        let repo = worker(&shared);
        let state = state(&repo)?;
        Ok((repo, state))
    };
    parallel::try_map_with(items, threads(items.len()), with_repository, |(repo, state), item| {
        work(repo, state, item)
    })
}

/// Returns the repository for one thread, with a cache for the chains of differences as which packed files are stored: many versions
/// of the same files are read. Gix makes that cache by itself only with a feature that we do not use.
fn worker(shared: &SharedRepo) -> Repo {
    let mut repo = shared.for_this_thread().in_memory();
    repo.gix.object_cache_size_if_unset(32 << 20);
    repo.gix.objects.set_pack_cache(|| -> Box<gix::odb::cache::PackCache> {
        Box::new(gix::odb::pack::cache::lru::MemoryCappedHashmap::new(DELTA_CACHE_BYTES))
    });
    repo
}
