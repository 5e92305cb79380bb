//! A run: the agents of one `spawn`, and the notes about them as a group.
//!
//! The log of a run names its agents and never copies their states: showing a run requires the logs of its agents as well.

pub mod drive;
pub mod fact;
pub mod fold;
pub mod gate;
mod gate_options;
mod key;
mod log;
mod phase;
mod state;
mod task;

#[cfg(test)]
mod tests;

pub use drive::DrivingClone;
pub use fact::Fact;
pub use fold::Fold;
pub use gate::{Gate, GateKind, GateOption};
pub use key::RunKey;
pub use phase::RunPhase;
pub use state::Run;
pub use task::{TaskEnd, TaskOutcome};
