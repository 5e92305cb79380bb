//! What the kernel says of this machine: available memory, pressure, and how often it killed a process or refused to make one.
//! What it does not say is `None`, and is not judged.

mod counters;
mod memory;
mod pressure;

pub use self::{
    counters::{KillCounters, kill_counters},
    memory::{Memory, memory},
    pressure::{Pressure, pressure},
};
