//! `git-orchestra-web`: a server for browsers on this machine, in a program of its own: no other command needs its HTTP.

#[path = "command.rs"]
mod command;

use std::process::ExitCode;

use orchestra_terminal::{CommandLine, run};

fn main() -> ExitCode {
    let typed = CommandLine::typed();
    run::run::<command::Cli>(&CommandLine { program: "git-orchestra-web".to_owned(), ..typed })
}
