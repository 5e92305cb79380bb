//! Prints the report of `stop`.

use orchestra::{Result, ops::stop, wire};
use orchestra_terminal::{Exit, Terminal, context, here, stop_view};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let Some(request) = stop_view::pick_agents(terminal, &repo, cli.request(), "stop")? else {
        return stop_view::show_none(terminal, wire::STOP, cli.json);
    };
    let report = stop::run(&context::interruptible(terminal)?, &repo, &request)?;
    stop_view::show(terminal, wire::STOP, &report, cli.json)
}
