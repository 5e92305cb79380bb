//! What an agent is. Pure: no file, no process, no clock.

pub mod agent;
pub mod canonical;
pub mod conflict;
pub mod event;
pub mod fold;
pub mod id;
pub mod landing;
pub mod limit;
pub mod permission;
pub mod phase;
pub mod quote;
pub mod secret;
pub mod text;
pub mod tool_use;
pub mod trailers;
pub mod verdict;

pub use agent::Agent;
pub use event::{Event, Fact};
pub use id::AgentId;
pub use limit::{Limit, LimitKind};
pub use permission::{OnPrompt, Permission};
pub use phase::{Liveness, Phase};
