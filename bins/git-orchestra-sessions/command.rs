//! `git orchestra sessions`: finds, reads, keeps and resumes the sessions of coding agents.

mod cli;
mod export;
mod formats;
mod keep;
mod list;
mod meant;
mod resume;
mod scope;
mod search;
mod show;
mod stats;
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
