//! Reading an index and comparing it with its files, in memory.

use std::path::Path;

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
        let mut paths = std::collections::HashSet::new();
        for change in changes {
            let change = change.context(Kind::Internal, unreadable)?;
            paths.insert(change.location().to_owned());
            if paths.len() >= most {
                break;
            }
        }
        Ok(paths.len())
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
