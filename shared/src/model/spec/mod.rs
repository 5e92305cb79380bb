//! A spec: a text that says what is to be built, which people edit and agents read.
//!
//! Each save is an event with the whole text, and names the version that it changed. A version that changes the current one is the
//! current one from then on. One that changes another stays beside it, until a later version merges it: nothing that was written
//! is lost, however fast the other was.

pub mod fact;
pub mod fold;
mod log;
mod name;
mod state;

#[cfg(test)]
mod tests;

pub use fact::Fact;
pub use fold::{Fold, Version};
pub use name::SpecName;
pub use state::SpecState;
