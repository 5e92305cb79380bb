//! Agents' worktrees: where they lie, making them, taking the work out of them.

pub mod away;
pub mod branch_index;
pub mod dirt;
pub mod door;
mod exclude;
pub mod incomplete;
pub mod inner;
pub mod keep;
pub mod leave_out;
pub mod life;
pub mod list;
pub mod make;
pub mod manifest;
pub mod named;
pub mod place;
pub mod root;
pub mod shadow;
pub mod stage;
pub mod survey;
pub mod take;
pub mod unfinished;
