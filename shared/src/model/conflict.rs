//! The kinds of merge conflicts. Pure.

/// A set of kinds of conflicts.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct ConflictKinds(u8);

/// The names that git gives them, in the order of the bits.
const NAMES: [&str; 7] =
    ["content", "modify/delete", "add/add", "rename", "file/directory or mode", "submodule", "other"];

impl ConflictKinds {
    /// Both sides changed the same lines, or the same binary file.
    pub const CONTENT: Self = Self(1);
    /// One side changed what the other removed.
    pub const MODIFY_DELETE: Self = Self(1 << 1);
    /// Both sides added a file with the same name.
    pub const ADD_ADD: Self = Self(1 << 2);
    /// Both sides renamed the same file, or renamed files to the same name.
    pub const RENAME: Self = Self(1 << 3);
    /// A file on one side is a directory, a link, or has another mode on the other.
    pub const TYPE: Self = Self(1 << 4);
    /// Both sides changed the commit of a submodule.
    pub const SUBMODULE: Self = Self(1 << 5);
    /// Any other conflict.
    pub const OTHER: Self = Self(1 << 6);

    /// Returns the union of both sets.
    #[must_use]
    pub const fn combine(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the set as a bit mask, for files.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Makes a set from a bit mask.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Returns whether the set holds [`Self::CONTENT`] alone.
    pub const fn is_content(self) -> bool {
        self.0 == Self::CONTENT.0
    }

    /// Returns the names of the kinds in the set.
    pub fn names(self) -> Vec<&'static str> {
        NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| *name).collect()
    }

    /// Returns the kind of conflict in a message of git such as `CONFLICT (modify/delete): …`; `None` for any other message.
    pub fn of_message(message: &str) -> Option<Self> {
        let kind = message.strip_prefix("CONFLICT (")?.split_once(')')?.0;
        Some(match kind {
            "content" | "contents" | "binary" => Self::CONTENT,
            "add/add" => Self::ADD_ADD,
            "modify/delete" | "rename/delete" => Self::MODIFY_DELETE,
            "file/directory" | "distinct modes" | "distinct types" => Self::TYPE,
            _ if kind.contains("submodule") => Self::SUBMODULE,
            // A file in a directory that the other side renamed.
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
            ("CONFLICT (content): Merge conflict in a", Some(ConflictKinds::CONTENT)),
            ("CONFLICT (add/add): Merge conflict in a", Some(ConflictKinds::ADD_ADD)),
            (
                "CONFLICT (modify/delete): a deleted in x and modified in y.",
                Some(ConflictKinds::MODIFY_DELETE),
            ),
            ("CONFLICT (rename/rename): a renamed to b in x and to c in y.", Some(ConflictKinds::RENAME)),
            ("CONFLICT (directory rename split): Unclear", Some(ConflictKinds::RENAME)),
            ("CONFLICT (file location): a/new added in r inside", Some(ConflictKinds::RENAME)),
            ("CONFLICT (submodule): Merge conflict in s", Some(ConflictKinds::SUBMODULE)),
            ("CONFLICT (something new): x", Some(ConflictKinds::OTHER)),
        ] {
            assert_eq!(ConflictKinds::of_message(message), kind, "{message}");
        }
        let two = ConflictKinds::CONTENT.combine(ConflictKinds::RENAME);
        assert_eq!(two.names(), ["content", "rename"]);
        assert_eq!(ConflictKinds::from_bits(two.bits()), two);
        assert!(ConflictKinds::CONTENT.is_content() && !two.is_content());
    }
}
