//! Whether git would reject the trees of a branch. All work is checked here: that of other clones, and that of agents here, which
//! can write arbitrary objects.
//!
//! Only what a branch adds is checked: the user already has the commit that it started from. Every tree is read once, however
//! many paths lead to it, and the amount of work is limited: a few small objects can name more paths than fit on any disk.

mod entries;
mod flaw;
mod gitmodules;
mod limits;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

pub use self::flaw::{Flaw, UnusableWork};
use self::{
    entries::{CheckedEntry, CheckedKind},
    flaw::FlawKind,
    limits::{MAX_DEPTH, MAX_FILES, MAX_PATH_BYTES},
};
use crate::git::{Oid, Repo};

/// Maximum size of a tree object, in bytes.
const MAX_TREE_BYTES: u64 = 64 << 20;
/// Maximum length of a link's target, in bytes.
const MAX_LINK_BYTES: u64 = 4000;
/// Maximum number of commits of one branch that are checked, newest first.
const MAX_COMMITS: usize = 20_000;

/// What is known of a tree that was read completely and has no flaw.
#[derive(Clone, Copy, Debug, Default)]
struct CheckedTree {
    /// The number of files in it and below.
    files: u64,
    /// The length of its longest path, in bytes.
    longest: usize,
}

/// Checks trees, each once.
pub struct TreeChecks<'repo> {
    repo: &'repo Repo,
    is_partial: bool,
    checked: HashMap<Oid, CheckedTree>,
    /// The trees of which only what differs from another tree was checked, with that tree.
    checked_since: HashMap<(Oid, Oid), CheckedTree>,
    blobs: HashSet<Oid>,
}

impl<'repo> TreeChecks<'repo> {
    /// Creates a checker that has not read anything yet.
    pub fn new(repo: &'repo Repo) -> Self {
        Self {
            repo,
            is_partial: repo.is_partial(),
            checked: HashMap::new(),
            checked_since: HashMap::new(),
            blobs: HashSet::new(),
        }
    }

    /// Returns why the commits from `base` (which the user has) to `tip` cannot be used; `None`: they can.
    pub fn flaw(&mut self, tip: Oid, base: Option<Oid>) -> Option<UnusableWork> {
        let tree = match self.repo.read_commit(tip) {
            Ok(commit) => commit.tree,
            Err(error) => return Some(UnusableWork::unreadable(error.one_line())),
        };
        let reference = base.and_then(|base| self.repo.tree_of(base).ok());
        if let Err(flaw) = self.tree(tree, reference) {
            return Some(UnusableWork::of("its tree", &flaw));
        }
        self.flaw_in_history(tip, base)
    }

    /// Checks the older commits as well: they land with the branch, even if the newest no longer has their content.
    fn flaw_in_history(&mut self, tip: Oid, base: Option<Oid>) -> Option<UnusableWork> {
        let broken = || Some(UnusableWork::unreadable("its history cannot be read".to_owned()));
        let walk = self.repo.gix.rev_walk([tip.gix()]).with_hidden(base.map(Oid::gix)).all();
        let Ok(walk) = walk else { return broken() };
        for found in walk.take(MAX_COMMITS) {
            let Ok(found) = found else { return broken() };
            let id: Oid = found.id.into();
            let commit = match self.repo.read_commit(id) {
                Ok(commit) => commit,
                Err(error) => return Some(UnusableWork::unreadable(error.one_line())),
            };
            let before = commit.parents.first().and_then(|parent| self.repo.tree_of(*parent).ok());
            if let Err(flaw) = self.tree(commit.tree, before) {
                return Some(UnusableWork::of(&format!("its commit {}", id.short()), &flaw));
            }
        }
        None
    }

    fn tree(&mut self, tree: Oid, reference: Option<Oid>) -> Result<(), Flaw> {
        let checked = self.below(tree, reference, 0, 0)?;
        if checked.files > MAX_FILES { Err(Flaw::of(b"", FlawKind::TooManyFiles)) } else { Ok(()) }
    }

