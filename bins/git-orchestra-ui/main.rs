//! `git-orchestra-ui`: a full-screen terminal, in a program of its own: no other command draws a whole screen.

#[path = "command.rs"]
mod command;

use std::process::ExitCode;

use orchestra_terminal::{CommandLine, run};

fn main() -> ExitCode {
    let typed = CommandLine::typed();
    run::run::<command::Cli>(&CommandLine { program: "git-orchestra-ui".to_owned(), ..typed })
}
