//! The command `agent-api`, which is a program of its own: its page is shown here, and it is handed over to that program.

use orchestra::Result;
use orchestra_terminal::{Exit, Program, Terminal, pages::Page};

use crate::separate;

#[expect(dead_code, reason = "the program itself makes a request of the options")]
#[path = "../git-orchestra-agent-api/cli.rs"]
mod cli;

pub(crate) use cli::Cli;

impl Program for Cli {
    const PAGE: Page = cli::PAGE;

    fn run(&self, _terminal: &Terminal) -> Result<Exit> {
        separate::run("agent-api")
    }
}
