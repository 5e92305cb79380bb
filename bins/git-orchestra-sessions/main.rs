//! `git orchestra sessions`: finds, reads, keeps and resumes the sessions of coding agents.

mod cli;
mod export;
mod formats;
mod keep;
mod list;
mod resume;
mod scope;
mod search;
mod show;
mod stats;
mod view;

use std::process::ExitCode;

use orchestra_terminal::{Program, run};

fn main() -> ExitCode {
    run(&Program { page: cli::PAGE, run: view::run })
}
