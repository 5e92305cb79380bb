//! Taking agents away: only what is provably elsewhere, only after every byte is kept, and back again.
//!
//! | module | knows |
//! |---|---|
//! | [`integrated`] | whether work is in a branch of the user's already. The decision is pure |
//! | [`inspect`] | whether an agent's worktree is what it seems |
//! | [`contents`] | what lies in it beyond the agent's work |
//! | [`processes_in`] | which processes work in it |
//! | [`restore_folder`] | the way back |
//! | [`remove`], [`restore`] | one agent, step by step; each step alone leaves a state that can be told and undone |
//! | [`trash`] | what was moved away, deleted when nothing waits for it |
//! | [`recover`] | what a killed cleanup or undo left |

pub mod contents;
pub mod inspect;
pub mod integrated;
pub mod processes_in;
pub mod recover;
pub mod remove;
pub mod restore;
pub mod restore_folder;
pub mod trash;
