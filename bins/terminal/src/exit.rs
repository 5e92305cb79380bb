//! The exit statuses, in one table for all commands. Every man page shows it.

use orchestra::Kind;

/// The result of a command that could do its work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// The work is done.
    Done,
    /// The work is done, and the answer is no.
    No,
    /// Part of the work failed, and the failure was reported; the rest is done.
    Failed(Kind),
    /// The user ended a command that runs until then, with Ctrl-C.
    Interrupted,
    /// A program that the command ran for its caller ended with this status.
    Program(u8),
}

impl Exit {
    /// Returns the exit status.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Failed(kind) => code(kind),
            Self::Interrupted => 130,
            Self::Program(status) => status,
        }
    }
}

/// Returns the word for a kind of error that scripts read.
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

/// Returns the exit status of a kind of error.
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

/// The table of exit statuses, as every page shows it.
pub const TABLE: &[(&str, &str)] = &[
    ("0", "Done."),
    ("1", "Done, and the answer is no; for example, an agent failed."),
    ("2", "Usage error: the command line or the request is wrong."),
    ("3", "Refused in the present state; a hint says how to change that."),
    ("4", "Another process changed the same thing first; trying again is safe."),
    ("5", "Another program (git, an agent) could not be started or failed."),
    ("70", "A bug, or state that cannot be read."),
    ("124", "A wait reached its time limit."),
    ("128", "There is no git repository here, or it belongs to another user."),
    ("128+n", "Ended by signal n."),
];
