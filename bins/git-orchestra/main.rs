//! `git orchestra`: hands over to `git-orchestra-<command>`, and knows help, demo, setup, completions and man.

mod cli;
mod completions;
mod demo;
mod find;
mod help;
mod setup;
mod view;

use std::process::ExitCode;

use orchestra_terminal::{Program, run};

fn main() -> ExitCode {
    match find::handed_over() {
        Some(code) => code,
        None => run(&Program { page: cli::PAGE, run: view::run }),
    }
}
