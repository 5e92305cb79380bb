//! Prints the report of `send`.

use orchestra::{
    Result,
    model::AgentId,
    ops::{
        named,
        send::{self, OneOrMany, Sent},
    },
    wire,
};
use orchestra_terminal::{Exit, Terminal, errors, here, json};

use crate::cli::Cli;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let is_agent = |word: &str| AgentId::parse(word).is_ok() && named::any(&repo, word).is_ok();
    let report = send::run(&repo, &cli.request(is_agent)?)?;
    let failed = errors::tell_failures(terminal, &report.failed);
    if cli.json {
        json::answer(terminal, wire::SEND, &OneOrMany::from(report))?;
    } else {
        for sent in &report.sent {
            tell(cli, terminal, sent);
        }
    }
    Ok(failed.unwrap_or(Exit::Done))
}

fn tell(cli: &Cli, terminal: &Terminal, sent: &Sent) {
    let id = &sent.agent.id;
    if sent.travels {
        let clone = sent.agent.label.as_deref().unwrap_or(&sent.agent.writer);
        terminal.say(&format!(
            "{id} runs in clone {clone}: it gets the message after both clones sync, if that clone trusts this one"
        ));
        terminal.hint("git orchestra sync");
        return;
    }
    match &sent.answered {
        Some(what) if cli.allow => terminal.say(&format!("{id}: allowed: {what}")),
        Some(what) if cli.deny => terminal.say(&format!("{id}: denied: {what}")),
        Some(what) => terminal.say(&format!("{id}: answered: {what}")),
        None => terminal.say(&format!("{id}: message sent")),
    }
    if sent.answered.is_none()
        && let Some(what) = &sent.agent.waiting
    {
        terminal.hint(&format!("{id} still waits for an answer ({what}): --allow or --deny"));
    }
}
