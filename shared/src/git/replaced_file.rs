//! Replacing one file of a tree, whatever else the tree has.

use gix::objs::tree::EntryKind;

use crate::{
    Code, Result,
    error::ErrorContext,
    git::{Oid, Repo},
};

impl Repo {
    /// Returns the id of the regular file at a path of a tree, with `/` between its parts; `None` if there is none.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn file_of(&self, tree: Oid, path: &str) -> Result<Option<Oid>> {
        let broken = || format!("cannot read tree {}", tree.short());
        let found = self.gix.find_tree(tree.gix()).context(Code::ObjectUnreadable, broken)?;
        let entry = found.lookup_entry_by_path(path).context(Code::ObjectUnreadable, broken)?;
        let is_file = |kind| matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable);
        Ok(entry.filter(|entry| is_file(entry.mode().kind())).map(|entry| entry.object_id().into()))
    }

    /// Returns a tree in which an entry has another content: the file at a path that [`Repo::file_of`] finds. Every other entry, also of
    /// submodules, and the mode of the file stay.
    ///
    /// # Errors
    /// A tree cannot be read or written, or has no such file.
    pub fn with_file(&self, tree: Oid, path: &str, content: Oid) -> Result<Oid> {
        let broken = || format!("cannot read '{path}' of tree {}", tree.short());
        let found = self.gix.find_tree(tree.gix()).context(Code::ObjectUnreadable, broken)?;
        let mut all: gix::objs::Tree = found.decode().context(Code::ObjectUnreadable, broken)?.into();
        let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let entry = all.entries.iter_mut().find(|entry| entry.filename == name);
        let entry = entry.ok_or_else(|| crate::Error::new(Code::ObjectUnreadable, broken()))?;
        let below: Oid = entry.oid.into();
        entry.oid = rest.map_or_else(|| Ok(content), |rest| self.with_file(below, rest, content))?.gix();
        self.store("cannot write a tree", || self.gix.write_object(&all))
    }
}
