//! `git orchestra sessions`: finds, reads, keeps and resumes the sessions of coding agents.

mod cli;
mod export;
mod find;
mod go_on;
mod keep;
mod list;
mod scope;
mod show;
mod stats;
mod view;
mod words;

use std::process::ExitCode;

use orchestra_terminal::{Program, run};

fn main() -> ExitCode {
    run(&Program { page: cli::PAGE, run: view::run })
}
