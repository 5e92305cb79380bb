//! Agents' worktrees: where they lie, making them, taking the work out of them, mending half-made ones.

pub mod dirt;
pub mod leave_out;
pub mod list;
pub mod make;
pub mod mend;
pub mod place;
pub mod shadow;
pub mod take;
