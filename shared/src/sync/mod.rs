//! Exchanges logs, the work of agents, and notes between clones, through any repository that git can reach.
//!
//! | file | knows |
//! |---|---|
//! | [`remote`] | which remote or URL to sync with |
//! | [`consent`] | to which URLs the user agreed to send agents |
//! | [`remote_tips`] | which refs a remote has now |
//! | [`ref_snapshot`] | the refs of this clone, or of a remote at the last fetch |
//! | [`resilient_fetch`] | fetching everything else where a ref cannot be fetched |
//! | [`check`] | whether a remote's events can be merged |
//! | [`plan`] | the changes after which both sides have the same |
//! | `agent_state` | the state of an agent, from one commit where that is safe |
//! | [`heads`], [`notes`], [`archives`] | the same for work, notes and archived agents |
//! | [`screen`] | which parts of a plan may be sent |
//! | `changes` | changing local refs |
//! | [`secrets`], [`redact`] | finding what looks like a secret; removing it |
//! | [`own_work`] | the user's own commits that would be sent as well |
//! | [`outgoing`] | sending few refs by name, and many by pattern |
//! | [`refused`] | a cache of what is not merged |
//! | [`missing`] | what a remote had and lost |
//! | [`relocated`] | remotes whose URL changed |
//! | `same_project` | remotes with the agents of another project |
//! | [`sync_loop`] | fetch, merge, send, and fetch again, until both sides have the same |
//!
//! A fetch writes only below `refs/orchestra-local/remotes/`. Local refs follow by joins, which are the same on every machine;
//! event logs and archives only ever grow, on both sides. What is fetched is data: it never starts a program.

mod agent_state;
pub mod archives;
mod changes;
pub mod check;
pub mod consent;
pub mod heads;
pub mod log_notes;
pub mod missing;
pub mod notes;
pub mod outgoing;
pub mod own_work;
pub mod plan;
pub mod redact;
pub mod ref_snapshot;
pub mod refused;
pub mod relocated;
pub mod remote;
pub mod remote_tips;
pub mod resilient_fetch;
mod same_project;
pub mod screen;
pub mod secrets;
pub mod sync_loop;

pub use ref_snapshot::RefSnapshot;
pub use remote::Remote;
