//! What can be wrong with a tree, and the messages for it. Pure.

use super::limits::{DEEPEST, LONGEST_PATH, MOST_FILES};
use crate::{git::Oid, model::text};

/// Something in a tree that git rejects, or that cannot be checked out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Flaw {
    path: Vec<u8>,
    pub(super) what: What,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum What {
    Name,
    ModulesLink,
    LongName,
    LongPath,
    Deep,
    Twice,
    Unsorted,
    Mode(String),
    Malformed,
    Missing(Oid),
    AnotherKind(Oid),
    Large(u64),
    Modules(String),
    Many,
}

impl Flaw {
    pub(super) fn of(name: &[u8], what: What) -> Self {
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
            What::Name => format!("holds {path}, which git refuses"),
            What::ModulesLink => format!("holds {path} as a link, which git refuses"),
            What::LongName => format!("holds {path}, a name of more than 255 bytes"),
            What::LongPath => format!("holds paths of more than {LONGEST_PATH} bytes, below {path}"),
            What::Deep => format!("holds more than {DEEPEST} nested folders, below {path}"),
            What::Twice => format!("holds {path} twice"),
            What::Unsorted => format!("is not sorted, at {path}"),
            What::Mode(mode) => {
                format!("holds {path} with the mode '{}', which git does not know", text::one_line(mode, 20))
            }
            What::Malformed => format!("is malformed, in {path}"),
            What::Missing(id) => format!("holds {path}, and object {} is missing", id.short()),
            What::AnotherKind(id) => {
                format!("holds {path}, and object {} is not of the type that its mode says", id.short())
            }
            What::Large(size) => format!("holds {path} with {size} bytes, more than git could use"),
            What::Modules(why) => format!("holds {path}, which {why}"),
            What::Many => format!("adds more than {MOST_FILES} files, below {path}"),
        }
    }
}

/// Why work cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unsound {
    /// A clause: `its tree holds '.git', which git refuses`.
    pub why: String,
    /// Whether it can be read nevertheless: all of it is here, and its size is bounded.
    pub can_be_read: bool,
}

impl Unsound {
    pub(super) fn of(subject: &str, flaw: &Flaw) -> Self {
        let can_be_read = !matches!(
            flaw.what,
            What::Deep
                | What::LongPath
                | What::Malformed
                | What::Missing(_)
                | What::AnotherKind(_)
                | What::Large(_)
                | What::Many
        );
        Self { why: format!("{subject} {}", flaw.sentence()), can_be_read }
    }

    pub(super) const fn unreadable(why: String) -> Self {
        Self { why, can_be_read: false }
    }
}
