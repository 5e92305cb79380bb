//! Landing branches: which, in which order, one step after the other in a scratch worktree, and the target at the end.

pub mod branches;
mod known;
pub mod plan;
mod trials;
