//! `git orchestra review`: records a verdict on an agent's work.

mod ask;
mod cli;
mod edit;
mod show;
mod view;

use std::process::ExitCode;

use orchestra_terminal::{Program, run};

fn main() -> ExitCode {
    run(&Program { page: cli::PAGE, run: view::run })
}
