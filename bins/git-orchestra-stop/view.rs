//! What `stop` shows.

use orchestra::{Result, ops::stop, wire};
use orchestra_terminal::{Exit, Terminal, here, rested};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let Some(request) = rested::complete(terminal, &repo, cli.request(), "stop")? else {
        return rested::show_none(terminal, wire::STOP, cli.json);
    };
    rested::show(terminal, wire::STOP, &stop::run(&repo, &request)?, cli.json)
}