    /// Checks a tree and everything below it. `length` is that of the path to this tree, `depth` the number of folders above it.
    fn below(
        &mut self,
        tree: Oid,
        reference: Option<Oid>,
        length: usize,
        depth: usize,
    ) -> Result<CheckedTree, Flaw> {
        if reference == Some(tree) {
            return Ok(CheckedTree::default());
        }
        let since = || self.checked_since.get(&(tree, reference?));
        if let Some(checked) = self.checked.get(&tree).or_else(since).copied() {
            return if length + checked.longest > MAX_PATH_BYTES {
                Err(Flaw::of(b"", FlawKind::LongPath))
            } else {
                Ok(checked)
            };
        }
        if depth > MAX_DEPTH {
            return Err(Flaw::of(b"", FlawKind::TooDeep));
        }
        if self.is_partial && !self.repo.has_object(tree) {
            return Ok(CheckedTree::default());
        }
        let bytes = self.read(tree)?;
        let known = reference.and_then(|reference| self.read(reference).ok());
        let known = known.as_deref().map(entries::parse_tree).and_then(Result::ok).unwrap_or_default();
        let known: HashMap<&[u8], &CheckedEntry<'_>> =
            known.iter().map(|entry| (entry.name, entry)).collect();
        let (mut checked, mut is_whole) = (CheckedTree::default(), true);
        for entry in entries::parse_tree(&bytes)? {
            let before = known.get(entry.name).copied();
            if before.is_some_and(|before| before.mode == entry.mode && before.id == entry.id) {
                is_whole = false;
                continue;
            }
            let before = before.filter(|before| before.kind == CheckedKind::Folder).map(|before| before.id);
            is_whole &= before.is_none();
            let found = self
                .entry(&entry, before, length + entry.name.len() + 1, depth)
                .map_err(|flaw| flaw.below(entry.name))?;
            checked.files = checked.files.saturating_add(found.files);
            checked.longest = checked.longest.max(entry.name.len() + 1 + found.longest);
            if checked.files > MAX_FILES {
                return Err(Flaw::of(b"", FlawKind::TooManyFiles));
            }
        }
        // If something was skipped, the numbers apply only to what differs from the reference.
        match reference.filter(|_| !is_whole) {
            None => self.checked.insert(tree, checked),
            Some(reference) => self.checked_since.insert((tree, reference), checked),
        };
        Ok(checked)
    }

    fn entry(
        &mut self,
        entry: &CheckedEntry<'_>,
        before: Option<Oid>,
        length: usize,
        depth: usize,
    ) -> Result<CheckedTree, Flaw> {
        if length > MAX_PATH_BYTES {
            return Err(Flaw::of(b"", FlawKind::LongPath));
        }
        match entry.kind {
            CheckedKind::Folder => return self.below(entry.id, before, length, depth + 1),
            CheckedKind::Submodule => {}
            CheckedKind::File | CheckedKind::Link => self.blob(entry)?,
        }
        Ok(CheckedTree { files: 1, longest: 0 })
    }

    fn blob(&mut self, entry: &CheckedEntry<'_>) -> Result<(), Flaw> {
        let modules = entry.kind == CheckedKind::File && entries::is_gitmodules(entry.name);
        if !modules && entry.kind == CheckedKind::File && self.blobs.contains(&entry.id) {
            return Ok(());
        }
        let Some(size) = self.repo.blob_size(entry.id) else {
            if self.repo.has_object(entry.id) {
                return Err(Flaw::of(b"", FlawKind::WrongType(entry.id)));
            }
            return if self.is_partial { Ok(()) } else { Err(Flaw::of(b"", FlawKind::Missing(entry.id))) };
        };
        if entry.kind == CheckedKind::Link && size > MAX_LINK_BYTES {
            return Err(Flaw::of(b"", FlawKind::TooLarge(size)));
        }
        if modules && size <= gitmodules::MAX_FILE_BYTES {
            let content = self.repo.read_blob(entry.id).unwrap_or_default();
            if let Some(why) = gitmodules::gitmodules_flaw(&content) {
                return Err(Flaw::of(b"", FlawKind::BadModules(why)));
            }
        }
        self.blobs.insert(entry.id);
        Ok(())
    }

    fn read(&self, tree: Oid) -> Result<Cow<'static, [u8]>, Flaw> {
        if tree == Oid::EMPTY_TREE {
            return Ok(Cow::Borrowed(b""));
        }
        let flaw = |what| Flaw::of(b"", what);
        let header = self.repo.gix.find_header(tree.gix()).map_err(|_| flaw(FlawKind::Missing(tree)))?;
        if header.kind() != gix::objs::Kind::Tree {
            return Err(flaw(FlawKind::WrongType(tree)));
        }
        if header.size() > MAX_TREE_BYTES {
            return Err(flaw(FlawKind::TooLarge(header.size())));
        }
        let found = self.repo.gix.find_object(tree.gix()).map_err(|_| flaw(FlawKind::Malformed))?;
        Ok(Cow::Owned(found.detach().data))
    }
}
