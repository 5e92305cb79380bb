//! The types and rules of agents and runs. The module is pure: it uses no files, processes or clocks.

pub mod agent;
pub mod canonical;
pub mod config_scope;
pub mod conflict;
pub mod cost;
pub mod duration;
pub mod event;
pub mod fact;
pub mod facts;
pub mod fold;
pub mod id;
pub mod id_or_text;
pub mod ids;
pub mod landing;
pub mod limit;
pub mod naming;
pub mod nearest;
pub mod oid;
pub mod permission;
pub mod phase;
pub mod quote;
pub mod run;
pub mod secret;
pub mod size;
pub mod subject;
pub mod text;
pub mod tool_use;
pub mod trailers;
pub mod verdict;
pub mod work_stat;

mod agent_log;
mod fit;
#[cfg(test)]
mod golden;
mod lines;
pub(crate) mod logs;
mod parsed;
mod slug;
pub(crate) mod words;

pub use agent::{Agent, Event};
pub use config_scope::ConfigScope;
pub use cost::Cost;
pub use fact::Fact;
pub use id::AgentId;
pub use id_or_text::IdOrText;
pub use ids::{BranchName, RunId, SessionId, WriterId};
pub use limit::{Limit, LimitKind};
pub use logs::LogId;
pub use oid::{CommitId, Oid};
pub use permission::{OnPrompt, Permission};
pub use phase::{Liveness, Phase};
pub use run::{Run, RunKey};
pub use size::ByteSize;
pub use subject::{Subject, SubjectId};
pub use work_stat::WorkStat;
