//! Whether the configuration of a repository may be used, as every window asks before it lets anything run.

pub use crate::trust::{
    AcceptedRepo,
    acceptance::{ConfigCheck, Pending, check, is_accepted},
    configuration::ConfigChange,
};
