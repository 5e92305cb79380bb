//! Moving a damaged ref out of the way: one such ref makes every fetch and every `gc` of the repository fail.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::intent::{Action, Intent};
use crate::{Code, Error, Kind, Result, error::ErrorContext, git::Repo};

impl Repo {
    /// Moves the file of a damaged ref into `folder`, below which it keeps its name. A ref that is only packed is deleted after
    /// its value was written there. Returns the file; `None` if the ref is no longer damaged.
    ///
    /// # Errors
    /// The ref is locked by another program (4), or the file cannot be moved.
    pub fn quarantine_ref(&self, name: &str, folder: &Path) -> Result<Option<PathBuf>> {
        let mut lock = Intent::declare(self.gix.common_dir(), std::iter::once((Action::Hold, name)))?;
        let suffix = lock.stage_empty(0)?;
        lock.lock(name, &suffix)?;
        // Checked under the lock: it may have been repaired meanwhile.
        if self.ref_damage(name)?.is_none() {
            return Ok(None);
        }
        let to = unused_path(folder, name)?;
        let cannot = || format!("cannot move ref '{name}' to '{}'", to.display());
        let parent = to.parent().unwrap_or(folder);
        fs::create_dir_all(parent).context(Kind::External, cannot)?;
        let file = self.gix.common_dir().join(name);
        let packed = self.find_ref(name).ok().flatten();
        if fs::symlink_metadata(&file).is_ok() {
            fs::rename(&file, &to).context(Kind::External, cannot)?;
        }
        drop(lock);
        if let Some(value) = packed.filter(|_| self.ref_damage(name).is_ok_and(|damage| damage.is_some())) {
            fs::write(&to, format!("{value}\n")).context(Kind::External, cannot)?;
            self.delete_refs(&[(name.to_owned(), value)])?;
        }
        Ok(Some(to))
    }
}

impl Repo {
    /// Moves the file of a damaged ref back to its place.
    ///
    /// # Errors
    /// The ref exists again (3), is locked by another program (4), or the file cannot be moved.
    pub fn return_quarantined_ref(&self, name: &str, file: &Path) -> Result<()> {
        let mut lock = Intent::declare(self.gix.common_dir(), std::iter::once((Action::Hold, name)))?;
        let suffix = lock.stage_empty(0)?;
        lock.lock(name, &suffix)?;
        if !matches!(self.find_ref(name), Ok(None)) {
            return Err(Error::new(Code::UndoRefused, format!("ref '{name}' exists again")).hint_command(&[
                &"git",
                &"log",
                &"--oneline",
                &name,
            ]));
        }
        let to = self.gix.common_dir().join(name);
        let cannot = || format!("cannot move '{}' to '{}'", file.display(), to.display());
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).context(Kind::External, cannot)?;
        }
        fs::rename(file, &to).context(Kind::External, cannot)
    }
}

/// Returns an unused path: a ref may be damaged more than once, and earlier files stay.
fn unused_path(folder: &Path, name: &str) -> Result<PathBuf> {
    let first = folder.join(name);
    let others = (1..1000).map(|n| folder.join(format!("{name}.{n}")));
    std::iter::once(first)
        .chain(others)
        .find(|place| fs::symlink_metadata(place).is_err())
        .ok_or_else(|| Error::new(Code::TooLarge, format!("'{}' is full", folder.display())))
}
