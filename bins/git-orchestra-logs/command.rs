//! `git orchestra logs`: shows an agent's output.

mod check;
mod cli;
mod entries;
mod last_lines;
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
