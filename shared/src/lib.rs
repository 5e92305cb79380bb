//! The library behind `git orchestra`: everything that is not a terminal. `shared/ARCHITECTURE.md` has the map and the reasons.
//!
//! | module | knows |
//! |---|---|
//! | [`model`] | what an agent is: ids, events, phases, the fold. Pure; imports nothing of ours but the error |
//! | [`git`] | the only way to a repository and to the `git` program. No type of gix leaves it |
//! | [`store`] | events on refs: append, read, join, cache. The only place that spells a ref |
//! | [`worktree`] | making worktrees, capturing the work in them, repairing incomplete ones |
//! | [`rank`] | in which order branches land, and why. Pure |
//! | [`plan`] | plans: tasks that come after others, read from the formats that people have. Pure |
//! | [`run`] | what a run of a plan does next. Pure |
//! | [`agents`] | the agent programs, one folder each: how each is started, spoken to, read and resumed |
//! | [`conversation`] | what all readers of sessions share: finding, reading in bounded memory, the index |
//! | [`removal`] | removing agents with every byte kept, and restoring them |
//! | [`landing`] | landing branches: options, plan, steps, checks, and the move of the target |
//! | [`supervise`] | processes: launch, tree, queue, limits, control |
//! | [`slots`], [`tickets`] | the machine-wide slots of heavy commands; the queue in front of slots |
//! | [`surroundings`] | what changed outside the agents' worktrees while they ran |
//! | [`sync`] | the exchange between clones: what to fetch, accept, and send |
//! | [`trust`] | which configuration may name a program, and whether a person accepted it |
//! | [`ops`] | one file per command: `Context, Request → Report` |
//! | [`context`] | the context of an operation: the caller's environment, cancellation, time limits, and the observer of its progress |
//! | [`watch`] | what changed, and when to look again: for every window that stays open |
//! | [`wire`] | what programs exchange with us: the answers of `--json`, the requests, the schemas of both |
//! | [`config`] | the `orchestra.*` keys, one table |
//! | [`private_files`] | files that only their owner may read, and files replaced whole or not at all |
//! | [`kernel`] | what the kernel says of memory, pressure, and kills |
//! | [`backoff`], [`parallel`] | pauses between attempts; the same for every item, on several threads |
//! | [`private_files`] | files that only their owner may read |
//! | [`kernel`] | what the kernel says of memory, pressure, and kills |
//! | [`secret_command`] | a secret that a program of the user prints |
//! | [`forge`] | pull requests on GitHub, GitLab, Gitea or Forgejo, and Bitbucket |
//! | [`trace`] | which programs ran and which locks were waited for, for bug reports |
//! | [`world`], [`process`] | clock, randomness, environment; starting a program. Nothing else reaches for them |
//!
//! Data flows one way: `argv → cli → Request → ops → model · store · git · worktree · supervise → Report → view`.
//! Shared state lives under `refs/orchestra/`, private state under `refs/orchestra-local/`; files under
//! `<common git dir>/orchestra/` are bound to this machine or disposable.
//!
//! # Open a repository and list its agents
//!
//! ```
//! use orchestra::{
//!     context::Context,
//!     git::Repo,
//!     ops::status::{self, Request},
//!     world::Environment,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # std::process::Command::new("git").args(["init", "--quiet"]).current_dir(&folder).status()?;
//! let context = Context::of(&Environment::of_this_process().at(folder.path()));
//! let repo = Repo::discover(context.environment())?;
//! let report = status::run(&context, &repo, &Request { all: true, ..Request::default() })?;
//! assert!(report.agents.is_empty() && report.unreadable.is_empty());
//! # Ok(())
//! # }
//! ```

pub mod agents;
pub mod backoff;
pub mod checks;
pub mod config;
pub mod context;
pub mod conversation;
pub mod error;
pub mod forge;
pub mod git;
pub mod kernel;
pub mod landing;
pub mod lock;
pub mod lookup;
pub mod model;
pub mod ops;
pub mod parallel;
pub mod plan;
pub mod private_files;
pub mod process;
pub mod rank;
pub mod removal;
pub mod run;
pub mod sandbox;
pub mod secret_command;
pub mod slots;
pub mod store;
pub mod supervise;
pub mod surroundings;
pub mod sync;
pub mod tickets;
pub mod trace;
pub mod trust;
pub mod watch;
pub mod wire;
pub mod worktree;
pub mod world;

pub use error::{Code, Error, Kind, Result};
