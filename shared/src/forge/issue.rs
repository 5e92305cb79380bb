//! What is known of an issue, whatever the forge calls its fields. Pure.

/// An issue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issue {
    /// Its number in the repository.
    pub number: u64,
    /// Its title, on one line.
    pub title: String,
    /// The login of its author.
    pub author: String,
    /// Its page for people.
    pub url: String,
    /// Its text, exactly as the forge has it.
    pub body: String,
}
