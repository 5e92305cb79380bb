//! The command line of `resume`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::resume::{Request, TakeOver, Words};
use orchestra_terminal::{Terminal, complete, pages::Page, settings::HowToRun};

/// Go on with agents that came to rest: paused, ended, or lost with their supervisor
///
/// The agent goes on in its own worktree, on its own branch and in its own conversation. A worktree that is gone is made
/// anew, with what its last snapshot held. What still runs of an agent whose supervisor died is ended first, its files kept.
/// What was said at its start holds again, --jobs and all limits included, with what is said now in addition. Its environment is
/// that of this command, and settings of git config that were not given as options hold as they are now.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-resume", version)]
pub(crate) struct Cli {
    /// The agents; the beginning of a name is enough
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agents: Vec<String>,
    /// All agents of this clone that are paused, or lost their supervisor, after a reboot for instance
    #[arg(short, long, conflicts_with = "agents")]
    pub(crate) all: bool,
    /// What they are told; without it, to go on where they stopped
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Take over an agent of another clone that seems to run there, because that machine is gone
    #[arg(long, conflicts_with = "all")]
    pub(crate) take_over: bool,
    /// Start over with the task, in a new conversation
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Return as soon as all supervisors answer, instead of watching
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Show what would be resumed, and how
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten, next_help_heading = "How they run")]
    pub(crate) how: HowToRun,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra resume --all", "Take up everything after a reboot"),
        ("git orchestra resume add-auth -m 'now add the tests'", "Give a finished agent more to do"),
        ("git orchestra resume add-auth --allow 'Bash(cargo *)'", "Go on with more permission"),
        ("git orchestra resume --fresh add-auth", "Start over, in a new conversation"),
    ],
    sections: &[
        (
            "USAGE LIMITS",
            &[
                "An agent whose service gives no more for a while is 'paused, limit until 14:05', and resumes by itself when the \
               limit is over, as long as its supervisor lives (see git-orchestra-status(1)). Named here, it is resumed at once, \
               on your word; --all leaves those that wait alone, and lets those whose supervisor died, after a reboot for \
               instance, wait again.",
            ],
        ),
        (
            "PROGRAMS WITHOUT CONVERSATIONS",
            &["sh and programs of your own run again, in the same worktree; -m then is their task."],
        ),
        (
            "AGENTS OF OTHER CLONES",
            &[
                "An agent that rests in another clone can go on here: its branch is made at its work, its last snapshot is put on \
               top, and its conversation into the program's own folder, as far as 'git orchestra sync --with \
               snapshots,transcripts' brought them, typed at both ends. Of several clones that take up one agent at once, the \
               remote takes the first; without it, both are kept and shown as a contradiction. Program, permissions and limits are \
               those of this clone.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-pause", "git-orchestra-send", "git-orchestra-status"],
};

impl Cli {
    pub(crate) fn request(&self, terminal: &Terminal) -> Request {
        Request {
            agents: self.agents.clone(),
            all: self.all,
            message: self.message.clone().map(Words::Typed),
            fresh: self.fresh,
            take_over: if self.take_over { TakeOver::Always } else { TakeOver::AtRest },
            settings: self.how.settings(terminal, self.detach),
            despite_limit: !self.all,
            dry_run: self.dry_run,
        }
    }
}
