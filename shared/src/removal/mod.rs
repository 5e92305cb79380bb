//! Taking agents away: only what is provably elsewhere, only after every byte is kept, and back again.
//!
//! | module | knows |
//! |---|---|
//! | [`elsewhere`] | whether work is in a branch of the user's already. The decision is pure |
//! | [`place`] | whether an agent's worktree is what it seems |
//! | [`contents`] | what lies in it beyond the agent's work |
//! | [`inside`] | which processes work in it |
//! | [`bring_back`] | the way back |
//! | [`remove`], [`restore`] | one agent, step by step; each step alone leaves a state that can be told and undone |
//! | [`trash`] | what was moved away, deleted when nothing waits for it |
//! | [`unfinished`] | what a killed cleanup or undo left |

pub mod bring_back;
pub mod contents;
pub mod elsewhere;
pub mod inside;
pub mod place;
pub mod remove;
pub mod restore;
pub mod trash;
pub mod unfinished;
