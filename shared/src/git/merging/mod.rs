//! Trial merges: what would git say if two commits were merged? All in memory; nothing is left in the repository.
//!
//! Most pairs are told by their paths alone: no path in common, no merge. Where both changed the content of the same files and
//! nothing else meets, these files alone are merged. Everything else is merged as trees, by gix; and the few cases in which gix
//! and git are known to disagree, or in which a program of the user's decides, are put to git itself, in one batch.

mod by_git;
mod changes;
mod contents;
mod sizes;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
};

pub use self::sizes::Size;
use self::{
    changes::{Changes, Meeting},
    contents::Merger,
};
use crate::{
    Error, Kind, Result,
    error::Context,
    git::{Oid, Repo},
    model::conflict::Kinds,
};

/// More threads than this wait for memory.
const MOST_THREADS: usize = 8;

/// What cannot be merged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clash {
    /// Files.
    pub files: u32,
    /// Places in them; a file that is no text, or is gone on one side, counts as one.
    pub hunks: u32,
    /// In which ways.
    pub kinds: Kinds,
}

impl Clash {
    /// Nothing yet.
    const NONE: Self = Self { files: 0, hunks: 0, kinds: Kinds::from_bits(0) };

    /// One file more.
    fn add(&mut self, hunks: u32, kind: Kinds) {
        self.files = self.files.saturating_add(1);
        self.hunks = self.hunks.saturating_add(hunks);
        self.kinds = self.kinds.and(kind);
    }
}

/// How a verdict was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum How {
    /// The paths alone told it.
    Paths,
    /// By merging.
    Merge,
    /// Git was asked.
    Git,
    /// Nobody could tell: it counts as a conflict.
    Unknown,
}

/// What became of one pair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trial {
    /// What clashes; `None`: they merge.
    pub clash: Option<Clash>,
    /// How that was found.
    pub how: How,
}

impl Trial {
    /// Of two commits that no program can merge.
    const UNKNOWN: Self =
        Self { clash: Some(Clash { files: 1, hunks: 1, kinds: Kinds::OTHER }), how: How::Unknown };
}

/// Merges pairs of commits on trial; each names two places in `tips`. The verdicts stand in the order of the pairs. A pair that
/// cannot be merged for whatever reason counts as a conflict: it says nothing of the others.
///
/// # Errors
/// A commit of `tips` cannot be read, or git does not work here.
pub fn trials(repo: &Repo, tips: &[Oid], pairs: &[(usize, usize)]) -> Result<Vec<Trial>> {
    let trees = tips.iter().map(|tip| repo.tree_of(*tip)).collect::<Result<Vec<Oid>>>()?;
    let bases = bases(repo, tips, pairs)?;
    let changed = all_changes(repo, &trees, &bases, pairs)?;
    let programs = repo.has_merge_programs();
    let mut verdicts: Vec<Option<Trial>> = vec![None; pairs.len()];
    let (mut to_merge, mut to_ask) = (Vec::new(), Vec::new());
    for (at, &(a, b)) in pairs.iter().enumerate() {
        let base = match bases[at] {
            Base::One(base) => base,
            Base::Several => {
                to_ask.push(at);
                continue;
            }
            Base::None => {
                verdicts[at] = Some(Trial::UNKNOWN);
                continue;
            }
        };
        let Some((ours, theirs)) = both(&changed, base, a, b) else {
            to_ask.push(at);
            continue;
        };
        match ours.meet(theirs) {
            Meeting::Nowhere => verdicts[at] = Some(Trial { clash: None, how: How::Paths }),
            Meeting::Doubtful => to_ask.push(at),
            _ if programs => to_ask.push(at),
            Meeting::Contents(_) | Meeting::Trees => to_merge.push((at, base)),
        }
    }
    for (at, merged) in merge_all(repo, &trees, pairs, &to_merge, &changed)? {
        match merged {
            Some(clash) => verdicts[at] = Some(Trial { clash, how: How::Merge }),
            None => to_ask.push(at),
        }
    }
    let asked: Vec<(Oid, Oid)> = to_ask.iter().map(|&at| (tips[pairs[at].0], tips[pairs[at].1])).collect();
    for (at, clash) in to_ask.into_iter().zip(by_git::ask(repo, &asked)?) {
        verdicts[at] = Some(clash.map_or(Trial::UNKNOWN, |clash| Trial { clash, how: How::Git }));
    }
    verdicts.into_iter().map(|one| one.ok_or_else(|| Error::internal("a pair without a verdict"))).collect()
}

/// What a branch changes: the tree from which it went apart, and its own.
pub type Span = (Oid, Oid);

/// What each commit changes since it went apart from `target`; `None` where their histories cross.
///
/// # Errors
/// As [`trials`].
pub fn spans(repo: &Repo, target: Oid, tips: &[Oid]) -> Result<Vec<Option<Span>>> {
    let all: Vec<Oid> = tips.iter().copied().chain([target]).collect();
    let pairs: Vec<(usize, usize)> = (0..tips.len()).map(|tip| (tip, tips.len())).collect();
    let found = bases(repo, &all, &pairs)?.into_iter().zip(tips).map(|(base, tip)| match base {
        Base::One(base) => Ok(Some((base, repo.tree_of(*tip)?))),
        Base::Several | Base::None => Ok(None),
    });
    found.collect()
}

