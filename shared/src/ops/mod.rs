//! What each command does: `Request → Report`. No terminal, no process of its own, no printing.

pub mod agent_object;
pub mod awaited;
pub mod cleanup;
pub mod collect;
pub mod diff;
pub mod failure;
pub mod init;
pub mod logs;
mod mending;
pub mod merge_ranked;
pub mod named;
pub mod pause;
mod rest;
pub mod resume;
pub mod review;
pub mod send;
pub mod sessions;
pub mod settings;
mod shadowed;
pub mod spawn;
pub mod status;
pub mod stop;
pub mod supervise;
pub mod sync;
pub mod tasks;
pub mod undo;
pub mod worktrees;
