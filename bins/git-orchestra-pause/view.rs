//! What `pause` shows.

use orchestra::{Result, ops::pause, wire};
use orchestra_terminal::{Exit, Terminal, here, rested};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let Some(request) = rested::complete(terminal, &repo, cli.request(), "pause")? else {
        return rested::show_none(terminal, wire::PAUSE, cli.json);
    };
    rested::show(terminal, wire::PAUSE, &pause::run(&repo, &request)?, cli.json)
}
