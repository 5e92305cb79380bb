//! Why refs, or files that are changed by git's lock protocol, could not be changed.

use std::path::PathBuf;

use crate::{Code, Error, model::quote};

/// Why nothing was changed. Callers retry after a race, and only then.
#[derive(Debug, thiserror::Error)]
pub enum RefError {
    /// A ref no longer has the expected value.
    #[error("ref '{name}' was changed by another program")]
    Changed {
        /// Its full name.
        name: String,
    },
    /// Another program still holds a lock at the end of the wait.
    #[error("{what}'{name}' is locked by another program", what = if name.starts_with("refs/") { "ref " } else { "" })]
    Locked {
        /// The ref or file, relative to the git directory.
        name: String,
        /// The lock file.
        lock: PathBuf,
    },
    /// A garbage collection of git deleted objects to which the new value leads.
    #[error("git gc deleted new objects before a ref led to them")]
    Collected {
        /// What git said.
        why: String,
    },
    /// Something else failed; a retry would not help.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl RefError {
    /// Returns whether another program was faster or is still working, so that a retry may help.
    pub const fn is_race(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Locked { .. } | Self::Collected { .. })
    }
}

impl From<RefError> for Error {
    fn from(error: RefError) -> Self {
        let message = error.to_string();
        match error {
            RefError::Changed { .. } => Self::new(Code::RefChanged, message).hint("try again"),
            RefError::Locked { lock, .. } => Self::new(Code::LockHeld, message)
                .hint(format!("if no git runs here: {}", quote::command(&[&"rm", &lock]))),
            RefError::Collected { why } => {
                Self::new(Code::RefChanged, message).because(why).hint("try again when 'git gc' has ended")
            }
            RefError::Failed(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_race_has_its_own_code_and_a_hint() {
        let changed = RefError::Changed { name: "refs/x".into() };
        assert!(changed.is_race());
        let changed = Error::from(changed);
        assert_eq!(
            (changed.code, changed.message.as_str()),
            (Code::RefChanged, "ref 'refs/x' was changed by another program")
        );
        for (name, expected) in [
            ("refs/x", "ref 'refs/x' is locked by another program"),
            ("packed-refs", "'packed-refs' is locked by another program"),
        ] {
            let locked = Error::from(RefError::Locked { name: name.into(), lock: "/a b.lock".into() });
            assert_eq!((locked.code, locked.message.as_str()), (Code::LockHeld, expected));
            assert_eq!(locked.hints, ["if no git runs here: rm '/a b.lock'"]);
        }
        let failed = RefError::Failed(Error::new(Code::DiskFull, "full"));
        assert!(!failed.is_race());
        assert_eq!(Error::from(failed).code, Code::DiskFull);
    }
}
