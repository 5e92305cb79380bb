//! Events on refs: shared state under `refs/orchestra/`, private state under `refs/orchestra-local/`.

mod agent_chain;
mod agent_dir;
mod agent_state;
pub mod append;
pub mod archive;
pub mod cache;
pub mod chain;
pub mod check_results;
pub mod commit;
pub mod findings;
mod fold_cache;
mod folded_log;
pub mod join;
pub mod layout;
pub mod lineage;
pub mod list;
pub mod notes;
pub mod operations;
pub mod pack;
pub mod points;
mod restored_ref;
pub mod sound;
mod tips;
pub mod transcripts;
pub mod trash_clock;
pub mod unreadable;
pub mod verdicts;
pub mod writer;

pub use agent_chain::Chain;
pub use agent_state::{AgentLog, agent, any_agent};
pub use append::{NewAgent, append, append_if, begin, create};
pub use folded_log::FoldedLog;
pub use list::{ListRow, Listing};
pub use unreadable::Unreadable;
