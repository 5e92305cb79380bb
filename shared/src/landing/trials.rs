//! Trial merges of pairs of commits and sizes of changes, with their caches. A trial merge depends on the two commits, and on git's
//! version, its settings, and attributes.

use std::{collections::BTreeSet, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    check,
    pair_cache::{self, CacheEntry, CacheKey, PairCache},
};
use crate::{
    Error, Result,
    git::{
        Oid, Repo, careful,
        merging::{
            self, ChangeSize, DiffRange, Judgement, MergeBases, MergePlace, MergeRules, Method,
            TrialConflict, TrialMerge,
        },
    },
    model::conflict::ConflictKinds,
    private_files,
    store::layout::PrivateDir,
    world,
};

/// The maximum size of the list of folders, in bytes.
const MAX_LIST: u64 = 64 << 20;

/// How the pairs of branches were judged, as counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Pairs {
    /// All pairs.
    pub total: usize,
    /// Those that conflict.
    pub conflicting: usize,
    /// Those decided by the changed paths alone.
    pub filtered: usize,
    /// Those decided by running git.
    pub by_git: usize,
    /// Those found in the cache.
    pub known: usize,
    /// Those that could not be decided.
    #[serde(default)]
    pub unjudged: usize,
}

impl Pairs {
    /// Counts trials, of which `known` were found in the cache.
    pub(super) fn count(trials: &[TrialMerge], known: usize) -> Self {
        let count = |wanted: fn(&TrialMerge) -> bool| trials.iter().filter(|trial| wanted(trial)).count();
        Self {
            total: trials.len(),
            conflicting: count(|trial| trial.trial_conflict().is_some()),
            filtered: count(|trial| trial.method == Method::Paths),
            by_git: count(|trial| trial.method == Method::Git),
            known,
            unjudged: count(|trial| matches!(trial.judgement, Judgement::Unknown(_))),
        }
    }
}

/// Returns the trial merges of pairs of `tips` (ours, theirs), in order, and how many of them were found in the cache.
pub(super) fn trials(
    repo: &Repo,
    bases: &MergeBases,
    place: MergePlace,
    tips: &[Oid],
    pairs: &[(usize, usize)],
) -> Result<(Vec<TrialMerge>, usize)> {
    let mark = world::random_hex::<8>()?;
    let place = place.marked(check::NONCE, &mark);
    let mut rules = MergeRules::read(repo, &place)?;
    let private = PrivateDir::new(repo.private_dir()?);
    let (path, list) = (private.trials(), private.trial_folders());
    let mut folders = read_folders(&list);
    let mut known =
        rules.key(&folders).map(|key| PairCache::<TrialMerge>::read(&path, &key)).unwrap_or_else(|| {
            folders.clear();
            PairCache::empty(&CacheKey::default())
        });
    let key = |&(ours, theirs): &(usize, usize)| pair_cache::key(tips[ours], tips[theirs]);
    let unknown: Vec<(usize, usize)> =
        pairs.iter().copied().filter(|pair| known.get(&key(pair)).is_none()).collect();
    if !unknown.is_empty() {
        let changes = private.changes();
        let judged =
            merging::merge_on_trial_from(repo, bases, &place, &mut rules, tips, &unknown, Some(&changes))?;
        if judged.found.iter().any(|trial| matches!(trial.judgement, Judgement::Unknown(_))) {
            // A program that exceeded its time limit may still be running.
            check::end_leftover_processes(&mark)?;
        }
        for (pair, trial) in unknown.iter().zip(judged.found) {
            known.add(key(pair), trial);
        }
        folders.extend(judged.folders);
        if let Some(key) = rules.key(&folders) {
            known.set_key(&key);
            write_folders(&list, &folders);
            known.write(&path);
        }
    }
    let all: Option<Vec<TrialMerge>> = pairs.iter().map(|pair| known.get(&key(pair))).collect();
    let all = all.ok_or_else(|| Error::internal("a pair without a verdict"))?;
    Ok((all, pairs.len() - unknown.len()))
}

