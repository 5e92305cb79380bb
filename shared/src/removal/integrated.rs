//! Finding out whether work is provably in a branch of the user, as history or as content, and not reverted there.
//!
//! Many pieces of work are looked for at once. Each kind of evidence is collected for all of them, the cheapest first, and only
//! for those that it can still decide: what is in the history, what changes nothing when merged, and what the branch has as other
//! commits. Git runs at most once for each kind, however many agents there are, and however long the branch is.

use std::collections::HashMap;

pub use super::integration::{Integration, IntegrationFacts, decide};
use super::same_patches::{self, CommitsElsewhere, SamePatches};
use crate::{
    Error, Result,
    git::{
        Oid, Repo,
        ancestry::Ancestry,
        merging::{self, MergePair},
    },
};

/// Work to look for in a branch.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CandidateWork {
    /// The commit that the work started from.
    pub base: Oid,
    /// The commit that holds the work.
    pub tip: Oid,
    /// The snapshot of uncommitted changes that the work contains. It is not part of the work, and so is not looked for.
    pub snapshot: Option<Oid>,
    /// The commit as which `merge-ranked` landed it, if it did.
    pub landed_as: Option<Oid>,
}

/// A piece of work, and the tip of a branch in which to look for it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Search {
    /// The work.
    pub work: CandidateWork,
    /// The tip of the branch.
    pub target: Oid,
}

/// Searches that were made together, and their results.
#[derive(Default)]
pub struct Integrations(HashMap<Search, Result<Integration>>);

impl Integrations {
    /// Makes all searches. An error that concerns one of them is its result.
    pub fn of(repo: &Repo, searches: &[Search]) -> Self {
        let mut distinct: Vec<Search> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        distinct.extend(searches.iter().copied().filter(|search| seen.insert(*search)));
        // Whatever fails as a whole is found again, and reported, by the search that caused it.
        let found = search_all(repo, &distinct).unwrap_or_default();
        Self(distinct.into_iter().zip(found).collect())
    }

    /// Returns the result of a search, which is made now if it was not made before.
    ///
    /// # Errors
    /// A commit cannot be read, or git fails.
    pub fn take(&mut self, repo: &Repo, search: Search) -> Result<Integration> {
        match self.0.remove(&search) {
            Some(Ok(found)) => {
                self.0.insert(search, Ok(found));
                Ok(found)
            }
            Some(Err(error)) => Err(error),
            None => find_integration(repo, search.work, search.target),
        }
    }
}

/// Determines how a piece of work is integrated into the branch at `target`.
///
/// # Errors
/// A commit cannot be read, or git fails.
pub fn find_integration(repo: &Repo, work: CandidateWork, target: Oid) -> Result<Integration> {
    let found = search_all(repo, &[Search { work, target }])?;
    found.into_iter().next().unwrap_or_else(|| Err(Error::internal("a search without a result")))
}

/// The evidence about one search so far.
struct Evidence {
    search: Search,
    facts: IntegrationFacts,
    /// All merge bases of the work and the branch.
    bases: Vec<Oid>,
}

impl Evidence {
    /// Returns whether more evidence could prove that the work is in the branch.
    fn is_open(&self) -> bool {
        let IntegrationFacts { commits, reachable, landed, adds_nothing, .. } = self.facts;
        commits > 0 && !reachable && !landed && !adds_nothing && !self.bases.is_empty()
    }

    fn add_patches(&mut self, found: SamePatches) {
        self.facts.squashed = found.squashed;
        self.facts.picked = found.picked;
        self.facts.commits = found.commits;
    }
}

fn search_all(repo: &Repo, searches: &[Search]) -> Result<Vec<Result<Integration>>> {
    repo.with_ancestry(|ancestry| {
        let mut all: Vec<Result<Evidence>> =
            searches.iter().map(|search| in_history(repo, ancestry, *search)).collect();
        merge_on_trial(repo, &mut all)?;
        look_for_patches(repo, ancestry, &mut all)?;
        Ok(all.into_iter().map(|one| conclude(repo, &one?)).collect())
    })
}

