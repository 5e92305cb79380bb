//! What a token may do in a repository, as far as its forge tells. Pure.

/// What a token may do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ForgeAccess {
    /// Everything that pull requests need.
    Enough,
    /// Its user may push; whether the token itself is limited, the forge does not tell.
    Untold,
    /// Its user may not push to the repository.
    NoPush,
    /// It lacks this scope.
    NoScope(&'static str),
}
