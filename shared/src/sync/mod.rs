//! Travel: agents, their work and what was said of them, between clones, through any repository that git can speak with.
//!
//! | file | knows |
//! |---|---|
//! | [`remote`] | with whom; whether the user agreed to share with them |
//! | [`side`] | what this clone has, and what a remote had at the last look |
//! | [`apart`] | fetching the rest, where one ref cannot be fetched |
//! | [`check`] | whether what came can be taken in |
//! | [`plan`] | what is to be done so that both sides have the same |
//! | [`heads`], [`notes`], [`archives`] | the same for work, notes and agents that were put away |
//! | [`secrets`], [`redact`] | what must not be sent; taking it out |
//! | [`refused`] | what is not taken in, remembered |
//! | [`missing`] | what a remote had and lost |
//! | [`round`] | look, take in, send, look again, until both sides are the same |
//!
//! A fetch writes below `refs/orchestra-local/remotes/` only. Ours follow by joins, which are the same commit on every machine;
//! lives and archives only ever grow, at both ends. What came is data: nothing that is pulled starts a program.

pub mod apart;
pub mod archives;
pub mod check;
pub mod heads;
pub mod missing;
pub mod notes;
pub mod plan;
pub mod redact;
pub mod refused;
pub mod remote;
pub mod round;
pub mod secrets;
pub mod side;

pub use remote::Remote;
pub use side::Side;
