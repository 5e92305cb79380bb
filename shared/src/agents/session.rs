//! The session with which a program is launched.

/// The session of one launch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Session<'a> {
    /// The program has no sessions, or none that can be resumed.
    None,
    /// A new session whose id the program chooses.
    Unnamed,
    /// A new session with this id.
    New(&'a str),
    /// The session with this id, which is resumed.
    Known(&'a str),
}
