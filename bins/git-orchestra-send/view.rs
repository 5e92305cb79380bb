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
    if report.travels {
        let clone = report.agent.label.as_ref().unwrap_or(&report.agent.writer);
        terminal.say(&format!(
            "{id} runs at {clone}: it hears it after the next syncs, if that clone trusts this one"
        ));
        terminal.hint("git orchestra sync");
        return Ok(Exit::Done);
    }
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
