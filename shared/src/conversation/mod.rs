//! The conversations of coding agents, as their programs keep them.

pub mod claude;
