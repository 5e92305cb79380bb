//! The command line of `supervise`, which only `spawn` and supervisors type.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use orchestra_terminal::pages::Page;

/// What to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Verb {
    /// Supervise the agent to its end; its lock is standard input
    Run,
    /// Make its worktree
    Prepare,
    /// Keep its worktree as it is now
    Snapshot,
    /// Take its work
    Take,
}

/// Supervise one agent (started by spawn)
///
/// This is an inner command: 'git orchestra spawn' starts it, one process an agent. It holds the agent's lock as long as it
/// lives, waits for a slot, makes the worktree, runs the agent's program, ends everything that the program started, takes
/// the work and writes the agent's events.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-supervise", version)]
pub(crate) struct Cli {
    /// What to do
    #[arg(value_name = "VERB")]
    pub(crate) verb: Verb,
    /// The common git directory
    #[arg(value_name = "DIR")]
    pub(crate) common_dir: PathBuf,
    /// The agent
    #[arg(value_name = "AGENT")]
    pub(crate) agent: String,
}

pub(crate) const PAGE: Page =
    Page { examples: &[], sections: &[], configuration: false, see_also: &["git-orchestra-spawn"] };
