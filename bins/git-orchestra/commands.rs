//! The commands of the suite, each in a folder of its own.

use std::process::ExitCode;

use orchestra_terminal::{CommandLine, Program, run};

use crate::{agent_api, ui, web};

#[path = "../git-orchestra-attach/command.rs"]
mod attach;
#[path = "../git-orchestra-blame/command.rs"]
mod blame;
#[path = "../git-orchestra-cleanup/command.rs"]
mod cleanup;
#[path = "../git-orchestra-collect/command.rs"]
mod collect;
#[path = "../git-orchestra-compare/command.rs"]
mod compare;
#[path = "../git-orchestra-config/command.rs"]
mod config;
#[path = "../git-orchestra-decide/command.rs"]
mod decide;
#[path = "../git-orchestra-designer/command.rs"]
mod designer;
#[path = "../git-orchestra-diff/command.rs"]
mod diff;
#[path = "../git-orchestra-doctor/command.rs"]
mod doctor;
#[path = "../git-orchestra-inbox/command.rs"]
mod inbox;
#[path = "../git-orchestra-init/command.rs"]
mod init;
#[path = "../git-orchestra-logs/command.rs"]
mod logs;
#[path = "../git-orchestra-mcp/command.rs"]
mod mcp;
#[path = "../git-orchestra-merge-ranked/command.rs"]
mod merge_ranked;
#[path = "../git-orchestra-pause/command.rs"]
mod pause;
#[path = "../git-orchestra-plan/command.rs"]
mod plan;
#[path = "../git-orchestra-pr/command.rs"]
mod pr;
#[path = "../git-orchestra-resume/command.rs"]
mod resume;
#[path = "../git-orchestra-review/command.rs"]
mod review;
#[path = "../git-orchestra-rewind/command.rs"]
mod rewind;
#[path = "../git-orchestra-run/command.rs"]
mod run_plan;
#[path = "../git-orchestra-send/command.rs"]
mod send;
#[path = "../git-orchestra-sessions/command.rs"]
mod sessions;
#[path = "../git-orchestra-slot/command.rs"]
mod slot;
#[path = "../git-orchestra-spawn/command.rs"]
mod spawn;
#[path = "../git-orchestra-spec/command.rs"]
mod spec;
#[path = "../git-orchestra-status/command.rs"]
mod status;
#[path = "../git-orchestra-stop/command.rs"]
mod stop;
#[path = "../git-orchestra-supervise/command.rs"]
mod supervise;
#[path = "../git-orchestra-sync/command.rs"]
mod sync;
#[path = "../git-orchestra-tag/command.rs"]
mod tag;
#[path = "../git-orchestra-try/command.rs"]
mod r#try;
#[path = "../git-orchestra-undo/command.rs"]
mod undo;
#[path = "../git-orchestra-worktrees/command.rs"]
mod worktrees;

/// The start of the name of each command's program.
pub(crate) const PREFIX: &str = "git-orchestra-";

/// What the dispatcher does with a command.
pub(crate) struct Entry {
    /// Runs it.
    pub(crate) run: fn(&CommandLine) -> ExitCode,
    /// Returns the definition of its command line, with what its page adds to the help.
    pub(crate) definition: fn() -> clap::Command,
    /// Returns its man page.
    pub(crate) man_page: fn() -> String,
}

impl Entry {
    fn of<P: Program + 'static>() -> Self {
        Self { run: run::run::<P>, definition: run::definition::<P>, man_page: run::man_page::<P> }
    }
}

/// Finds a command by its name without the prefix.
pub(crate) fn find(name: &str) -> Option<Entry> {
    Some(match name {
        "attach" => Entry::of::<attach::Cli>(),
        "agent-api" => Entry::of::<agent_api::Cli>(),
        "blame" => Entry::of::<blame::Cli>(),
        "cleanup" => Entry::of::<cleanup::Cli>(),
        "collect" => Entry::of::<collect::Cli>(),
        "compare" => Entry::of::<compare::Cli>(),
        "config" => Entry::of::<config::Cli>(),
        "decide" => Entry::of::<decide::Cli>(),
        "designer" => Entry::of::<designer::Cli>(),
        "diff" => Entry::of::<diff::Cli>(),
        "doctor" => Entry::of::<doctor::Cli>(),
        "inbox" => Entry::of::<inbox::Cli>(),
        "init" => Entry::of::<init::Cli>(),
        "logs" => Entry::of::<logs::Cli>(),
        "mcp" => Entry::of::<mcp::Cli>(),
        "merge-ranked" => Entry::of::<merge_ranked::Cli>(),
        "pause" => Entry::of::<pause::Cli>(),
        "plan" => Entry::of::<plan::Cli>(),
        "pr" => Entry::of::<pr::Cli>(),
        "resume" => Entry::of::<resume::Cli>(),
        "review" => Entry::of::<review::Cli>(),
        "run" => Entry::of::<run_plan::Cli>(),
        "send" => Entry::of::<send::Cli>(),
        "rewind" => Entry::of::<rewind::Cli>(),
        "sessions" => Entry::of::<sessions::Cli>(),
        "slot" => Entry::of::<slot::Cli>(),
        "spawn" => Entry::of::<spawn::Cli>(),
        "spec" => Entry::of::<spec::Cli>(),
        "status" => Entry::of::<status::Cli>(),
        "stop" => Entry::of::<stop::Cli>(),
        "supervise" => Entry::of::<supervise::Cli>(),
        "sync" => Entry::of::<sync::Cli>(),
        "tag" => Entry::of::<tag::Cli>(),
        "try" => Entry::of::<r#try::Cli>(),
        "ui" => Entry::of::<ui::Cli>(),
        "undo" => Entry::of::<undo::Cli>(),
        "web" => Entry::of::<web::Cli>(),
        "worktrees" => Entry::of::<worktrees::Cli>(),
        _ => return None,
    })
}
