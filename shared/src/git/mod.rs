//! The only door to a repository and to the `git` program. No type of gix leaves this module.

pub mod above;
pub mod command;
pub mod file_lock;
pub mod frozen;
pub mod index;
mod intent;
mod mend;
pub mod merging;
pub mod objects;
pub mod oid;
mod packed;
mod ref_aside;
pub mod ref_list;
pub mod refs;
pub mod remotes;
pub mod repo;
pub mod trees;
pub mod worktrees;

pub use command::Git;
pub use oid::Oid;
pub use repo::Repo;
