//! What is unusual about the checkout of the person who asks: a command left it half changed, or it shows work that is tried.

use crate::{
    Result,
    git::Repo,
    landing::finish,
    ops::r#try::{self, Tried},
};

/// What a person should know before working in the checkout.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CheckoutState {
    /// The number of moves of checkouts of this repository that were interrupted, so that files can be those of either commit.
    pub interrupted_moves: usize,
    /// The work that is tried.
    pub tried: Option<Tried>,
}

/// Looks at the checkout, without changing anything.
///
/// # Errors
/// The repository cannot be read.
pub fn checkout(repo: &Repo) -> Result<CheckoutState> {
    Ok(CheckoutState {
        interrupted_moves: finish::count_interrupted_moves(repo)?,
        tried: r#try::tried(repo)?,
    })
}
