//! What `stop` shows.

use orchestra::{Result, git::Repo, ops::stop, world};
use orchestra_terminal::{Exit, Terminal, rested};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = Repo::discover(&world::directory())?;
    let Some(request) = rested::complete(terminal, &repo, cli.request(), "stop")? else {
        return rested::show_none(terminal, "stop", cli.json);
    };
    rested::show(terminal, "stop", &stop::run(&repo, &request)?, cli.json)
}
