//! The command line of `logs`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra_terminal::{complete, pages::Page};

/// Show an agent's output, live or after it has ended
///
/// The output of Claude Code is shown as a conversation: > a prompt, → a use of a tool, ← its result, ✗ a
/// failure or a denial, ? a question. For other programs their output is shown: colours are removed, a
/// progress bar is reduced to its last state, and control sequences are made visible. --raw prints the
/// bytes unchanged.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-logs", version)]
pub(crate) struct Cli {
    /// The agent; a unique prefix of the name or a word in it is enough
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agent: Option<String>,
    /// Follow the output until the agent ends; Ctrl-C leaves the agent running
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Show only the last N lines; with --follow, from there on
    ///
    /// The lines are those that the program printed, of several attempts if need be. Of the output of Claude
    /// Code, which is shown as a conversation, they are lines of that conversation.
    #[arg(short = 'n', long, value_name = "N", visible_alias = "lines")]
    pub(crate) tail: Option<u32>,
    /// Show only this attempt, counted from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempt: Option<u32>,
    /// Show what the checks of the last landing printed: those that failed, or those of this agent or branch
    ///
    /// 'git orchestra merge-ranked' keeps the output of the last check of each branch in this clone. Without a
    /// name, the newest landing that ran a check is meant; with one, the newest that checked it. Of an agent
    /// whose work no landing has checked since, it is the output of its own check (--until).
    #[arg(long, conflicts_with = "follow")]
    pub(crate) check: bool,
    /// Show what the setup of the agent's worktree printed last
    ///
    /// See --setup in git-orchestra-spawn(1).
    #[arg(long, conflicts_with_all = ["follow", "check"], requires = "agent")]
    pub(crate) setup: bool,
    /// Show only what was read from the program since TIME: 10m, 2h, 2026-11-21, 2026-11-21T14:00:00Z
    ///
    /// Times are those at which the agent's supervisor read the output, to about a second.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["check", "setup", "raw"])]
    pub(crate) since: Option<String>,
    /// Show the time of each line, or of each entry of a conversation
    #[arg(long, conflicts_with_all = ["check", "setup", "raw", "json"])]
    pub(crate) times: bool,
    /// Print the bytes unchanged
    #[arg(long)]
    pub(crate) raw: bool,
    /// Print each entry as one JSON object on a line
    ///
    /// An entry is a line of output, or an event of a conversation, with the time at which it was read. With --tail N these are the last N
    /// entries. 'git orchestra schema log' describes them.
    #[arg(long, conflicts_with_all = ["raw", "setup"])]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra logs add-tests", "Show the output of an agent"),
        ("git orchestra logs -f add-tests", "Follow the output until the agent ends"),
        ("git orchestra logs -n 20 add-tests", "Show the last 20 lines"),
        ("git orchestra logs --times --since 10m add-tests", "Show the last ten minutes, with times"),
        ("git orchestra logs --attempt 1 add-tests", "Show what the first attempt printed"),
        ("git orchestra logs -f --json add-tests | my-program", "Tell a program about every entry"),
        ("git orchestra logs --check", "Show why the checks of the last landing failed"),
        ("git orchestra logs --setup add-tests", "Show why the setup of its worktree failed"),
        ("git orchestra logs --raw add-tests | less -R", "Show the output with its colours"),
    ],
    sections: &[(
        "STORAGE",
        &["While an agent runs, its output is a file below the git directory. When it ends, the output is \
             stored under refs/orchestra-local/logs/, one blob per attempt. It is never sent to another \
             machine. The times are a small file beside it, with a line for each read that found new output: at \
             most one per second, fewer in an agent that runs for hours."],
    )],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-stop"],
};
