//! `git orchestra config`: shows the settings of git orchestra, and changes them.

mod approve;
mod cli;
mod import;
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
