//! In which ways two works conflict. Pure.

/// A set of them.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Kinds(u8);

/// Names as git has them, in the order of the bits.
const NAMES: [&str; 7] =
    ["content", "modify/delete", "add/add", "rename", "file/directory or mode", "submodule", "other"];

impl Kinds {
    /// Both changed the same lines, or the same file that is no text.
    pub const CONTENT: Self = Self(1);
    /// One changed what the other removed.
    pub const MODIFY_DELETE: Self = Self(1 << 1);
    /// Both added a file of one name.
    pub const ADD_ADD: Self = Self(1 << 2);
    /// Both renamed the same, or to the same.
    pub const RENAME: Self = Self(1 << 3);
    /// A file here is a folder, a link or of another mode there.
    pub const TYPE: Self = Self(1 << 4);
    /// Both moved a submodule.
    pub const SUBMODULE: Self = Self(1 << 5);
    /// Something else.
    pub const OTHER: Self = Self(1 << 6);

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// As a number, for files.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Back from a number.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether it is of contents alone, as most are.
    pub const fn is_content(self) -> bool {
        self.0 == Self::CONTENT.0
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| *name).collect()
    }

    /// The kind of a message of git's, such as `CONFLICT (modify/delete): …`; none where it tells of no conflict.
    pub fn of_message(message: &str) -> Option<Self> {
        let kind = message.strip_prefix("CONFLICT (")?.split_once(')')?.0;
        Some(match kind {
            "content" | "contents" | "binary" => Self::CONTENT,
            "add/add" => Self::ADD_ADD,
            "modify/delete" | "rename/delete" => Self::MODIFY_DELETE,
            "file/directory" | "distinct modes" | "distinct types" => Self::TYPE,
            _ if kind.contains("submodule") => Self::SUBMODULE,
            // A file whose folder the other side renamed.
            "file location" => Self::RENAME,
            _ if kind.contains("rename") => Self::RENAME,
            _ => Self::OTHER,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_git() {
        for (message, kind) in [
            ("Auto-merging a", None),
            ("CONFLICT (content): Merge conflict in a", Some(Kinds::CONTENT)),
            ("CONFLICT (add/add): Merge conflict in a", Some(Kinds::ADD_ADD)),
            ("CONFLICT (modify/delete): a deleted in x and modified in y.", Some(Kinds::MODIFY_DELETE)),
            ("CONFLICT (rename/rename): a renamed to b in x and to c in y.", Some(Kinds::RENAME)),
            ("CONFLICT (directory rename split): Unclear", Some(Kinds::RENAME)),
            ("CONFLICT (file location): a/new added in r inside", Some(Kinds::RENAME)),
            ("CONFLICT (submodule): Merge conflict in s", Some(Kinds::SUBMODULE)),
            ("CONFLICT (something new): x", Some(Kinds::OTHER)),
        ] {
            assert_eq!(Kinds::of_message(message), kind, "{message}");
        }
        let two = Kinds::CONTENT.and(Kinds::RENAME);
        assert_eq!(two.names(), ["content", "rename"]);
        assert_eq!(Kinds::from_bits(two.bits()), two);
        assert!(Kinds::CONTENT.is_content() && !two.is_content());
    }
}
