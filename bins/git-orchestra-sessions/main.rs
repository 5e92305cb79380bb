//! `git orchestra sessions`: find and read the conversations of coding agents.

mod cli;
mod list;
mod show;
mod view;

use std::process::ExitCode;

use orchestra_terminal::{Program, run};

fn main() -> ExitCode {
    run(&Program { page: cli::PAGE, run: view::run })
}
