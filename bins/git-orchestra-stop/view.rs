//! Prints the report of `stop`.

use orchestra::{Result, ops::stop, wire};
use orchestra_terminal::{Exit, Terminal, here, stop_view};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let Some(request) = stop_view::complete(terminal, &repo, cli.request(), "stop")? else {
        return stop_view::show_none(terminal, wire::STOP, cli.json);
    };
    stop_view::show(terminal, wire::STOP, &stop::run(&repo, &request)?, cli.json)
}
