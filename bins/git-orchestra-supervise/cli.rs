//! The command line of `supervise`, which only `spawn` and supervisors call.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Parser, ValueEnum,
    builder::{NonEmptyStringValueParser, TypedValueParser},
};
use orchestra::model::host::HostRule;
use orchestra_terminal::pages::Page;

/// The part of the work on an agent for which the process is started.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Verb {
    /// Supervise the agent until it ends; its lock is standard input
    Run,
    /// Create its worktree
    Prepare,
    /// Save a snapshot of its worktree
    Snapshot,
    /// Save a snapshot of its worktree after a turn
    Turn,
    /// Sum what the other agents of this clone used
    Sum,
    /// Save its work
    Take,
    /// Run its check on the commit from which it started
    CheckBase,
    /// Run the command that makes its sandbox, and connect that with the hosts that are allowed
    Connect,
    /// In the sandbox: run the command with that network
    Enter,
    /// Take from this process what its sandbox forbids, and become the command
    Confine,
    /// Make its worktree ready for the next role of its team
    HandOver,
    /// Run the user's commands for the notice on standard input
    Notify,
}

/// Supervise one agent (internal, started by spawn)
///
/// 'git orchestra spawn' starts this command, one process per agent. It holds the agent's lock as long as
/// it lives, waits for a slot, creates the worktree, runs the agent's program, ends everything that the
/// program started, saves the work and writes the agent's events.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-supervise", version)]
pub(crate) struct Cli {
    /// The step to perform
    #[arg(value_name = "VERB")]
    pub(crate) verb: Verb,
    /// The common git directory
    #[arg(value_name = "DIR")]
    pub(crate) common_dir: PathBuf,
    /// The agent's id; '-' for a notice that is about none
    #[arg(value_name = "AGENT")]
    pub(crate) agent: String,
    /// A host that the sandbox reaches; may be given several times
    #[arg(long, value_name = "HOST", value_parser = host())]
    pub(crate) allow: Vec<HostRule>,
    /// A file or folder that the command of confine may read; may be given several times
    #[arg(long, value_name = "PATH")]
    pub(crate) read: Vec<PathBuf>,
    /// A file or folder that it may write as well; may be given several times
    #[arg(long, value_name = "PATH")]
    pub(crate) write: Vec<PathBuf>,
    /// The command of connect, enter and confine
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

fn host() -> impl TypedValueParser<Value = HostRule> {
    NonEmptyStringValueParser::new().try_map(|text| HostRule::parse(&text).ok_or("no host"))
}

pub(crate) const PAGE: Page =
    Page { examples: &[], sections: &[], configuration: false, see_also: &["git-orchestra-spawn"] };
