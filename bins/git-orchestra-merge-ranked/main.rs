//! `git orchestra merge-ranked`: lands many branches, testing each step.

mod cli;
mod matrix;
mod view;

use std::process::ExitCode;

use orchestra_terminal::{Program, run};

fn main() -> ExitCode {
    run(&Program { page: cli::PAGE, run: view::run })
}
