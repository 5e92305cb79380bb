//! Agents' worktrees: where they lie, making them, taking the work out of them.

pub mod branch_index;
pub mod dirt;
pub mod door;
pub mod leave_out;
pub mod life;
pub mod list;
pub mod make;
pub mod place;
pub mod root;
pub mod shadow;
pub mod stage;
pub mod survey;
pub mod take;
pub mod unfinished;
