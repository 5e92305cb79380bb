//! Comparing trees by path, as `git diff-tree -r --no-renames` does, without reading a file.

use std::{cmp::Ordering, collections::HashSet};

use gix::objs::{Find, TreeRefIter, tree::EntryMode};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo},
};

/// What to do after a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Continue,
    /// Do not compare what is in this folder.
    Skip,
    /// End the comparison.
    Stop,
}

/// A changed path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Changed {
    /// A folder; what changed in it follows.
    Folder,
    /// A file, link, or submodule.
    Leaf,
}

/// The paths that differ between two trees, sorted.
pub type ChangedPaths = Vec<Vec<u8>>;

/// Sets of paths to look for among the changes of many commits.
#[derive(Debug, Default)]
pub struct SoughtPaths {
    sets: HashSet<ChangedPaths>,
    /// Every path of a set, and every folder above one.
    paths: HashSet<Vec<u8>>,
}

impl SoughtPaths {
    /// Adds a set; an empty one is never found.
    pub fn add(&mut self, set: ChangedPaths) {
        for path in &set {
            let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
            self.paths.extend(ends.chain([path.len()]).map(|end| path[..end].to_vec()));
        }
        if !set.is_empty() {
            self.sets.insert(set);
        }
    }

    /// Returns whether there is no set.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }
}

impl Repo {
    /// Returns the paths that differ between two trees. `None` is the empty tree.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn paths_between(&self, before: Option<Oid>, after: Option<Oid>) -> Result<ChangedPaths> {
        let mut paths = Vec::new();
        self.compare_trees(before, after, |path, kind| {
            if kind == Changed::Leaf {
                paths.push(path.to_vec());
            }
            Step::Continue
        })?;
        paths.sort_unstable();
        Ok(paths)
    }

    /// Counts those of some sorted paths that are the same in two trees.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn count_unchanged(&self, paths: &ChangedPaths, before: Oid, after: Oid) -> Result<usize> {
        let has_below = |folder: &[u8]| {
            let at = paths.partition_point(|path| path.as_slice() <= folder);
            // Between a folder and its content only names are sorted that continue the folder's own.
            let mut next = paths[at..].iter().take_while(|path| path.starts_with(folder));
            next.any(|path| path.get(folder.len()) == Some(&b'/'))
        };
        let mut changed = 0;
        self.compare_trees(Some(before), Some(after), |path, kind| match kind {
            Changed::Folder if has_below(path) => Step::Continue,
            Changed::Folder => Step::Skip,
            Changed::Leaf => {
                changed += usize::from(paths.binary_search_by(|one| one.as_slice().cmp(path)).is_ok());
                Step::Continue
            }
        })?;
        Ok(paths.len() - changed)
    }

    /// Returns the paths that differ between two trees if they are one of the sought sets. Ends at the first path that is in none
    /// of them.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn changed_if_sought(
        &self,
        before: Option<Oid>,
        after: Option<Oid>,
        sought: &SoughtPaths,
    ) -> Result<Option<ChangedPaths>> {
        let mut paths = Vec::new();
        let ended = self.compare_trees(before, after, |path, kind| {
            if !sought.paths.contains(path) {
                return Step::Stop;
            }
            if kind == Changed::Leaf {
                paths.push(path.to_vec());
            }
            Step::Continue
        })?;
        paths.sort_unstable();
        Ok((ended && sought.sets.contains(&paths)).then_some(paths))
    }

    /// Calls `visit` for each path that differs, folders before their content. Returns whether the comparison was not stopped.
    fn compare_trees(
        &self,
        before: Option<Oid>,
        after: Option<Oid>,
        mut visit: impl FnMut(&[u8], Changed) -> Step,
    ) -> Result<bool> {
        let mut path = Vec::new();
        Comparison { repo: self, visit: &mut visit }.folders(before, after, &mut path)
    }
}

struct Comparison<'a> {
    repo: &'a Repo,
    visit: &'a mut dyn FnMut(&[u8], Changed) -> Step,
}

/// One entry of a tree.
#[derive(Clone, Copy)]
struct Entry<'a> {
    name: &'a [u8],
    mode: EntryMode,
    id: Oid,
}

impl Comparison<'_> {
    fn folders(&mut self, before: Option<Oid>, after: Option<Oid>, path: &mut Vec<u8>) -> Result<bool> {
        if before == after {
            return Ok(true);
        }
        let (mut old_bytes, mut new_bytes) = (Vec::new(), Vec::new());
        let old = self.entries(before, &mut old_bytes)?;
        let new = self.entries(after, &mut new_bytes)?;
        let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return Ok(true),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => git_order(old, new),
            };
            let was = old.next_if(|_| order != Ordering::Greater);
            let is = new.next_if(|_| order != Ordering::Less);
            let same =
                |(was, is): (Entry<'_>, Entry<'_>)| was.id == is.id && was.mode.kind() == is.mode.kind();
            if !was.zip(is).is_some_and(same) && !self.entry(was, is, path)? {
                return Ok(false);
            }
        }
    }

    /// Compares two entries of one name, both folders or neither.
    fn entry(&mut self, was: Option<Entry<'_>>, is: Option<Entry<'_>>, path: &mut Vec<u8>) -> Result<bool> {
        let Some(entry) = was.or(is) else { return Ok(true) };
        let length = path.len();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(entry.name);
        let kind = if entry.mode.is_tree() { Changed::Folder } else { Changed::Leaf };
        let goes_on = match ((self.visit)(path, kind), kind) {
            (Step::Stop, _) => false,
            (Step::Continue, Changed::Folder) => {
                self.folders(was.map(|entry| entry.id), is.map(|entry| entry.id), path)?
            }
            (Step::Continue | Step::Skip, _) => true,
        };
        path.truncate(length);
        Ok(goes_on)
    }

    fn entries<'b>(&self, tree: Option<Oid>, bytes: &'b mut Vec<u8>) -> Result<Vec<Entry<'b>>> {
        let Some(tree) = tree.filter(|tree| *tree != Oid::EMPTY_TREE) else { return Ok(Vec::new()) };
        let broken = || format!("cannot read tree {}", tree.short());
        let found =
            self.repo.gix.objects.try_find(&tree.gix(), bytes).context(Code::ObjectUnreadable, broken)?;
        let data = found.filter(|found| found.kind == gix::objs::Kind::Tree);
        let data = data.ok_or_else(|| Error::new(Code::ObjectUnreadable, broken()))?;
        let entry = |entry: gix::objs::tree::EntryRef<'b>| Entry {
            name: entry.filename,
            mode: entry.mode,
            id: entry.oid.to_owned().into(),
        };
        TreeRefIter::from_bytes(data.data, self.repo.gix.object_hash())
            .map(|one| one.map(entry))
            .collect::<std::result::Result<_, _>>()
            .context(Kind::Internal, broken)
    }
}

/// Compares entries in git's order: a folder is sorted as if its name ended in a slash.
fn git_order(one: &Entry<'_>, other: &Entry<'_>) -> Ordering {
    let common = one.name.len().min(other.name.len());
    let next =
        |entry: &Entry<'_>| entry.name.get(common).copied().or_else(|| entry.mode.is_tree().then_some(b'/'));
    one.name[..common].cmp(&other.name[..common]).then_with(|| next(one).cmp(&next(other)))
}
