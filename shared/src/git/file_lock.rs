//! Git's lock on one of its own files that is not a ref, such as a worktree's index.

use std::{fs, path::Path, time::SystemTime};

use super::intent::{Action, Intent};
use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::{RefError, Repo},
};

/// A held lock, with the content that will replace the file. If dropped, the file stays as it was. What a kill leaves behind, the
/// next command repairs.
pub struct FileLock {
    intent: Intent,
    name: String,
}

const CONTENT: &str = "0";

impl Repo {
    /// Locks a file below the common git directory to replace it by `content` with the modification time `modified`; it keeps
    /// its permissions. `None`: another program has locked it.
    ///
    /// # Errors
    /// The lock cannot be made, or the disk is full.
    pub fn lock_file(
        &self,
        path: &Path,
        content: Vec<u8>,
        modified: Option<SystemTime>,
    ) -> Result<Option<FileLock>> {
        let common = self.common_dir()?;
        let cannot = || format!("cannot lock '{}'", path.display());
        let folder = path.parent().unwrap_or(path).canonicalize().context(Kind::External, cannot)?;
        let inside = folder.strip_prefix(&common).context(Kind::Internal, cannot)?;
        let name = inside.join(path.file_name().unwrap_or_default());
        let name = name.to_str().ok_or_else(|| Error::internal(cannot()))?.to_owned();
        let mut intent = Intent::declare(&common, [(Action::Replace, name.as_str())].into_iter())?;
        intent.stage(&[(CONTENT.to_owned(), content)], usize::MAX)?;
        if let Ok(present) = fs::metadata(path) {
            fs::set_permissions(intent.staged(CONTENT), present.permissions())
                .context(Kind::External, cannot)?;
        }
        if let Some(modified) = modified {
            let file = fs::File::options().write(true).open(intent.staged(CONTENT));
            file.and_then(|file| file.set_modified(modified)).context(Kind::External, cannot)?;
        }
        match intent.lock(&name, CONTENT) {
            Ok(()) => Ok(Some(FileLock { intent, name })),
            Err(RefError::Locked { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl FileLock {
    /// Replaces the file by the new content.
    ///
    /// # Errors
    /// It cannot be replaced, and stays as it was.
    pub fn commit(mut self) -> Result<()> {
        let replaced = self.intent.replace_by_lock(&self.name);
        replaced.context(Kind::External, || format!("cannot write '{}'", self.name))
    }
}
