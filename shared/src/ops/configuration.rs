//! Whether the configuration of a repository was accepted. Every window checks this before it starts anything.

pub use crate::trust::{
    AcceptedRepo,
    acceptance::{ConfigCheck, PendingChanges, check, is_accepted},
    configuration::ConfigChange,
};
