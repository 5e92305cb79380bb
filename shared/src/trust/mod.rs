//! What may run: which configuration can name a program or decide where things go, and whether a person accepted it.

pub mod acceptance;
pub mod configuration;
mod record;
mod relevant_keys;

pub use acceptance::AcceptedRepo;
