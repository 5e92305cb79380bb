//! Whether git would reject the trees of a branch. All work is checked here: that of other clones, and that of agents here, which
//! can write arbitrary objects.
//!
//! Only what a branch adds is checked: the user already has the commit that it started from. Every tree is read once, however
//! many paths lead to it, and the amount of work is limited: a few small objects can name more paths than fit on any disk.

mod entries;
mod flaw;
mod limits;
mod modules;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

pub use self::flaw::{Flaw, Unsound};
use self::{
    entries::{CheckedEntry, CheckedKind},
    flaw::What,
    limits::{DEEPEST, LONGEST_PATH, MOST_FILES},
};
use crate::git::{Oid, Repo};

/// Maximum size of a tree object, in bytes.
const LARGEST_TREE: u64 = 64 << 20;
/// Maximum length of a link's target, in bytes.
const LONGEST_LINK: u64 = 4000;
/// Maximum number of commits of one branch that are checked, newest first.
const MOST_COMMITS: usize = 20_000;

/// What is known of a tree that was read completely and has no flaw.
#[derive(Clone, Copy, Debug, Default)]
struct Sound {
    /// The number of files in it and below.
    files: u64,
    /// The length of its longest path, in bytes.
    longest: usize,
}

/// Checks trees, each once.
pub struct TreeChecks<'repo> {
    repo: &'repo Repo,
    is_partial: bool,
    sound: HashMap<Oid, Sound>,
    blobs: HashSet<Oid>,
}

impl<'repo> TreeChecks<'repo> {
    /// Creates a checker that has not read anything yet.
    pub fn new(repo: &'repo Repo) -> Self {
        Self { repo, is_partial: repo.is_partial(), sound: HashMap::new(), blobs: HashSet::new() }
    }

    /// Returns why the commits from `base` (which the user has) to `tip` cannot be used; `None`: they can.
    pub fn flaw(&mut self, tip: Oid, base: Option<Oid>) -> Option<Unsound> {
        let tree = match self.repo.read_commit(tip) {
            Ok(commit) => commit.tree,
            Err(error) => return Some(Unsound::unreadable(error.one_line())),
        };
        let reference = base.and_then(|base| self.repo.tree_of(base).ok());
        if let Err(flaw) = self.tree(tree, reference) {
            return Some(Unsound::of("its tree", &flaw));
        }
        self.flaw_on_the_way(tip, base)
    }

    /// Checks the older commits as well: they land with the branch, even if the newest no longer has their content.
    fn flaw_on_the_way(&mut self, tip: Oid, base: Option<Oid>) -> Option<Unsound> {
        let broken = || Some(Unsound::unreadable("its history cannot be read".to_owned()));
        let walk = self.repo.gix.rev_walk([tip.gix()]).with_hidden(base.map(Oid::gix)).all();
        let Ok(walk) = walk else { return broken() };
        for found in walk.take(MOST_COMMITS) {
            let Ok(found) = found else { return broken() };
            let id: Oid = found.id.into();
            let commit = match self.repo.read_commit(id) {
                Ok(commit) => commit,
                Err(error) => return Some(Unsound::unreadable(error.one_line())),
            };
            let before = commit.parents.first().and_then(|parent| self.repo.tree_of(*parent).ok());
            if let Err(flaw) = self.tree(commit.tree, before) {
                return Some(Unsound::of(&format!("its commit {}", id.short()), &flaw));
            }
        }
        None
    }

    fn tree(&mut self, tree: Oid, reference: Option<Oid>) -> Result<(), Flaw> {
        let sound = self.below(tree, reference, 0, 0)?;
        if sound.files > MOST_FILES { Err(Flaw::of(b"", What::Many)) } else { Ok(()) }
    }

    /// Checks a tree and everything below it. `length` is that of the path to this tree, `depth` the number of folders above it.
    fn below(
        &mut self,
        tree: Oid,
        reference: Option<Oid>,
        length: usize,
        depth: usize,
    ) -> Result<Sound, Flaw> {
        if reference == Some(tree) {
            return Ok(Sound::default());
        }
        if let Some(sound) = self.sound.get(&tree).copied() {
            return if length + sound.longest > LONGEST_PATH {
                Err(Flaw::of(b"", What::LongPath))
            } else {
                Ok(sound)
            };
        }
        if depth > DEEPEST {
            return Err(Flaw::of(b"", What::Deep));
        }
        if self.is_partial && !self.repo.has_object(tree) {
            return Ok(Sound::default());
        }
        let bytes = self.read(tree)?;
        let known = reference.and_then(|reference| self.read(reference).ok());
        let known = known.as_deref().map(entries::read).and_then(Result::ok).unwrap_or_default();
        let known: HashMap<&[u8], &CheckedEntry<'_>> =
            known.iter().map(|entry| (entry.name, entry)).collect();
        let (mut sound, mut is_whole) = (Sound::default(), true);
        for entry in entries::read(&bytes)? {
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
            sound.files = sound.files.saturating_add(found.files);
            sound.longest = sound.longest.max(entry.name.len() + 1 + found.longest);
            if sound.files > MOST_FILES {
                return Err(Flaw::of(b"", What::Many));
            }
        }
        // If something was skipped, the numbers apply only to this path.
        if is_whole {
            self.sound.insert(tree, sound);
        }
        Ok(sound)
    }

    fn entry(
        &mut self,
        entry: &CheckedEntry<'_>,
        before: Option<Oid>,
        length: usize,
        depth: usize,
    ) -> Result<Sound, Flaw> {
        if length > LONGEST_PATH {
            return Err(Flaw::of(b"", What::LongPath));
        }
        match entry.kind {
            CheckedKind::Folder => return self.below(entry.id, before, length, depth + 1),
            CheckedKind::Submodule => {}
            CheckedKind::File | CheckedKind::Link => self.blob(entry)?,
        }
        Ok(Sound { files: 1, longest: 0 })
    }

    fn blob(&mut self, entry: &CheckedEntry<'_>) -> Result<(), Flaw> {
        let modules = entry.kind == CheckedKind::File && entries::is_modules(entry.name);
        if !modules && entry.kind == CheckedKind::File && self.blobs.contains(&entry.id) {
            return Ok(());
        }
        let Some(size) = self.repo.blob_size(entry.id) else {
            if self.repo.has_object(entry.id) {
                return Err(Flaw::of(b"", What::AnotherKind(entry.id)));
            }
            return if self.is_partial { Ok(()) } else { Err(Flaw::of(b"", What::Missing(entry.id))) };
        };
        if entry.kind == CheckedKind::Link && size > LONGEST_LINK {
            return Err(Flaw::of(b"", What::Large(size)));
        }
        if modules && size <= modules::LARGEST {
            let content = self.repo.read_blob(entry.id).unwrap_or_default();
            if let Some(why) = modules::flaw(&content) {
                return Err(Flaw::of(b"", What::Modules(why)));
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
        let header = self.repo.gix.find_header(tree.gix()).map_err(|_| flaw(What::Missing(tree)))?;
        if header.kind() != gix::objs::Kind::Tree {
            return Err(flaw(What::AnotherKind(tree)));
        }
        if header.size() > LARGEST_TREE {
            return Err(flaw(What::Large(header.size())));
        }
        let found = self.repo.gix.find_object(tree.gix()).map_err(|_| flaw(What::Malformed))?;
        Ok(Cow::Owned(found.detach().data))
    }
}