/// How much each of them changes; nothing is said of one that cannot be read.
///
/// # Errors
/// The repository cannot be opened.
pub fn sizes(repo: &Repo, spans: &[Span]) -> Result<Vec<Size>> {
    on_all_cores(
        repo,
        spans,
        |_| Ok(()),
        |repo, (), &(base, tree)| {
            Ok(Changes::between(repo, base, tree).map_or_else(|_| Size::default(), |c| Size::of(repo, &c)))
        },
    )
}

/// From where two commits went apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Base {
    /// The tree of the one best common ancestor.
    One(Oid),
    /// Several: their histories cross.
    Several,
    /// None, or the history cannot be read.
    None,
}

fn bases(repo: &Repo, tips: &[Oid], pairs: &[(usize, usize)]) -> Result<Vec<Base>> {
    let cannot = || "cannot find where branches went apart".to_owned();
    let cache = repo.gix.commit_graph_if_enabled().context(Kind::Internal, cannot)?;
    let mut graph = repo.gix.revision_graph(cache.as_ref());
    let mut trees: HashMap<gix::ObjectId, Oid> = HashMap::new();
    let mut found = Vec::with_capacity(pairs.len());
    for &(a, b) in pairs {
        let bases = repo.gix.merge_bases_many_with_graph(tips[a].gix(), &[tips[b].gix()], &mut graph);
        let bases = bases.unwrap_or_default();
        found.push(match bases.as_slice() {
            [] => Base::None,
            [one] => {
                let commit = one.detach();
                let tree = trees.get(&commit).copied().or_else(|| repo.tree_of(commit.into()).ok());
                trees.extend(tree.map(|tree| (commit, tree)));
                tree.map_or(Base::None, Base::One)
            }
            _ => Base::Several,
        });
    }
    Ok(found)
}

/// `None` where the trees cannot be compared.
type AllChanges = HashMap<(Oid, usize), Option<Changes>>;

fn both(changed: &AllChanges, base: Oid, a: usize, b: usize) -> Option<(&Changes, &Changes)> {
    changed.get(&(base, a))?.as_ref().zip(changed.get(&(base, b))?.as_ref())
}

/// What each branch changed against each base that a pair of it has: once, not once a pair.
fn all_changes(repo: &Repo, trees: &[Oid], bases: &[Base], pairs: &[(usize, usize)]) -> Result<AllChanges> {
    let mut wanted: Vec<(Oid, usize)> = Vec::new();
    for (base, &(a, b)) in bases.iter().zip(pairs) {
        if let Base::One(base) = *base {
            wanted.extend([(base, a), (base, b)]);
        }
    }
    wanted.sort_unstable_by_key(|(base, branch)| (*base.as_bytes(), *branch));
    wanted.dedup();
    let found = on_all_cores(
        repo,
        &wanted,
        |_| Ok(()),
        |repo, (), &(base, branch)| Ok(Changes::between(repo, base, trees[branch]).ok()),
    )?;
    Ok(wanted.into_iter().zip(found).collect())
}

/// The clash of each pair, if there is one; `None` where gix cannot tell.
fn merge_all(
    repo: &Repo,
    trees: &[Oid],
    pairs: &[(usize, usize)],
    to_merge: &[(usize, Oid)],
    changed: &AllChanges,
) -> Result<Vec<(usize, Option<Option<Clash>>)>> {
    let merged = on_all_cores(repo, to_merge, Merger::new, |repo, merger, &(at, base)| {
        let (a, b) = pairs[at];
        let meeting = both(changed, base, a, b).map(|(ours, theirs)| ours.meet(theirs));
        let merged = match meeting {
            Some(Meeting::Contents(files)) => merger.contents(repo, &files),
            _ => merger.trees(repo, base, trees[a], trees[b]),
        };
        Ok(merged.ok())
    })?;
    Ok(to_merge.iter().map(|(at, _)| *at).zip(merged).collect())
}

/// Does something for each item, on as many threads as help; each has a repository of its own, whose new objects stay in
/// memory, and tools of its own.
fn on_all_cores<I: Sync, T: Send, Tools>(
    repo: &Repo,
    items: &[I],
    tools: impl Fn(&Repo) -> Result<Tools> + Sync,
    work: impl Fn(&mut Repo, &mut Tools, &I) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(MOST_THREADS).min(items.len().div_ceil(4)).max(1);
    let next = AtomicUsize::new(0);
    let common = repo.common_dir()?;
    let one_thread = || -> Result<Vec<(usize, T)>> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        // With a cache for deltas: many versions of the same files are read.
        let mut repo = Repo::open_for_checkout(&common)?.in_memory();
        repo.gix.object_cache_size_if_unset(32 << 20);
        let mut tools = tools(&repo)?;
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return Ok(done) };
            done.push((at, work(&mut repo, &mut tools, item)?));
        }
    };
    let parts = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(one_thread)).collect();
        let mut parts = vec![one_thread()];
        parts.extend(
            others
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|_| Err(Error::internal("a thread died")))),
        );
        parts
    });
    let mut all: Vec<(usize, T)> = Vec::with_capacity(items.len());
    for part in parts {
        all.extend(part?);
    }
    all.sort_unstable_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, one)| one).collect())
}

impl Repo {
    /// Whether the user has programs of their own that merge files.
    fn has_merge_programs(&self) -> bool {
        self.config_sections("merge")
            .iter()
            .any(|name| self.config(&format!("merge.{name}.driver")).is_some())
    }
}
