//! Writing all files of a tree into an empty worktree, with the bytes and modes that git would write.

use std::{ffi::OsStr, io, os::unix::ffi::OsStrExt, path::Path, sync::atomic::AtomicBool};

use gix::{
    bstr::BString,
    error::ResultExt,
    glob::pattern::Case,
    index::{
        entry::{Flags, Stat},
        fs::Metadata,
    },
    worktree::{sparse, stack::state::attributes::Source},
};

use super::written_by_git::GitWriter;
use crate::{Kind, Result, error::ErrorContext};

/// The files of a worktree that is being made.
pub(super) struct FilesOfTree<'a> {
    /// The repository, opened through the worktree's registration.
    pub(super) repo: &'a gix::Repository,
    /// The folder of the worktree.
    pub(super) worktree: &'a Path,
    /// Writes the files that gix would write otherwise than git.
    pub(super) git: &'a GitWriter,
}

impl FilesOfTree<'_> {
    /// Writes the files of a tree on all cores, then the index.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn write(&self, tree: &gix::oid) -> Result<()> {
        let mut index = self.read(tree).context(Kind::External, cannot)?;
        let by_git = self.git.files(self.repo, &index).context(Kind::External, cannot)?;
        if !by_git.is_empty() {
            self.write_by_git(&mut index, &by_git)?;
        }
        self.write_others(&mut index, &by_git).context(Kind::External, cannot)
    }

    /// Returns the index of a tree, without the file system's data.
    fn read(&self, tree: &gix::oid) -> gix::Result<gix::index::File> {
        let mut index = self.repo.index_from_tree(tree)?;
        self.leave_out_sparse_files(&mut index)?;
        Ok(index)
    }

    /// Has git write some files. There must be no others yet: git would read attributes from them, and some are converted, too.
    fn write_by_git(&self, index: &mut gix::index::File, entries: &[usize]) -> Result<()> {
        let path_of = |index: &gix::index::File, at: &usize| index.entries()[*at].path(index).to_vec();
        index.write(gix::index::write::Options::default()).context(Kind::External, cannot)?;
        let paths = entries.iter().flat_map(|at| [path_of(index, at), vec![0]].concat());
        self.git.write(self.repo.git_dir(), self.worktree, paths.collect())?;
        for at in entries {
            let path = self.worktree.join(OsStr::from_bytes(&path_of(index, at)));
            let stat = Metadata::from_path_no_follow(&path)
                .and_then(|found| Stat::from_fs(&found).map_err(io::Error::other));
            index.entries_mut()[*at].stat = stat.context(Kind::External, cannot)?;
        }
        Ok(())
    }

    /// Writes all files but some, and the index.
    fn write_others(&self, index: &mut gix::index::File, written: &[usize]) -> gix::Result<()> {
        let mut options = self.repo.checkout_options(Source::IdMapping)?;
        options.destination_is_initially_empty = true;
        // Git does not compare the modes of files if `core.fileMode` is false, but it sets them.
        options.fs.executable_bit = true;
        options.filters.options_mut().drivers.iter_mut().for_each(run_as_git_does);
        let (objects, progress) = (self.repo.objects.clone().into_arc().or_error()?, gix::progress::Discard);
        let never = AtomicBool::new(false);
        set_skipped(index, written, true);
        gix::worktree::state::checkout(index, self.worktree, objects, &progress, &progress, &never, options)?;
        set_skipped(index, written, false);
        index.write(gix::index::write::Options::default())
    }

    /// Marks the files that a sparse checkout leaves out.
    fn leave_out_sparse_files(&self, index: &mut gix::index::State) -> gix::Result<()> {
        let settings = self.repo.config_snapshot();
        if settings.boolean("core.sparseCheckout") != Some(true) {
            return Ok(());
        }
        let Some(patterns) = sparse::read_patterns(self.repo.git_dir()).or_error()? else { return Ok(()) };
        let source = self.repo.git_dir().join("info/sparse-checkout");
        let is_cone = settings.boolean("core.sparseCheckoutCone").unwrap_or_default();
        let case =
            if settings.boolean("core.ignoreCase") == Some(true) { Case::Fold } else { Case::Sensitive };
        sparse::apply_patterns(index, &patterns, &source, is_cone, case)
    }
}

fn cannot() -> String {
    "cannot write the files of the worktree".to_owned()
}

/// Makes gix run a filter as git does. A shell runs it, so that a missing program is like one that fails: unless the filter is
/// required, its files are written as they are. An empty command is none.
fn run_as_git_does(filter: &mut gix::filter::plumbing::Driver) {
    let is_empty = |command: &BString| command.is_empty();
    if filter.process.as_ref().or(filter.smudge.as_ref()).is_some_and(is_empty) {
        (filter.process, filter.smudge) = (None, None);
    }
    if let Some(command) = &mut filter.smudge {
        command.push(b'\n');
    }
}

fn set_skipped(index: &mut gix::index::State, entries: &[usize], is_skipped: bool) {
    for at in entries {
        index.entries_mut()[*at].flags.set(Flags::SKIP_WORKTREE, is_skipped);
    }
}
