//! `git orchestra status`: shows the current state of every agent.

mod cli;
mod view;

use std::process::ExitCode;

use orchestra_terminal::{Program, run};

fn main() -> ExitCode {
    run(&Program { page: cli::PAGE, run: view::run })
}
