//! Which conflicts between two branches these made themselves.
//!
//! Two branches that start from different states of the target are merged on trial with what the target changed between those states.
//! Where one of them conflicts with that, the trial conflicts, although the other changed nothing there: it is the target's conflict.

use std::collections::{BTreeMap, HashSet, btree_map::Entry};

use crate::{
    Result,
    git::{
        Oid, Repo,
        merging::{Judgement, MergeBases, TrialMerge},
        tree_changes::ChangedPaths,
    },
};

/// Clears the conflicts of pairs of branches that changed no path both. `found` are the trial merges of `pairs`, which are indexes into
/// `tips`; pairs with the target stay as they are.
///
/// # Errors
/// A tree cannot be read.
pub(super) fn clear_those_of_target(
    repo: &Repo,
    bases: &MergeBases,
    target: Oid,
    tips: &[Oid],
    pairs: &[(usize, usize)],
    found: &mut [TrialMerge],
) -> Result<()> {
    let mut known: BTreeMap<Oid, HashSet<Vec<u8>>> = BTreeMap::new();
    let conflicting = pairs.iter().zip(found).filter(|(_, trial)| trial.trial_conflict().is_some());
    for (&(ours, theirs), trial) in conflicting {
        let (ours, theirs) = (tips[ours], tips[theirs]);
        let (Some(start), Some(other)) = (bases.only(target, ours), bases.only(target, theirs)) else {
            continue;
        };
        if start == other || [ours, theirs].contains(&target) {
            continue;
        }
        for (start, tip) in [(start, ours), (other, theirs)] {
            if let Entry::Vacant(unknown) = known.entry(tip) {
                let paths = repo.paths_between(Some(repo.tree_of(start)?), Some(repo.tree_of(tip)?))?;
                unknown.insert(with_folders(paths));
            }
        }
        if let (Some(ours), Some(theirs)) = (known.get(&ours), known.get(&theirs))
            && !share_a_path(ours, theirs)
        {
            trial.judgement = Judgement::Merges;
        }
    }
    Ok(())
}

/// Returns the paths, which end with a zero byte, and the folders above them.
fn with_folders(paths: ChangedPaths) -> HashSet<Vec<u8>> {
    let mut all = HashSet::new();
    for mut path in paths {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
        all.extend(ends.map(|end| path[..end].to_vec()));
        path.push(0);
        all.insert(path);
    }
    all
}

/// Returns whether both changed a path, or one of them made a file where the other has a folder.
fn share_a_path(one: &HashSet<Vec<u8>>, other: &HashSet<Vec<u8>>) -> bool {
    let meets = |one: &HashSet<Vec<u8>>, other: &HashSet<Vec<u8>>| {
        one.iter()
            .filter_map(|path| path.strip_suffix(b"\0").map(|bare| (path, bare)))
            .any(|(path, bare)| other.contains(path) || other.contains(bare))
    };
    meets(one, other) || meets(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shared_with_itself_and_with_what_is_below_it() {
        let set = |paths: &[&str]| with_folders(paths.iter().map(|path| path.as_bytes().to_vec()).collect());
        for (one, other, expected) in [
            (&["a"][..], &["a"][..], true),
            (&["a"], &["b"], false),
            (&["a"], &["a/b"], true),
            (&["a/b/c"], &["a/b"], true),
            (&["a/b"], &["a/c"], false),
            (&["a-b"], &["a/b", "a"], false),
            (&["x", "dir/one"], &["y", "dir/one"], true),
            (&[], &["a"], false),
        ] {
            let (one, other) = (set(one), set(other));
            assert_eq!(
                (share_a_path(&one, &other), share_a_path(&other, &one)),
                (expected, expected),
                "{one:?}"
            );
        }
    }
}
