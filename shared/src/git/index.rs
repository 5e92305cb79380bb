//! Reading an index, and what it contains that a commit does not.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::Path,
};

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, renewing},
    world::Environment,
};

impl Repo {
    /// Opens an isolated git directory for a worktree, without any setting from outside of it.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open_isolated(environment: &Environment, dir: &Path, work_tree: &Path) -> Result<Self> {
        let options =
            gix::open::Options::isolated().open_path_as_is(true).object_store_slots(renewing::slots());
        let repo = gix::ThreadSafeRepository::open_opts(dir, options)
            .context(Kind::Internal, || format!("cannot open '{}'", dir.display()))?;
        let mut gix = repo.to_thread_local();
        gix.set_workdir(work_tree.to_owned())
            .context(Kind::Internal, || format!("cannot read '{}'", work_tree.display()))?;
        Ok(Self::of(gix, environment))
    }

    /// Returns the paths that differ from `head_tree`, staged or not (`true`), and the untracked ones (`false`; an untracked
    /// folder counts as one), by the index at `index`. `None`: there are more than `most`.
    ///
    /// # Errors
    /// Index or tree cannot be read.
    pub fn changed_paths(
        &self,
        index: &Path,
        head_tree: Oid,
        most: usize,
    ) -> Result<Option<BTreeMap<Vec<u8>, bool>>> {
        let unreadable = || format!("cannot compare '{}' with its files", index.display());
        let changes = self
            .gix
            .status(gix::progress::Discard)
            .context(Kind::Internal, unreadable)?
            .index(gix::worktree::IndexPersistedOrInMemory::InMemory(read_index(index)?))
            .head_tree(head_tree.gix())
            .index_worktree_submodules(None)
            .into_iter(None)
            .context(Kind::Internal, unreadable)?;
        let mut paths = BTreeMap::new();
        for change in changes {
            let change = change.context(Kind::Internal, unreadable)?;
            let tracked = !matches!(
                change,
                gix::status::Item::IndexWorktree(gix::status::index_worktree::Item::DirectoryContents { .. })
            );
            *paths.entry(change.location().to_vec()).or_default() |= tracked;
            if paths.len() > most {
                return Ok(None);
            }
        }
        Ok(Some(paths))
    }

    /// Returns the objects that an index references and a tree does not: staged files, the sides of conflicts, also of resolved
    /// ones, and trees that git has computed.
    ///
    /// # Errors
    /// Index or tree cannot be read.
    pub fn staged_beyond(&self, index: &Path, tree: Oid) -> Result<Vec<Oid>> {
        let unreadable = || format!("cannot compare '{}' with its commit", index.display());
        let committed = self.gix.index_from_tree(&tree.gix()).context(Kind::Internal, unreadable)?;
        let known: HashSet<_> = committed.entries().iter().map(|entry| entry.id).collect();
        let file = read_index(index)?;
        let mut staged: BTreeSet<Oid> = file
            .entries()
            .iter()
            .filter(|entry| !known.contains(&entry.id))
            .map(|entry| entry.id.into())
            .collect();
        let mut open: Vec<&gix::index::extension::Tree> = file.tree().into_iter().collect();
        while let Some(tree) = open.pop() {
            open.extend(&tree.children);
            staged.extend(tree.num_entries.map(|_| Oid::from(tree.id)));
        }
        if file.resolve_undo().is_some() {
            staged.extend(self.resolved_conflict_objects(index)?);
        }
        // A submodule's commit is in the submodule, and an intent-to-add entry has no object yet.
        Ok(staged.into_iter().filter(|id| *id != tree && self.kind_of(*id).is_some()).collect())
    }

    /// Returns the sides of resolved conflicts, which `git checkout --merge` needs to recreate them.
    fn resolved_conflict_objects(&self, index: &Path) -> Result<Vec<Oid>> {
        let listed = self
            .git("ls-files")?
            .args(["--resolve-undo", "-z"])
            .env("GIT_INDEX_FILE", index.as_os_str())
            .run()?;
        let entries = listed.split(|byte| *byte == 0);
        let ids = entries.filter_map(|entry| std::str::from_utf8(entry.get(7..47)?).ok());
        Ok(ids.filter_map(Oid::parse).collect())
    }
}

/// Returns the gitlinks of an index: the paths of nested repositories, and the commit recorded for each.
///
/// # Errors
/// The index cannot be read.
pub fn gitlinks(index: &Path) -> Result<Vec<(Vec<u8>, Oid)>> {
    let file = read_index(index)?;
    let links = file.entries().iter().filter(|entry| entry.mode == gix::index::entry::Mode::COMMIT);
    Ok(links.map(|entry| (entry.path(&file).to_vec(), entry.id.into())).collect())
}

pub(super) fn read_index(path: &Path) -> Result<gix::index::File> {
    gix::index::File::at(path, gix::hash::Kind::Sha1, true, Default::default())
        .context(Kind::Internal, || format!("cannot read index '{}'", path.display()))
}
