//! Reading the project's file from the commit that is checked out in the main checkout. What a worktree or the branch of an agent
//! contains has no effect, nor has what is not committed.

use std::sync::Arc;

use crate::{
    Code, Error, Result,
    git::{
        Oid, Repo, careful,
        objects::TreeEntryKind,
        project_file::{MAX_BYTES, PROJECT_FILE, ProjectFile},
    },
};

impl Repo {
    /// Returns the project's file, if there is one. It is read once for each opened repository.
    ///
    /// # Errors
    /// It cannot be read or parsed (3).
    pub(crate) fn project_file(&self, section: &str) -> Result<Option<Arc<ProjectFile>>> {
        if let Some(known) = self.project.get() {
            return Ok(known.clone());
        }
        let found = self.read_project_file(section)?.map(Arc::new);
        Ok(self.project.get_or_init(|| found).clone())
    }

    fn read_project_file(&self, section: &str) -> Result<Option<ProjectFile>> {
        if self.config_error().is_some() {
            return Ok(None);
        }
        let Some(head) = self.head_of_main_checkout()? else { return Ok(None) };
        let top = self.entries_of(self.tree_of(head)?)?;
        let found = top.into_iter().find(|entry| {
            entry.name == PROJECT_FILE.as_bytes()
                && matches!(entry.kind, TreeEntryKind::File | TreeEntryKind::Executable)
        });
        let Some(entry) = found else { return Ok(None) };
        let unusable = |why: &str| {
            let what = format!("'{PROJECT_FILE}' of commit {} cannot be used: {why}", head.short());
            Error::new(Code::ConfigInvalid, what).hint(format!("git show {}:{PROJECT_FILE}", head.short()))
        };
        match self.blob_size(entry.id) {
            None => return Err(unusable("its content is missing")),
            Some(size) if size > MAX_BYTES => return Err(unusable("it is longer than 64 KiB")),
            Some(_) => {}
        }
        ProjectFile::parse(self.read_blob(entry.id)?, section).map(Some).map_err(|why| unusable(&why))
    }

    /// Returns the commit that is checked out in the main checkout, wherever the caller is.
    fn head_of_main_checkout(&self) -> Result<Option<Oid>> {
        let head = careful::text(self.common_dir()?.join("HEAD")).unwrap_or_default();
        let head = head.trim();
        match head.strip_prefix("ref: ") {
            Some(name) => self.find_ref(name.trim()),
            None => Ok(Oid::parse(head).filter(|id| self.has_commit(*id))),
        }
    }
}
