//! What to do about a branch that has no commit yet.

use super::Repo;
use crate::{Code, Error};

impl Repo {
    /// Returns the error for a command that needs a commit where there is none. In a bare repository nothing can be committed.
    pub fn no_commit(&self, what: impl Into<String>) -> Error {
        let error = Error::new(Code::CommitMissing, what);
        if self.work_dir().is_none() {
            return error.hint("push a branch with a commit to it, from a clone");
        }
        error.hint("git commit --allow-empty -m 'first commit'")
    }
}
