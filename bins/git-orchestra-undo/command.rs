//! `git orchestra undo`: undoes a landing, a cleanup, a rewind or a pick.

mod cli;
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
