//! `git orchestra pause`: pauses agents, saving their work.

mod cli;
mod view;

use std::process::ExitCode;

use orchestra_terminal::{Program, run};

fn main() -> ExitCode {
    run(&Program { page: cli::PAGE, run: view::run })
}
