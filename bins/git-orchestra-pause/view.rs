//! Prints the report of `pause`.

use orchestra::{Result, ops::pause, wire};
use orchestra_terminal::{Exit, Terminal, here, stop_view};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let Some(request) = stop_view::complete(terminal, &repo, cli.request(), "pause")? else {
        return stop_view::show_none(terminal, wire::PAUSE, cli.json);
    };
    stop_view::show(terminal, wire::PAUSE, &pause::run(&repo, &request)?, cli.json)
}
