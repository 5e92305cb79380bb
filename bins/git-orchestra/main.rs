//! `git orchestra`: runs `git-orchestra-<command>`, and implements help, demo, setup, schema, completions
//! and man itself.

mod cli;
mod completions;
mod demo;
mod help;
mod lookup;
mod nearest;
mod schema;
mod setup;
mod view;

use std::process::ExitCode;

use orchestra_terminal::{Program, run};

fn main() -> ExitCode {
    match lookup::dispatch() {
        Some(code) => code,
        None => run(&Program { page: cli::PAGE, run: view::run }),
    }
}