/// Collects what the history alone says.
fn in_history(repo: &Repo, ancestry: &mut Ancestry<'_>, search: Search) -> Result<Evidence> {
    let Search { work, target } = search;
    let commits = usize::try_from(repo.commits_between(work.base, work.tip)?).unwrap_or(usize::MAX);
    let mut evidence =
        Evidence { search, facts: IntegrationFacts { commits, ..Default::default() }, bases: Vec::new() };
    if commits > 0 {
        evidence.bases = ancestry.merge_bases(target, work.tip)?;
        evidence.facts.reachable = evidence.bases.contains(&work.tip);
        if let Some(snapshot) = work.snapshot
            && ancestry.contains(work.tip, snapshot)?
            && !ancestry.contains(target, snapshot)?
        {
            evidence.bases = vec![snapshot];
        }
        evidence.facts.landed =
            work.landed_as.map_or(Ok(false), |commit| ancestry.contains(target, commit))?;
    }
    Ok(evidence)
}

/// Returns the open ones, each with what identifies it in `all`.
fn open(all: &[Result<Evidence>]) -> Vec<(usize, &Evidence)> {
    let readable = all.iter().enumerate().filter_map(|(at, one)| Some((at, one.as_ref().ok()?)));
    readable.filter(|(_, evidence)| evidence.is_open()).collect()
}

/// Adds what `found` says about the searches at `places`.
fn add<T>(
    all: &mut [Result<Evidence>],
    places: Vec<usize>,
    found: Vec<Result<T>>,
    add_to: impl Fn(&mut Evidence, T),
) {
    for (at, found) in places.into_iter().zip(found) {
        match (found, &mut all[at]) {
            (Ok(found), Ok(evidence)) => add_to(evidence, found),
            (Ok(_), Err(_)) => {}
            (Err(error), one) => *one = Err(error),
        }
    }
}

/// Collects which work changes nothing when it is merged into its branch.
fn merge_on_trial(repo: &Repo, all: &mut [Result<Evidence>]) -> Result<()> {
    let open = open(all);
    let places = open.iter().map(|(at, _)| *at).collect();
    let pair = |evidence: &Evidence| MergePair {
        target: evidence.search.target,
        tip: evidence.search.work.tip,
        bases: evidence.bases.clone(),
    };
    let pairs: Vec<MergePair> = open.iter().map(|(_, evidence)| pair(evidence)).collect();
    let found = merging::which_add_nothing(repo, &pairs)?;
    add(all, places, found, |evidence, adds_nothing| evidence.facts.adds_nothing = adds_nothing);
    Ok(())
}

/// Collects which work is in its branch as other commits.
fn look_for_patches(repo: &Repo, ancestry: &mut Ancestry<'_>, all: &mut [Result<Evidence>]) -> Result<()> {
    let open = open(all);
    let places: Vec<usize> = open.iter().map(|(at, _)| *at).collect();
    let commits = |evidence: &Evidence| CommitsElsewhere {
        tip: evidence.search.work.tip,
        target: evidence.search.target,
        bases: evidence.bases.clone(),
    };
    let sought: Vec<CommitsElsewhere> = open.iter().map(|(_, evidence)| commits(evidence)).collect();
    if sought.is_empty() {
        return Ok(());
    }
    let found = same_patches::find(repo, ancestry, &sought)?;
    add(all, places, found, Evidence::add_patches);
    Ok(())
}

/// Decides, after counting the files that were reverted since.
fn conclude(repo: &Repo, evidence: &Evidence) -> Result<Integration> {
    let Evidence { search: Search { work, target }, mut facts, .. } = *evidence;
    if facts.commits > 0 && decide(facts).is_integrated() && !facts.adds_nothing {
        facts.reverted_files = repo.reverted_files(work.base, work.tip, target)?.1;
    }
    Ok(decide(facts))
}
