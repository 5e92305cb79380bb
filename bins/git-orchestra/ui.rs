//! The command `ui`, which is a program of its own: its page is shown here, and it is handed over to that program.

use orchestra::Result;
use orchestra_terminal::{Exit, Program, Terminal, pages::Page};

use crate::separate;

#[path = "../git-orchestra-ui/cli.rs"]
mod cli;

pub(crate) use cli::Cli;

impl Program for Cli {
    const PAGE: Page = cli::PAGE;

    fn run(&self, _terminal: &Terminal) -> Result<Exit> {
        separate::run("ui")
    }
}
