//! `git orchestra agent-api`: the agent of the profile `api` (internal command).

mod cli;
mod view;

use orchestra::Result;
use orchestra_terminal::{Exit, Program, Terminal, pages::Page};

pub(crate) use cli::Cli;

impl Program for Cli {
    const PAGE: Page = cli::PAGE;

    fn run(&self, _terminal: &Terminal) -> Result<Exit> {
        view::run(self)
    }
}
