//! The command line of `logs`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra_terminal::{complete, pages::Page};

/// Show what an agent printed, live and after its end
///
/// What Claude Code says is shown as a conversation: > what it was told, → a tool that it used, ← what that gave, ✗ what
/// failed or was denied, ? what it asked. Of other programs the output is shown: colours are taken off, of progress bars only the last state is kept, and whatever else a terminal would obey is made
/// visible; --raw prints the bytes as they came.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-logs", version)]
pub(crate) struct Cli {
    /// The agent; the beginning of its name is enough
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agent: Option<String>,
    /// Go on until the agent ends; Ctrl-C leaves it running
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Print the bytes as they came
    #[arg(long)]
    pub(crate) raw: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra logs add-tests", "Show what it printed"),
        ("git orchestra logs -f add-tests", "Follow it to its end"),
        ("git orchestra logs --raw add-tests | less -R", "See it in colour"),
    ],
    sections: &[(
        "WHERE IT IS KEPT",
        &[
            "While an agent runs, its output is a file below the git directory. At its end it is stored under \
           refs/orchestra-local/logs/, one blob an attempt; it never travels to another machine.",
        ],
    )],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-stop"],
};
