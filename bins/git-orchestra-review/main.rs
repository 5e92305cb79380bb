//! `git orchestra review`: records a verdict on an agent's work.

mod cli;
mod edit;
mod interactive;
mod show;
mod view;

use std::process::ExitCode;

use orchestra_terminal::{Program, run};

fn main() -> ExitCode {
    run(&Program { page: cli::PAGE, run: view::run })
}
