//! Finding work in a branch as other commits: squashed into one, or commit by commit.
//!
//! Two commits make the same change if `git patch-id` says so. Then they change the same paths, and these are compared first,
//! tree by tree: so git prints few patches of a long branch, and usually none.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::{
    Result,
    git::{
        Oid, Repo,
        ancestry::Ancestry,
        command,
        tree_changes::{ChangedPaths, SoughtPaths},
    },
};

/// Maximum number of commits of a branch that are searched, newest first.
const MAX_SEARCHED_COMMITS: usize = 200_000;
/// Maximum number of commits of a branch whose patches are computed, newest first.
const MAX_PATCHES: usize = 5_000;
/// The size of the cache of trees, in bytes.
const TREE_CACHE_BYTES: usize = 32 << 20;

/// Work whose commits are looked for in a branch.
#[derive(Clone, Debug)]
pub(super) struct CommitsElsewhere {
    pub(super) tip: Oid,
    /// The tip of the branch.
    pub(super) target: Oid,
    /// All merge bases of the two.
    pub(super) bases: Vec<Oid>,
}

/// What was found. Counts are of commits that are not in the branch.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct SamePatches {
    /// Whether one commit of the branch makes the same change as all of the work.
    pub(super) squashed: bool,
    /// The number of the work's commits for which a commit of the branch makes the same change.
    pub(super) picked: usize,
    /// The number of the work's commits that may hold a change. A merge may hold changes of its own, but has no patch.
    pub(super) commits: usize,
}

/// A change whose patch is compared.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Patch {
    /// What a commit changes.
    Commit(Oid),
    /// What the first commit changes since the second.
    Since(Oid, Oid),
}

/// Looks for each piece of work in its branch.
///
/// # Errors
/// The history of a branch cannot be read, or git fails. An error that concerns one piece of work is its result.
pub(super) fn find(
    repo: &Repo,
    ancestry: &mut Ancestry<'_>,
    sought: &[CommitsElsewhere],
) -> Result<Vec<Result<SamePatches>>> {
    let repo = repo.with_object_cache(TREE_CACHE_BYTES);
    let own: Vec<Result<OwnPatches>> = sought.iter().map(|one| OwnPatches::of(&repo, one)).collect();
    let mut branches: BTreeMap<Oid, BranchCommits> = BTreeMap::new();
    for (one, own) in sought.iter().zip(&own) {
        if let Ok(own) = own {
            branches.entry(one.target).or_default().add(one, own);
        }
    }
    let mut patches = BTreeSet::new();
    for (target, branch) in &mut branches {
        branch.search(&repo, ancestry, *target)?;
        patches.extend(branch.candidates.iter().map(|commit| Patch::Commit(*commit)));
    }
    for (one, own) in sought.iter().zip(&own) {
        if let (Ok(own), Some(branch)) = (own, branches.get(&one.target)) {
            patches.extend(own.all().filter(|(_, paths)| branch.may_have(paths)).map(|(patch, _)| *patch));
        }
    }
    let ids = patch_ids(&repo, &patches)?;
    let compare = |(one, own): (&CommitsElsewhere, Result<OwnPatches>)| {
        let own = own?;
        let candidates = branches.get(&one.target).map_or(&[][..], |branch| &branch.candidates);
        own.compare(ancestry, one.tip, candidates, &ids)
    };
    Ok(sought.iter().zip(own).map(compare).collect())
}

/// The changes of a piece of work, with their paths.
struct OwnPatches {
    whole: Option<(Patch, ChangedPaths)>,
    commits: Vec<(Patch, ChangedPaths)>,
    merges: usize,
}

impl OwnPatches {
    fn of(repo: &Repo, work: &CommitsElsewhere) -> Result<Self> {
        let mut own = Self { whole: None, commits: Vec::new(), merges: 0 };
        if let Some(base) = work.bases.first() {
            let paths = repo.paths_between(Some(repo.tree_of(*base)?), Some(repo.tree_of(work.tip)?))?;
            own.whole = Some((Patch::Since(work.tip, *base), paths));
        }
        for commit in repo.commits_beyond(work.tip, &work.bases, usize::MAX)? {
            let (before, after) = match repo.trees_around(commit)? {
                Some(trees) => trees,
                None => {
                    own.merges += 1;
                    continue;
                }
            };
            let paths = repo.paths_between(before, Some(after))?;
            // A commit that changes nothing does not count.
            if !paths.is_empty() {
                own.commits.push((Patch::Commit(commit), paths));
            }
        }
        Ok(own)
    }

    fn all(&self) -> impl Iterator<Item = &(Patch, ChangedPaths)> {
        self.commits.iter().chain(&self.whole)
    }

