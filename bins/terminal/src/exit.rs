//! The exit codes, one table for all commands; every man page shows it.

use orchestra::Kind;

/// How a command ends when it could do its work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Done.
    Done,
    /// Done, and the answer is no.
    No,
    /// Some of it failed, and was told; the rest is done.
    Failed(Kind),
    /// Ended by the user's Ctrl-C, where that is a way to end.
    Interrupted,
}

impl Exit {
    /// The number for the shell.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Failed(kind) => code(kind),
            Self::Interrupted => 130,
        }
    }
}

/// The word for scripts that belongs to the number of a kind.
pub const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Usage => "usage",
        Kind::Refused => "refused",
        Kind::Conflict => "conflict",
        Kind::External => "external",
        Kind::Internal => "internal",
        Kind::Timeout => "timeout",
        Kind::NotARepository => "not_a_repository",
        Kind::Interrupted => "interrupted",
    }
}

/// The number for the shell of a kind.
pub const fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Usage => 2,
        Kind::Refused => 3,
        Kind::Conflict => 4,
        Kind::External => 5,
        Kind::Internal => 70,
        Kind::Timeout => 124,
        Kind::NotARepository => 128,
        Kind::Interrupted => 130,
    }
}

/// The table, as every page shows it.
pub const TABLE: &[(&str, &str)] = &[
    ("0", "Done."),
    ("1", "Done, and the answer is no: an agent failed, for instance."),
    ("2", "The command line is wrong."),
    ("3", "It cannot be done as things stand; a hint says what would change that."),
    ("4", "Another writer was quicker, or two things collide; trying again is safe."),
    ("5", "A program outside (git, an agent) could not be run or broke."),
    ("70", "A bug, or state that cannot be read."),
    ("124", "A wait reached its limit."),
    ("128", "There is no git repository here, or it belongs to another user."),
    ("128+n", "Ended by signal n."),
];
