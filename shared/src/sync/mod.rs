//! Travel: agents, their work and what was said of them, and the logs of other subjects, between clones, through any repository that
//! git can speak with.
//!
//! | file | knows |
//! |---|---|
//! | [`remote`] | with whom |
//! | [`consent`] | where the user agreed to send agents |
//! | [`remote_tips`] | what a remote has at this moment |
//! | [`ref_snapshot`] | what this clone has, and what a remote had at the last look |
//! | [`resilient_fetch`] | fetching the rest, where one ref cannot be fetched |
//! | [`check`] | whether what came can be taken in |
//! | [`plan`] | what is to be done so that both sides have the same |
//! | [`heads`], [`notes`], [`archives`] | the same for work, notes and agents that were put away |
//! | [`screen`] | what of a plan may leave |
//! | `changes` | making the changes of our own refs |
//! | [`secrets`], [`redact`] | what looks like a secret, and stays; taking it out |
//! | [`own_work`] | the user's own commits that would go along |
//! | [`refused`] | what is not taken in, remembered |
//! | [`missing`] | what a remote had and lost |
//! | `relocated` | remotes that have another URL than before |
//! | [`sync_loop`] | look, take in, send, look again, until both sides are the same |
//!
//! A fetch writes below `refs/orchestra-local/remotes/` only. Ours follow by joins, which are the same commit on every machine;
//! lives and archives only ever grow, at both ends. What came is data: nothing that is pulled starts a program.

pub mod archives;
mod changes;
pub mod check;
pub mod consent;
pub mod heads;
pub mod missing;
pub mod notes;
pub mod own_work;
pub mod plan;
pub mod redact;
pub mod ref_snapshot;
pub mod refused;
mod relocated;
pub mod remote;
pub mod remote_tips;
pub mod resilient_fetch;
pub mod screen;
pub mod secrets;
pub mod sync_loop;

pub use ref_snapshot::RefSnapshot;
pub use remote::Remote;