    /// Compares the work at `tip` with the candidates of its branch.
    fn compare(
        &self,
        ancestry: &mut Ancestry<'_>,
        tip: Oid,
        candidates: &[Oid],
        ids: &HashMap<Patch, String>,
    ) -> Result<SamePatches> {
        let mut is_there = |patch: &Patch| -> Result<bool> {
            let Some(id) = ids.get(patch) else { return Ok(false) };
            for commit in candidates.iter().filter(|commit| ids.get(&Patch::Commit(**commit)) == Some(id)) {
                // What the work was built on is not the work.
                if !ancestry.contains(tip, *commit)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let mut found =
            SamePatches { commits: (self.commits.len() + self.merges).max(1), ..SamePatches::default() };
        if let Some((whole, _)) = &self.whole {
            found.squashed = is_there(whole)?;
        }
        for (patch, _) in &self.commits {
            found.picked += usize::from(is_there(patch)?);
        }
        Ok(found)
    }
}

/// The commits of a branch that may make the same change as some work.
#[derive(Default)]
struct BranchCommits {
    /// The merge bases of the branch and all work that is looked for in it.
    bases: Vec<Oid>,
    sought: SoughtPaths,
    candidates: Vec<Oid>,
    /// What the candidates change.
    changed: HashSet<ChangedPaths>,
    /// Whether the paths of a candidate are unknown because its trees are not here.
    has_unknown: bool,
}

impl BranchCommits {
    fn add(&mut self, work: &CommitsElsewhere, own: &OwnPatches) {
        self.bases.extend(&work.bases);
        own.all().for_each(|(_, paths)| self.sought.add(paths.clone()));
    }

    /// Searches the branch once, back to where the oldest work began.
    fn search(&mut self, repo: &Repo, ancestry: &mut Ancestry<'_>, target: Oid) -> Result<()> {
        if self.sought.is_empty() {
            return Ok(());
        }
        let begin = ancestry.common_ancestor(&self.bases)?;
        for commit in repo.commits_beyond(target, begin.as_slice(), MAX_SEARCHED_COMMITS)? {
            if self.candidates.len() >= MAX_PATCHES {
                break;
            }
            let Some((before, after)) = repo.trees_around(commit)? else { continue };
            match repo.changed_if_sought(before, Some(after), &self.sought) {
                Ok(Some(paths)) => {
                    self.changed.insert(paths);
                    self.candidates.push(commit);
                }
                Ok(None) => {}
                // Git can fetch what a partial clone lacks.
                Err(_) => {
                    self.has_unknown = true;
                    self.candidates.push(commit);
                }
            }
        }
        Ok(())
    }

    fn may_have(&self, paths: &ChangedPaths) -> bool {
        self.has_unknown || self.changed.contains(paths)
    }
}

/// Returns the ids of patches, without those of empty ones. They do not depend on line numbers.
fn patch_ids(repo: &Repo, patches: &BTreeSet<Patch>) -> Result<HashMap<Patch, String>> {
    if patches.is_empty() {
        return Ok(HashMap::new());
    }
    let place = repo.common_dir()?;
    let mut questions = String::new();
    for patch in patches {
        match patch {
            Patch::Commit(commit) => questions.push_str(&format!("{commit}\n")),
            // Git compares a commit with the parents that are named after it, whatever its own are.
            Patch::Since(commit, base) => questions.push_str(&format!("{commit} {base}\n")),
        }
    }
    let printed = repo
        .git_in(&place, "diff-tree")
        .allow_lazy_fetch()
        .args(["--stdin", "--always", "--root", "-p", "-M", "--full-index", "--no-color"])
        .args(["--no-ext-diff", "--no-textconv", "--ignore-submodules=none"])
        .input(questions.into_bytes())
        .limit(command::LONG_LIMIT)
        .run()?;
    let patches: Vec<Patch> = patches.iter().copied().collect();
    let numbered = number_patches(&printed, &patches);
    let listed =
        repo.git_in(&place, "patch-id").arg("--stable").input(numbered).limit(command::LONG_LIMIT).run()?;
    let id = |line: &str| {
        let (id, number) = line.split_once(' ')?;
        Some((*patches.get(usize::from_str_radix(number.trim(), 16).ok()?)?, id.to_owned()))
    };
    Ok(String::from_utf8_lossy(&listed).lines().filter_map(id).collect())
}

/// Replaces the commit with which git begins each patch by the number of the patch: one commit can have two patches.
fn number_patches(printed: &[u8], patches: &[Patch]) -> Vec<u8> {
    let mut numbered = Vec::with_capacity(printed.len());
    let mut next = 0;
    for line in printed.split_inclusive(|byte| *byte == b'\n') {
        let begins = patches.get(next).is_some_and(|(Patch::Commit(commit) | Patch::Since(commit, _))| {
            line.strip_suffix(b"\n") == Some(commit.to_string().as_bytes())
        });
        if begins {
            numbered.extend_from_slice(format!("{next:040x}\n").as_bytes());
            next += 1;
        } else {
            numbered.extend_from_slice(line);
        }
    }
    numbered
}
