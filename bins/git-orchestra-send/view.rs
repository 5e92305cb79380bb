//! What `send` shows.

use orchestra::{Result, git::Repo, ops::send, world};
use orchestra_terminal::{Exit, Terminal, json};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = Repo::discover(&world::directory())?;
    let report = send::run(&repo, &cli.request())?;
    if cli.json {
        json::answer(terminal, "send", &report)?;
        return Ok(Exit::Done);
    }
    let id = &report.agent.id;
    match &report.answered {
        Some(what) if cli.allow => terminal.say(&format!("{id} may: {what}")),
        Some(what) if cli.deny => terminal.say(&format!("{id} may not: {what}")),
        Some(what) => terminal.say(&format!("{id} has its answer: {what}")),
        None => terminal.say(&format!("{id} will hear it")),
    }
    if report.answered.is_none()
        && let Some(what) = &report.agent.waiting
    {
        terminal.hint(&format!("it still waits for an answer ({what}): --allow or --deny"));
    }
    Ok(Exit::Done)
}
