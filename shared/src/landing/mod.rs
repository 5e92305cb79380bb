//! Landing branches: which, in which order, one step after the other in a scratch worktree, and the target at the end.
//!
//! | module | knows |
//! |---|---|
//! | [`options`] | how branches land |
//! | [`branches`] | what was named, or the work of every agent that is done |
//! | [`plan`], `planned` | every pair merged on trial, the order that follows, and its steps |
//! | `trials`, `pair_cache` | trial merges, remembered |
//! | [`steps`] | the steps: integrate a branch, check the result, keep it or set it aside |
//! | [`context`], `outcome` | what a step may use, and what its parts come to |
//! | `integrate`, `merge` | one branch on top of what landed so far |
//! | `settle`, `regenerate` | conflicts that need no judgement |
//! | `repair`, [`repairer`] | conflicts and failures that an agent repairs |
//! | [`before`], `rollback` | what an agent had before its repair, and gets back |
//! | `unresolved` | conflicts that an agent was asked to resolve and did not |
//! | [`verify`], [`check`] | building and testing one commit; a command of the user's, bounded |
//! | `scratch`, `scratch_slot` | the worktrees for all that, each with one user at a time |
//! | [`earlier`] | which checks failed with a branch in an earlier landing |
//! | [`state`], [`open`] | what was done so far, written down after every step; the landings that are not finished |
//! | [`target_lock`] | one landing at a time on one branch |
//! | [`gitlinks`] | repositories inside a branch of which nobody else can get the commits |
//! | [`finish`], [`record`] | the target moves, once; then agents and notes record it |
//! | [`signing`] | signatures of what lands, where the user wants them |
//! | `moving` | a branch and the checkout that is on it move together, or not at all |
//!
//! Data flows one way: options and branches make a plan, steps take the plan and write the state, finish moves the target.

pub mod before;
mod branch_move;
pub mod branches;
pub mod check;
pub mod context;
pub mod earlier;
pub mod finish;
pub mod gitlinks;
mod integrate;
mod merge;
mod message;
mod moving;
pub mod open;
pub mod options;
mod outcome;
mod pair_cache;
pub mod plan;
mod planned;
pub mod record;
mod regenerate;
mod repair;
pub mod repairer;
mod rollback;
mod scratch;
mod scratch_slot;
mod settle;
pub mod signing;
pub mod state;
pub mod steps;
pub mod target_lock;
mod trials;
mod unresolved;
pub mod verify;

pub use branches::{Branch, LandingTarget};
pub use options::LandOptions;
pub use plan::LandingPlan;
pub use state::State;
pub use trials::Pairs;
