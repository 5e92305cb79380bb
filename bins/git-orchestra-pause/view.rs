//! Prints the report of `pause`.

use orchestra::{Result, ops::pause, wire};
use orchestra_terminal::{Exit, Terminal, context, here, stop_view};

use super::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let Some(request) = stop_view::pick_agents(terminal, &repo, cli.request(), "pause")? else {
        return stop_view::show_none(terminal, wire::PAUSE, cli.json);
    };
    let report = pause::run(&context::interruptible(terminal)?, &repo, &request)?;
    stop_view::show(terminal, wire::PAUSE, &report, cli.json)
}
