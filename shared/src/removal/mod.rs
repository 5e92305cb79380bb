//! Removing agents: only if their work is provably integrated, only after every byte is stored, and reversibly.
//!
//! | module | knows |
//! |---|---|
//! | [`integrated`] | whether work is already in a branch of the user, for many pieces of work at once |
//! | [`integration`] | how it is integrated there. Pure |
//! | `same_patches` | work that is in a branch as other commits |
//! | [`checkouts`] | all checkouts of the repository, read once |
//! | [`copied`] | where the worktrees of removed agents belong in a copy of the repository |
//! | [`inspect`] | whether an agent's worktree can be removed safely |
//! | [`contents`] | what it contains in addition to the agent's captured work |
//! | [`processes_in`] | which processes use it |
//! | [`restore_folder`] | writing a stored folder back to the disk |
//! | [`remove`], [`restore`] | one agent, in steps; after each step the state can be recognized and reverted |
//! | [`torn_down`] | agents whose worktree a teardown changed or removed before |
//! | [`trash`] | the folders that were moved away, deleted in the background |
//! | [`recover`] | finishing or reverting a killed cleanup or undo |

pub mod checkouts;
pub mod contents;
pub mod copied;
pub mod inspect;
pub mod integrated;
pub mod integration;
pub mod processes_in;
pub mod recover;
pub mod remove;
pub mod restore;
pub mod restore_folder;
mod same_patches;
pub mod torn_down;
pub mod trash;
