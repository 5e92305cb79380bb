//! In which order branches land. Pure: from what conflicts with what to an order with reasons; no repository, no clock.

mod independent;
pub mod matrix;
pub mod order;

pub use matrix::{Matrix, PairConflict};
pub use order::{Candidate, LandingOrder, RankedBranch, ReviewState, order, order_after};
