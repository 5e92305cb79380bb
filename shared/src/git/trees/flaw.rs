//! What can be wrong with a tree, and the messages for it. Pure.

use super::limits::{MAX_DEPTH, MAX_FILES, MAX_PATH_BYTES};
use crate::{git::Oid, model::text};

/// Something in a tree that git rejects, or that cannot be checked out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Flaw {
    path: Vec<u8>,
    pub(super) what: FlawKind,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum FlawKind {
    Name,
    ModulesLink,
    LongName,
    LongPath,
    TooDeep,
    Duplicate,
    Unsorted,
    Mode(String),
    Malformed,
    Missing(Oid),
    WrongType(Oid),
    TooLarge(u64),
    BadModules(String),
    TooManyFiles,
}

impl Flaw {
    pub(super) fn of(name: &[u8], what: FlawKind) -> Self {
        Self { path: name.to_vec(), what }
    }

    /// Prepends a folder to the path.
    pub(super) fn below(mut self, folder: &[u8]) -> Self {
        let name = std::mem::take(&mut self.path);
        self.path = if name.is_empty() { folder.to_vec() } else { [folder, b"/", &name].concat() };
        self
    }

    /// Returns the end of a sentence that begins with `its tree` or `its commit`.
    pub(super) fn sentence(&self) -> String {
        let path = text::one_line(&String::from_utf8_lossy(&self.path), 200);
        let path = if self.path.is_empty() { "the top folder".to_owned() } else { format!("'{path}'") };
        match &self.what {
            FlawKind::Name => format!("holds {path}, which git refuses"),
            FlawKind::ModulesLink => format!("holds {path} as a link, which git refuses"),
            FlawKind::LongName => format!("holds {path}, a name of more than 255 bytes"),
            FlawKind::LongPath => format!("holds paths of more than {MAX_PATH_BYTES} bytes, below {path}"),
            FlawKind::TooDeep => format!("holds more than {MAX_DEPTH} nested folders, below {path}"),
            FlawKind::Duplicate => format!("holds {path} twice"),
            FlawKind::Unsorted => format!("is not sorted, at {path}"),
            FlawKind::Mode(mode) => {
                format!("holds {path} with the mode '{}', which git does not know", text::one_line(mode, 20))
            }
            FlawKind::Malformed => format!("is malformed, in {path}"),
            FlawKind::Missing(id) => format!("holds {path}, and object {} is missing", id.short()),
            FlawKind::WrongType(id) => {
                format!("holds {path}, and object {} is not of the type that its mode says", id.short())
            }
            FlawKind::TooLarge(size) => format!("holds {path} with {size} bytes, more than git could use"),
            FlawKind::BadModules(why) => format!("holds {path}, which {why}"),
            FlawKind::TooManyFiles => format!("adds more than {MAX_FILES} files, below {path}"),
        }
    }
}

/// Why work cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnusableWork {
    /// A clause: `its tree holds '.git', which git refuses`.
    pub why: String,
    /// Whether it can be read nevertheless: all of it is here, and its size is bounded.
    pub can_be_read: bool,
}

impl UnusableWork {
    pub(super) fn of(subject: &str, flaw: &Flaw) -> Self {
        let can_be_read = !matches!(
            flaw.what,
            FlawKind::TooDeep
                | FlawKind::LongPath
                | FlawKind::Malformed
                | FlawKind::Missing(_)
                | FlawKind::WrongType(_)
                | FlawKind::TooLarge(_)
                | FlawKind::TooManyFiles
        );
        Self { why: format!("{subject} {}", flaw.sentence()), can_be_read }
    }

    pub(super) const fn unreadable(why: String) -> Self {
        Self { why, can_be_read: false }
    }
}