/// Reads the folders whose attributes the cached trial merges depend on.
fn read_folders(path: &Path) -> BTreeSet<Vec<u8>> {
    let read = careful::open_regular(path).and_then(|file| careful::read_up_to(file, MAX_LIST));
    let Ok(Some(bytes)) = read else { return BTreeSet::new() };
    let Some(listed) = bytes.strip_suffix(b"\0") else { return BTreeSet::new() };
    listed.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

/// Writes that list. Errors are ignored: with another list, the cached trial merges are not used, and only time is lost.
fn write_folders(path: &Path, folders: &BTreeSet<Vec<u8>>) {
    let mut bytes = Vec::new();
    for folder in folders {
        bytes.extend_from_slice(folder);
        bytes.push(0);
    }
    let Some(parent) = path.parent() else { return };
    let _ = private_files::create_dir(parent);
    if careful::read(path).is_ok_and(|known| known == bytes) {
        return;
    }
    let _ = private_files::replace(path, &bytes);
}

/// Returns how much each commit changes since its merge base with `target`; zero if they have several merge bases.
pub(super) fn sizes(repo: &Repo, bases: &MergeBases, target: Oid, tips: &[Oid]) -> Result<Vec<ChangeSize>> {
    if tips.is_empty() {
        return Ok(Vec::new());
    }
    let path = PrivateDir::new(repo.private_dir()?).sizes();
    let mut known = PairCache::<ChangeSize>::read(&path, &Sha256::digest("git orchestra sizes 1").into());
    let spans = merging::diff_ranges(repo, bases, target, tips)?;
    let mut unknown: Vec<DiffRange> = spans
        .iter()
        .flatten()
        .copied()
        .filter(|(from, to)| known.get(&pair_cache::key(*from, *to)).is_none())
        .collect();
    unknown.dedup();
    for ((from, to), size) in unknown.iter().zip(merging::sizes(repo, &unknown)?) {
        known.add(pair_cache::key(*from, *to), size);
    }
    if !unknown.is_empty() {
        known.write(&path);
    }
    let size = |span: Option<DiffRange>| span.and_then(|(from, to)| known.get(&pair_cache::key(from, to)));
    Ok(spans.into_iter().map(|span| size(span).unwrap_or_default()).collect())
}

impl CacheEntry for TrialMerge {
    const BYTES: usize = 4 + 4 + 1 + 1 + 1;

    fn write(&self, out: &mut Vec<u8>) {
        let clash = self.trial_conflict().unwrap_or(TrialConflict {
            files: 0,
            hunks: 0,
            kinds: ConflictKinds::default(),
        });
        out.push(u8::from(self.trial_conflict().is_some()));
        out.extend_from_slice(&clash.files.to_le_bytes());
        out.extend_from_slice(&clash.hunks.to_le_bytes());
        out.push(clash.kinds.bits());
        out.push(self.method as u8);
    }

    fn is_lasting(&self) -> bool {
        self.cacheable && !matches!(self.judgement, Judgement::Unknown(_))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (conflicts, rest) = bytes.split_first()?;
        let (files, rest) = rest.split_first_chunk::<4>()?;
        let (hunks, rest) = rest.split_first_chunk::<4>()?;
        let [kinds, method] = rest.first_chunk::<2>()?;
        let (files, hunks) = (u32::from_le_bytes(*files), u32::from_le_bytes(*hunks));
        let clash = TrialConflict { files, hunks, kinds: ConflictKinds::from_bits(*kinds) };
        let method =
            [Method::Paths, Method::Merge, Method::Git].into_iter().find(|known| *known as u8 == *method)?;
        let judgement = if *conflicts == 1 { Judgement::Conflicts(clash) } else { Judgement::Merges };
        Some(Self { judgement, method, cacheable: true })
    }
}

impl CacheEntry for ChangeSize {
    const BYTES: usize = 16;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.files.to_le_bytes());
        out.extend_from_slice(&self.lines.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (files, lines) = bytes.split_first_chunk::<8>()?;
        let lines = lines.first_chunk::<8>()?;
        Some(Self { files: u64::from_le_bytes(*files), lines: u64::from_le_bytes(*lines) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trial_merges_survive_a_round_trip() {
        let clash = |files, hunks, kinds| Judgement::Conflicts(TrialConflict { files, hunks, kinds });
        for (judgement, method) in [
            (clash(2, 3, ConflictKinds::RENAME), Method::Merge),
            (clash(1, u32::MAX, ConflictKinds::CONTENT), Method::Git),
            (clash(0, 0, ConflictKinds::RENAME), Method::Git),
            (Judgement::Merges, Method::Paths),
        ] {
            let trial = TrialMerge { judgement, method, cacheable: true };
            let mut bytes = Vec::new();
            trial.write(&mut bytes);
            assert_eq!((bytes.len(), TrialMerge::read(&bytes)), (TrialMerge::BYTES, Some(trial)));
        }
        let unknown = Judgement::Unknown("git takes longer than 1 s".to_owned());
        assert!(!TrialMerge { judgement: unknown, method: Method::Git, cacheable: true }.is_lasting());
    }
}
