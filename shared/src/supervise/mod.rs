//! Supervises agents' processes: one supervisor for each agent, a queue without a daemon, and the process tree of each agent.
//!
//! A supervisor holds the agent's lock as long as it lives; the kernel releases it when it dies. Whether an agent is running is
//! read from that lock and from the processes themselves.

pub mod asking;
pub mod attachment;
pub mod auto_sync;
pub mod background;
pub mod below;
pub mod breaker;
mod caps_above;
mod children;
pub mod control;
pub mod conversations;
pub mod dependencies;
pub mod detach;
pub mod ending;
pub mod environment;
pub mod guard;
pub mod helper;
pub mod hosts;
pub mod idle;
pub mod inhibitor;
mod last_words;
pub mod launch;
pub mod lending;
pub mod life;
pub mod liveness;
pub mod notices;
mod output_times;
mod own_variables;
pub mod points;
pub mod ports;
pub mod preparation;
pub mod processes;
pub mod program_output;
pub mod prompt;
pub mod publishing;
pub mod queue;
mod readying;
pub mod reaper;
pub mod relink;
pub mod repair;
pub mod rounds;
pub mod sent_messages;
pub mod spec;
pub mod spending;
pub mod start;
pub mod stored_output;
pub mod stuck;
pub mod team;
pub mod temporary;
mod tickets;
pub mod tracked_folder;

#[cfg(target_os = "linux")]
#[path = "tree_linux.rs"]
pub mod tree;
#[cfg(not(target_os = "linux"))]
#[path = "tree_elsewhere.rs"]
pub mod tree;
