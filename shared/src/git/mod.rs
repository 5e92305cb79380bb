//! The only door to a repository and to the `git` program. No type of gix leaves this module.

pub mod above;
pub mod careful;
pub mod command;
pub mod entries;
pub mod file_stat;
pub mod frozen;
pub mod ignore;
pub mod index;
pub mod merging;
pub mod objects;
pub mod oid;
pub mod refs;
pub mod remotes;
pub mod repo;
pub mod submodule;
pub mod worktrees;

pub use command::Git;
pub use oid::Oid;
pub use repo::Repo;
