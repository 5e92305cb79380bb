//! Landing branches: which, in which order, one step after the other in a scratch worktree, and the target at the end.
//!
//! | module | knows |
//! |---|---|
//! | [`branches`] | what was named, or the work of every agent that is done |
//! | [`plan`] | every pair merged on trial, and the order that follows |
//! | [`steps`] | the steps: bring a branch in, prove it, keep it or set it aside |
//! | `bring`, `merge`, `regenerate` | one merge; conflicts that settle themselves |
//! | [`repair`], [`before`] | conflicts and failures that an agent repairs; what it had before |
//! | `unresolved` | conflicts that an agent was asked to resolve and did not |
//! | `check`, `scratch` | a command of the user's, in a worktree of our own |
//! | [`prove`] | building and testing one commit, without landing anything |
//! | [`earlier`] | which checks failed with a branch in an earlier landing |
//! | [`state`] | what was done so far, written down after every step |
//! | [`gitlinks`] | repositories inside a branch of which nobody else can get the commits |
//! | [`finish`], [`record`] | the target moves, once; then it is told |
//! | [`signing`] | signatures of what lands, where the user wants them |
//! | `moving` | a branch and the checkout that is on it move together, or not at all |

pub mod before;
pub mod branches;
mod bring;
pub mod check;
pub mod earlier;
pub mod finish;
pub mod gitlinks;
mod known;
pub mod merge;
mod message;
mod moving;
pub mod plan;
pub mod prove;
pub mod record;
mod regenerate;
pub mod repair;
mod scratch;
pub mod signing;
pub mod state;
pub mod steps;
mod trials;
mod unresolved;

pub use branches::{Branch, Target};
pub use plan::Plan;
pub use state::{Orders, State};
