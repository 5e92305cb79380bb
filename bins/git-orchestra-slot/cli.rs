//! The command line of `slot`.

use std::{ffi::OsString, time::Duration};

use clap::{Parser, ValueHint};
use orchestra_terminal::{pages::Page, settings::time};

/// Run a heavy command when this machine has a slot for it
///
/// Agents that build and test at the same time can make a machine unusable. Commands that are started with
/// 'git orchestra slot' run only as many at a time as orchestra.slots allows (half of the processors if it is
/// not set), over all repositories and agents of a user; the others wait, and start in the order in which
/// they came. The checks of 'merge-ranked' and 'review' take a slot too. Without a command, the slots and
/// those who have them are shown.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-slot", version)]
pub(crate) struct Cli {
    /// The command with its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
    /// Give up if no slot became free in this time, such as 90s or 10m; the exit status is 124 then
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "2h", requires = "command")]
    pub(crate) timeout: Duration,
    /// Do not print that the command waits, and for whom
    #[arg(short, long, requires = "command")]
    pub(crate) quiet: bool,
    /// Print the slots as one JSON object
    #[arg(long, conflicts_with = "command")]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra slot -- cargo test --workspace", "Test when it is this command's turn"),
        ("git orchestra slot --timeout 10m make check", "Wait for at most ten minutes"),
        ("git orchestra slot", "Show which commands have a slot, and how many wait"),
        ("git config --global orchestra.slots 3", "Let three heavy commands run at once"),
    ],
    sections: &[(
        "HOW IT RUNS",
        &[
            "The command replaces the process of 'git orchestra slot': input, output, terminal, signals and the exit \
             status are its own. It has the slot until its process ends, however that ends; what it leaves in the \
             background has none. 'git orchestra slot' in a command that has a slot starts its command at once.",
            "The slots are locks in the directory git-orchestra/slots of $XDG_RUNTIME_DIR, or else of \
             $XDG_STATE_HOME or ~/.local/state. If they cannot be written, as in some sandboxes, the command \
             starts at once, with a warning.",
            "A program that closes the files that it inherits, such as sudo, gives its slot back when it does: write \
             'sudo git orchestra slot …' or a script around it.",
            "An agent needs the permission to use this command like any other: a rule such as 'Bash(git orchestra slot \
             cargo test *)' allows it one command in a slot.",
        ],
    )],
    configuration: false,
    see_also: &["git-orchestra-merge-ranked", "git-orchestra-review", "git-orchestra-config"],
};
