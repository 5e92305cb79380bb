//! `git-orchestra-agent-api`: the agent of the profile `api`, in a program of its own. It is the only command that looks names up in the
//! network, which a program with the C library inside cannot do on every machine; and no other command needs its HTTP and TLS.

#[path = "command.rs"]
mod command;

use std::process::ExitCode;

use orchestra_terminal::{CommandLine, run};

fn main() -> ExitCode {
    let typed = CommandLine::typed();
    run::run::<command::Cli>(&CommandLine { program: "git-orchestra-agent-api".to_owned(), ..typed })
}
