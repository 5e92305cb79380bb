//! Landing: merges branches one by one in a scratch worktree, checks each result, and moves the target branch once, at the end.
//!
//! | module | knows |
//! |---|---|
//! | [`options`] | what the user asked for: strategy, checks, what to do about conflicts |
//! | [`branches`] | which branches to land: those that were named, or the work of every finished agent |
//! | [`plan`], `planned` | trial merges of every pair, the order that results, and its steps |
//! | [`conflicts`] | what the work of one agent conflicts with |
//! | [`onto`] | the work of an agent, put on top of another commit |
//! | [`only`] | which files work changes that a list of paths does not name |
//! | [`tried`] | the merge of one agent's work, for a person who tries it |
//! | [`overlaps`] | which agents are about to conflict while they work |
//! | `trials`, `pair_cache` | trial merges and their cache |
//! | [`steps`] | runs the steps: integrate a branch, check the result, keep it or set it aside |
//! | `batches` | how many branches the next check covers, and the search for the one that fails |
//! | [`context`], `outcome` | what a step may use, and the results of its parts |
//! | `integrate`, `merge` | integrating one branch on top of what landed so far |
//! | `settle`, `regenerate` | conflicts that are resolved without judgement |
//! | `repair`, [`repairer`] | conflicts and failures that an agent repairs |
//! | [`before`], `rollback` | the state of an agent before a repair, and restoring it |
//! | `unresolved` | conflict markers that an agent was asked to resolve and left |
//! | [`by_hand`] | the worktree in which a person resolves a conflict |
//! | [`verify`], [`check`] | checking one commit; running one check with limits on time and output |
//! | `ready` | making the worktree of a check ready like that of an agent |
//! | `scratch`, `scratch_slot` | the scratch worktrees, each used by one process at a time |
//! | [`earlier`] | which checks failed with a branch in an earlier landing |
//! | [`state`], [`open_landings`] | the progress of a landing, saved after every step; unfinished landings |
//! | [`target_lock`] | one landing at a time on one branch |
//! | [`gitlinks`] | warnings about gitlinks that `.gitmodules` does not describe |
//! | [`finish`], [`record`] | moving the target; recording the outcome in agents' events and in notes |
//! | [`follow`] | the submodules of the checkout that moved |
//! | [`tick`], [`ticks`] | ticking the tasks of a run in the list that its plan was read from |
//! | [`signing`] | signing the commits that land |
//! | `moving` | moving a branch together with the checkout that is on it |
//!
//! Data flows one way: options and branches make a plan, steps take the plan and write the state, finish moves the target.

mod ahead;
mod batches;
pub mod before;
mod branch_move;
pub mod branches;
pub mod by_hand;
pub mod check;
pub mod conflicts;
pub mod context;
mod dependants;
pub mod earlier;
pub mod finish;
pub mod follow;
pub mod gitlinks;
mod integrate;
mod merge;
mod message;
mod moving;
pub mod only;
pub mod onto;
pub mod open_landings;
pub mod options;
mod outcome;
pub mod overlaps;
mod own_changes;
mod pair_cache;
pub mod part;
pub mod plan;
mod plan_steps;
mod ready;
pub mod record;
mod regenerate;
mod repair;
pub mod repairer;
mod resolve;
pub mod reverted;
mod rollback;
mod scratch;
mod scratch_slot;
mod side_checks;
pub mod signing;
pub mod state;
pub mod steps;
pub mod target_lock;
pub mod tick;
pub mod ticks;
mod trials;
pub mod tried;
mod unresolved;
pub mod verify;

pub use branches::{Branch, LandingTarget};
pub use options::LandOptions;
pub use plan::LandingPlan;
pub use state::State;
pub use trials::Pairs;
