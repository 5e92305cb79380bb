//! Agents' worktrees: where they are, making them, and capturing the work in them.

pub mod away;
pub mod branch_index;
pub mod capture;
pub mod dirty;
mod exclude;
pub mod exclusions;
pub mod folder_objects;
pub mod incomplete;
pub mod inner;
pub mod isolated_git_dir;
pub mod list;
pub mod make;
pub mod manifest;
pub mod open_worktree;
pub mod place;
pub mod recent_activity;
pub mod registration_objects;
pub mod root;
pub mod stage;
pub mod survey;
pub mod unfinished;
