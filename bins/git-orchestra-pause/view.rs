//! What `pause` shows.

use orchestra::{Result, git::Repo, ops::pause, world};
use orchestra_terminal::{Exit, Terminal, rested};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = Repo::discover(&world::directory())?;
    let Some(request) = rested::complete(terminal, &repo, cli.request(), "pause")? else {
        return rested::show_none(terminal, "pause", cli.json);
    };
    rested::show(terminal, "pause", &pause::run(&repo, &request)?, cli.json)
}
