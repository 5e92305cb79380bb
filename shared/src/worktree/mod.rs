//! Agents' worktrees: where they are, making them, and capturing the work in them.

pub mod capture;
pub mod dirty;
mod exclude;
pub mod exclusions;
pub mod folder_objects;
pub mod incomplete;
pub mod index_copy;
pub mod isolated_git_dir;
pub mod last_counts;
pub mod list;
pub mod make;
pub mod manifest;
pub mod nested_repositories;
pub mod open_worktree;
pub mod private_git_dir;
pub mod recent_activity;
pub mod registration_objects;
pub mod removed_folders;
pub mod root;
pub mod stage;
pub mod survey;
pub mod unchanged;
pub mod unfinished;
pub mod worktrees_dir;
