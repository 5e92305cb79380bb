//! `git orchestra review`: records a verdict on an agent's work, or on a pull request.

mod cli;
mod edit;
mod interactive;
mod of_run;
mod pull_request;
mod show;
mod view;

use orchestra::Result;
use orchestra_terminal::{Exit, Program, Terminal, pages::Page};

pub(crate) use cli::Cli;

impl Program for Cli {
    const PAGE: Page = cli::PAGE;

    fn run(&self, terminal: &Terminal) -> Result<Exit> {
        view::run(self, terminal)
    }
}
