//! Reading an index and comparing it with its files, in memory.

use std::{collections::HashSet, path::Path};

use gix::index::entry::Flags;

use crate::{
    Kind, Result,
    error::Context,
    git::{Oid, Repo},
};

impl Repo {
    /// Opens a git directory of ours for a work tree, without any setting from outside of it.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open_shadow(dir: &Path, work_tree: &Path) -> Result<Self> {
        let options = gix::open::Options::isolated().open_path_as_is(true);
        let repo = gix::ThreadSafeRepository::open_opts(dir, options)
            .context(Kind::Internal, || format!("cannot open '{}'", dir.display()))?;
        let mut gix = repo.to_thread_local();
        gix.set_workdir(work_tree.to_owned())
            .context(Kind::Internal, || format!("cannot read '{}'", work_tree.display()))?;
        Ok(Self { gix, durable: true })
    }

    /// Files that differ from the tree of `head`, staged or not, and untracked ones (a folder of them counts as one),
    /// read with the index at `index`. Stops counting at `most`.
    ///
    /// # Errors
    /// Index or tree cannot be read.
    pub fn count_changes(&self, index: &Path, head_tree: Oid, most: usize) -> Result<usize> {
        let unreadable = || format!("cannot compare '{}' with its files", index.display());
        let file = read_index(index)?;
        let changes = self
            .gix
            .status(gix::progress::Discard)
            .context(Kind::Internal, unreadable)?
            .index(gix::worktree::IndexPersistedOrInMemory::InMemory(file))
            .head_tree(head_tree.gix())
            .index_worktree_submodules(None)
            .into_iter(None)
            .context(Kind::Internal, unreadable)?;
        let mut paths = HashSet::new();
        for change in changes {
            let change = change.context(Kind::Internal, unreadable)?;
            paths.insert(change.location().to_owned());
            if paths.len() >= most {
                break;
            }
        }
        Ok(paths.len())
    }

    /// The blobs that an index names and a tree does not: what is staged, conflicts included.
    ///
    /// # Errors
    /// Index or tree cannot be read.
    pub fn staged_beyond(&self, index: &Path, tree: Oid) -> Result<Vec<Oid>> {
        let unreadable = || format!("cannot compare '{}' with its commit", index.display());
        let committed = self.gix.index_from_tree(&tree.gix()).context(Kind::Internal, unreadable)?;
        let known: HashSet<_> = committed.entries().iter().map(|entry| entry.id).collect();
        let file = read_index(index)?;
        let mut staged: Vec<Oid> = Vec::new();
        for entry in file.entries().iter().filter(|entry| !known.contains(&entry.id)) {
            let id: Oid = entry.id.into();
            // A submodule's commit is in the submodule; what is only meant to be added has no object yet.
            if self.kind_of(id).is_some() {
                staged.push(id);
            }
        }
        staged.sort_unstable();
        staged.dedup();
        Ok(staged)
    }
}

/// Paths that an index hides from git: marked "assume unchanged", or "skip" (as a sparse checkout does).
/// The second of each pair says whether it is a skip.
///
/// # Errors
/// The index cannot be read.
pub fn hidden_entries(index: &Path) -> Result<Vec<(Vec<u8>, bool)>> {
    let file = read_index(index)?;
    let mut hidden = Vec::new();
    for entry in file.entries() {
        let skipped = entry.flags.contains(Flags::SKIP_WORKTREE);
        if skipped || entry.flags.contains(Flags::ASSUME_VALID) {
            hidden.push((entry.path(&file).to_vec(), skipped));
        }
    }
    Ok(hidden)
}

fn read_index(path: &Path) -> Result<gix::index::File> {
    gix::index::File::at(path, gix::hash::Kind::Sha1, true, Default::default())
        .context(Kind::Internal, || format!("cannot read index '{}'", path.display()))
}
