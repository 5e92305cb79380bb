//! The order in which branches land, with a reason for each, computed from their conflicts. Pure: no repository, no clock.

mod independent;
pub mod matrix;
pub mod order;

pub use matrix::{Matrix, PairConflict};
pub use order::{Candidate, LandingOrder, RankedBranch, ReviewState, order, order_after};
