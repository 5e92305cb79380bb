//! The only door to a repository and to the `git` program. No type of gix leaves this module.

mod abandoned;
pub mod above;
pub mod careful;
pub mod checkout;
pub mod command;
pub mod config_file;
pub mod entries;
mod fallback;
pub mod file_lock;
pub mod file_stat;
pub mod frozen;
pub mod gitlinks;
pub mod ignore;
pub mod index;
mod intent;
mod mend;
pub mod merging;
pub mod objects;
pub mod oid;
pub mod outside;
mod ownership;
mod packed;
pub mod raw;
mod ref_aside;
pub mod ref_list;
pub mod reflog;
pub mod refs;
pub mod remotes;
pub mod repo;
pub mod settings;
pub mod submodule;
pub mod trees;
pub mod worktrees;

pub use command::Git;
pub use oid::Oid;
pub use repo::Repo;
